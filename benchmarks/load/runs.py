"""
Contenders in turns, each in a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from statistics import median
from tempfile import gettempdir
from typing import TYPE_CHECKING

import msgspec

from ..measure import Row
from .worker import RAW, Figures, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .readers import Client

__all__ = ["Taken", "in_turns", "name_of"]

LATE = 20.0
"""Milliseconds after its writing at which half of the events of a contender that keeps up have come long ago."""

# Some machines forbid Python to keep what it has compiled, and every contender imports the SDK.
COMPILED = {
    "PYTHONPYCACHEPREFIX": f"{gettempdir()}/streamkit-benchmarks-{os.getuid()}",
    "PYTHONDONTWRITEBYTECODE": "",
}


def name_of(reader: str, client: Client | None) -> str:
    """
    A contender as the tables call it.
    """
    return RAW if client is None else f"{reader}, {client}"


class Taken:
    """
    What the contenders of one setting took.

    Attributes:
        failed: Of each that gave nothing, why.
    """

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self._figures: dict[str, list[Figures]] = {}

    def add(self, plan: Plan, figures: Figures | str) -> None:
        """
        One more turn, or what went wrong in it.
        """
        name = name_of(plan.reader, plan.client)
        if isinstance(figures, str):
            self.failed[name] = figures
        else:
            self._figures.setdefault(name, []).append(figures)

    def rows(self, figure: Callable[[Figures], float]) -> list[Row]:
        """
        One figure of each contender: the least and the median.
        """
        return [self._row(name, runs, [figure(run) for run in runs]) for name, runs in self._figures.items()]

    def row(self, contender: str, figure: Callable[[Figures], float], name: str) -> Row | None:
        """
        One figure of one contender under another name.
        """
        runs = self._figures.get(contender)
        return self._row(name, runs, [figure(run) for run in runs]) if runs else None

    def _row(self, name: str, runs: Sequence[Figures], figures: Sequence[float]) -> Row:
        late = min(run.median for run in runs) > LATE
        return Row(name, min(figures), median(figures), "did not keep up" if late else "")


async def in_turns(plans: Iterable[Plan], rounds: int) -> Taken:
    """
    Measure each plan once a round, forwards and backwards.
    """
    plans, taken = list(plans), Taken()
    for number in range(rounds):
        for plan in plans if number % 2 == 0 else reversed(plans):
            taken.add(plan, await measured(plan))
    return taken


async def measured(plan: Plan) -> Figures | str:
    """
    What one contender took, or the last line that it said about its failure.
    """
    command = (sys.executable, "-m", "benchmarks.load.worker", msgspec.json.encode(plan).decode())
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, **COMPILED}
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environment)
    said, wrong = await process.communicate()
    if process.returncode:
        return (wrong.decode().strip().splitlines() or ["it ended"])[-1]
    return msgspec.json.decode(said, type=Figures)
