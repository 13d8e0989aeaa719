"""
How late viewers are, and what they cost the writer.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio

import streamkit as sk
from streamkit.hub._items import encode_item
from streamkit.hub._stores.contract import Batch, Limits
from streamkit.hub._stores.urls import store_maker

from ..measure import Aim, Row, Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableSequence, Sequence

__all__ = ["cut", "follow", "stamps", "tables", "viewers_tables"]

ITEMS = 300
GAP = 0.005
"""Seconds between two items whose delay is measured."""
VIEWERS = 50
APPENDS = 500
PACE = 0.015
"""Seconds between two appends whose time is taken: as a hub's micro-batches come."""


async def stamps(count: int, gap: float) -> AsyncIterator[float]:
    """
    The moments at which they are given, evenly spread.
    """
    began = perf_counter()
    for number in range(count):
        await anyio.sleep(max(0.0, began + number * gap - perf_counter()))
        yield perf_counter()


async def follow(hub: sk.hub.Hub, run: str, delays: MutableSequence[float], count: int) -> None:
    """
    Follow a run of such moments, and note how late each of them comes.
    """
    seen = 0
    async with hub.subscribe(run).open() as following:
        async for record in following:
            delays.append(perf_counter() - record.data)
            seen += 1
    assert seen == count, f"{seen} records of {count}"


def cut(delays: Sequence[float]) -> tuple[float, float]:
    """
    The median and the 99th of a hundred, in milliseconds.
    """
    at = quantiles(delays, n=100)
    return at[49] * 1e3, at[98] * 1e3


async def tables(urls: dict[str, str], rounds: int) -> AsyncIterator[Table]:
    """
    From the item in the pipeline to the record at the viewer, over the wait for a micro-batch.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(min(rounds, 3)):
        for name, url in urls.items():
            for viewers in (1, VIEWERS):
                delays: list[float] = []
                run = uuid4().hex
                async with sk.hub.connect(url) as hub, anyio.create_task_group() as tasks:
                    for _ in range(viewers):
                        tasks.start_soon(follow, hub, run, delays, ITEMS)
                    await hub.publish(run, sk.from_iterable(partial(stamps, ITEMS, GAP)))
                found.setdefault(f"{name}, {viewers} viewer{'s' * (viewers > 1)}", []).append(cut(delays))
    for place, word in enumerate(("p50", "p99")):
        rows = [
            Row(name, min(each[place] for each in cuts), median(each[place] for each in cuts))
            for name, cuts in found.items()
        ]
        title = f"delay from a pipeline to a viewer, {word}, 15 ms of it the micro-batch"
        yield Table(title, "ms, by the wall", rows, "memory, 1 viewer")


async def viewers_tables(urls: dict[str, str], rounds: int) -> AsyncIterator[Table]:
    """
    A writer's slowest appends without viewers, and with many of them in another process.
    """
    for name in ("sqlite", "redis"):
        yield await _viewers_elsewhere(name, urls[name], rounds)


async def _timed_appends(url: str, run: str) -> float:
    taken: list[float] = []
    async with store_maker(url)() as store:
        grant = await store.open(run, lease=60.0, limits=Limits(60.0, 2**30))
        for number in range(APPENDS):
            start = perf_counter()
            await store.append(run, grant, Batch(number * 10 + 1, grant.epoch, 0.0, [encode_item("x")] * 10))
            taken.append(perf_counter() - start)
            await anyio.sleep(PACE)
        await store.delete(run)
    return quantiles(taken, n=100)[98] * 1e3


YIELDING = f"{VIEWERS} viewers that yield"

_WATCHING = """
import os, sys, anyio, streamkit as sk
if sys.argv[4:]:
    os.nice(19)
async def follow(hub):
    try:
        await hub.subscribe(sys.argv[2], wait=60.0).run()
    except sk.StreamError:
        pass
async def main():
    async with sk.hub.connect(sys.argv[1]) as hub, anyio.create_task_group() as tasks:
        for _ in range(int(sys.argv[3])):
            tasks.start_soon(follow, hub)
        print("ready", flush=True)
anyio.run(main)
"""


async def _viewers_elsewhere(name: str, url: str, rounds: int) -> Table:
    contenders = {
        "0 viewers": ("0",),
        f"{VIEWERS} viewers": (f"{VIEWERS}",),
        YIELDING: (f"{VIEWERS}", "yield"),
    }
    taken: dict[str, list[float]] = {contender: [] for contender in contenders}
    for _ in range(min(rounds, 4)):
        for contender, given in contenders.items():
            run = uuid4().hex
            line = [sys.executable, "-c", _WATCHING, url, run, *given]
            with subprocess.Popen(line, stdout=subprocess.PIPE) as watching:  # noqa: ASYNC220 -- nothing else runs in this loop
                assert watching.stdout is not None
                watching.stdout.readline()
                taken[contender].append(await _timed_appends(url, run))
    rows = [Row(contender, min(times), median(times)) for contender, times in taken.items()]
    aim = Aim(f"{VIEWERS} viewers", "0 viewers", at_most=1.05)
    title = f"an append to {name}, p99, with viewers in another process"
    note = (
        "the writer, the viewers and a server share the machine's cores; viewers that yield leave them to the others (nice 19), "
        "so that the last row has less of what any busy process costs"
    )
    return Table(title, "ms, by the wall", rows, "0 viewers", [aim], note)
