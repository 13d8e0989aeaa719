"""
How soon a run goes on whose worker is killed.
"""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING

import anyio

import streamkit as sk
from streamkit.testing import FakeClaude, reply, text
from tests.hub.killing import two_workers
from tests.hub.programs import ASK, WORKER_LEASE

from ..measure import Aim, Row, Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["tables"]

KILLS = 10
LEASE = "the lease"
LONGEST = "{}, the longest"


async def tables(urls: dict[str, str], rounds: int) -> AsyncIterator[Table]:
    """
    From the kill of a worker to the beginning of another one's recipe, with the stores that other processes see.
    """
    rows = [Row(LEASE, WORKER_LEASE, WORKER_LEASE)]
    aims: list[Aim] = []
    for name in ("sqlite", "redis"):
        taken = await _takeovers(urls[name])
        rows.append(Row(name, min(taken), median(taken)))
        rows.append(Row(LONGEST.format(name), max(taken), max(taken)))
        aims.append(Aim(LONGEST.format(name), LEASE, above=1.0))
    title = f"a worker is killed, and another one goes on with its run, {KILLS} times"
    yield Table(title, "s, by the wall", rows, LEASE, aims)


async def _takeovers(url: str) -> list[float]:
    answer = reply(text(*["word "] * 150), pace=0.02)  # longer than until the kill
    chance = random.Random(1)
    async with (
        FakeClaude(answer, repeat=True) as server,
        sk.hub.connect(url) as hub,
        two_workers(url, server.url) as workers,
    ):
        for number in range(KILLS):
            run = f"run-{number}"
            await hub.submit(run, "events", {"run": run, "ask": ASK})
            process = await workers.that_has_begun(run)
            await anyio.sleep(0.2 + chance.random())
            await workers.replaced(process, run)
            await hub.cancel(run)
        return workers.takeovers
