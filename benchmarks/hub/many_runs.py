"""
A hundred runs at once, each with two viewers, all in one process: whether that keeps up, and what it takes.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import anyio

from ..measure import Aim, Row, Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["RATE", "RUNS", "VIEWERS", "tables"]

RUNS = 100
RATE = 50
"""Records a second, of each run."""
VIEWERS = 2
"""Of each run."""
BUDGET = 1e6 / (RUNS * RATE)
"""Microseconds of a core that there are for each record."""

seconds = 3.0
"""How long the runs last; `--soak` and `--seconds` change it."""


async def tables(urls: dict[str, str], rounds: int) -> AsyncIterator[Table]:
    """
    Delays, processor time and memory, with each store in a process of its own.
    """
    taken = {name: await _in_a_process(url) for name, url in urls.items()}
    title = f"{RUNS} runs, {RATE} records a second each, {VIEWERS} viewers each, {seconds:g} s, all complete"
    for word in ("p50", "p99"):
        rows = [
            Row(name, figures[word], figures[word], f"{figures['rate']:,.0f} records/s appended")
            for name, figures in taken.items()
        ]
        yield Table(f"{title}: delay, {word}", "ms, by the wall", rows, "memory")
    note = "at this pace a core has as much as the first row"
    rows = [Row("a whole core", BUDGET, BUDGET)]
    rows += [Row(name, figures["cpu"], figures["cpu"]) for name, figures in taken.items()]
    aims = [Aim(name, "a whole core", at_most=1.0) for name in taken]
    yield Table(f"{title}: processor time, of the process", "μs per record", rows, "a whole core", aims, note)
    rows = [
        Row(name, figures["grown"], figures["grown"], f"{figures['most']:.0f} MB at most")
        for name, figures in taken.items()
    ]
    yield Table(f"{title}: what the process has grown by", "MB", rows, "memory")


async def _in_a_process(url: str) -> dict[str, float]:
    line = [sys.executable, "-m", "benchmarks.hub.soak", url, str(seconds)]
    done = await anyio.run_process(line, stderr=None)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
