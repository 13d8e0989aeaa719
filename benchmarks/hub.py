"""
Runs kept by each store: what an append costs beside the raw store, how late viewers are, and whether many runs hold.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio
import apsw
import hiredis

import streamkit as sk
from streamkit.hub._items import encode_item
from streamkit.hub._stores.contract import Batch, Limits
from streamkit.hub._stores.redis.connection import as_command
from streamkit.hub._stores.urls import store_maker
from tests.support.redis_servers import fresh_redis

from .measure import Aim, Contender, Row, Table, race

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit.hub._stores.contract import Store

__all__ = ["tables"]

RECORDS = [b"x" * 200] * 10
APPENDS = 300
ITEMS = 300
GAP = 0.005
"""Seconds between two items whose delay is measured."""
VIEWERS = 50
RUNS = 100
RATE = 50
soak_seconds = 3.0
"""How long the many runs last; `--soak` changes it."""


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    Appending, delays, a writer with many viewers, and many runs.
    """
    places = ExitStack()
    try:
        folder = places.enter_context(TemporaryDirectory())
        redis = places.enter_context(fresh_redis())
        urls = {"memory": "memory:", "sqlite": f"sqlite:///{folder}/runs.db", "redis": redis.url}
        yield await _appending_to_redis(urls["redis"], rounds)
        yield await _appending_to_sqlite(urls["sqlite"], rounds)
        for table in await _delays(urls, rounds):
            yield table
        for name in ("sqlite", "redis"):
            yield await _viewers_elsewhere(name, urls[name], rounds)
        for table in await _many_runs(urls):
            yield table
    finally:
        places.close()


# -- appending ----------------------------------------------------------------------------------------------


async def _append(url: str, runs: int = 1) -> int:
    """
    Append as many batches, by one run or by several at once; gives the number of records.
    """
    reached: list[int] = []

    async def one(store: Store) -> None:
        run = uuid4().hex
        grant = await store.open(run, lease=60.0, limits=Limits(60.0, 2**30))
        for number in range(APPENDS // runs):
            await store.append(run, grant, Batch(number * 10 + 1, grant.epoch, 0.0, RECORDS))
        page = await store.read(run, APPENDS // runs * 10)
        assert page is not None
        reached.append(page.state.last)

    async with store_maker(url)() as store, anyio.create_task_group() as tasks:
        for _ in range(runs):
            tasks.start_soon(one, store)
    return sum(reached)


async def _appending_to_redis(url: str, rounds: int) -> Table:
    port = int(url.rpartition(":")[2])

    async def raw() -> int:
        key, reader = uuid4().hex, hiredis.Reader()
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            for number in range(APPENDS):
                first = number * 10 + 1
                commands = [
                    as_command("XADD", key, f"0-{first + i}", "b", each) for i, each in enumerate(RECORDS)
                ]
                await stream.send(b"".join(commands))
                answered = 0
                while answered < len(commands):
                    if reader.gets() is not False:
                        answered += 1
                    else:
                        reader.feed(await stream.receive())
        return APPENDS * 10

    base = "raw XADD, ten in a pipeline"
    rows = await race(
        [
            Contender(base, raw),
            Contender("the store", partial(_append, url)),
            Contender("the store, ten runs at once", partial(_append, url, 10)),
        ],
        units=APPENDS,
        rounds=rounds,
    )
    aim = Aim("the store", base, at_most=1.5)
    return Table(
        "appending ten records of 200 B to Redis, one batch after another", "μs per batch", rows, base, [aim]
    )


def _prepare(database: apsw.Connection) -> None:
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "CREATE TABLE log (data BLOB)"):
        database.execute(statement).fetchall()


async def _appending_to_sqlite(url: str, rounds: int) -> Table:
    async def raw() -> int:
        with TemporaryDirectory() as folder:
            database = apsw.Connection(str(Path(folder) / "raw.db"))
            _prepare(database)
            for _ in range(APPENDS):
                with database:
                    database.executemany("INSERT INTO log VALUES (?)", [(each,) for each in RECORDS])
            database.close()
        return APPENDS * 10

    async def in_a_thread() -> int:
        with TemporaryDirectory() as folder:
            database = apsw.Connection(str(Path(folder) / "raw.db"))
            _prepare(database)

            def insert() -> None:
                with database:
                    database.executemany("INSERT INTO log VALUES (?)", [(each,) for each in RECORDS])

            for _ in range(APPENDS):
                await anyio.to_thread.run_sync(insert)
            database.close()
        return APPENDS * 10

    base = "raw inserts in a thread, ten in a commit"
    contenders = [
        Contender(base, in_a_thread),
        Contender("raw inserts in the event loop", raw),
        Contender("the store", partial(_append, url)),
        Contender("the store, ten runs at once", partial(_append, url, 10)),
    ]
    rows = await race(contenders, units=APPENDS, rounds=rounds)
    aim = Aim("the store", base, at_most=1.5)
    return Table(
        "appending ten records of 200 B to SQLite, one batch after another", "μs per batch", rows, base, [aim]
    )


# -- delays -------------------------------------------------------------------------------------------------


async def _stamps(count: int, gap: float) -> AsyncIterator[float]:
    for _ in range(count):
        yield perf_counter()
        await anyio.sleep(gap)


async def _follow(hub: sk.hub.Hub, run: str, delays: list[float], count: int) -> None:
    seen = 0
    async with hub.subscribe(run).open() as following:
        async for record in following:
            delays.append(perf_counter() - record.data)
            seen += 1
    assert seen == count, f"{seen} records of {count}"


def _cut(delays: list[float]) -> tuple[float, float]:
    """
    The median and the 99th of a hundred, in milliseconds.
    """
    at = quantiles(delays, n=100)
    return at[49] * 1e3, at[98] * 1e3


async def _delays(urls: dict[str, str], rounds: int) -> list[Table]:
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
                        tasks.start_soon(_follow, hub, run, delays, ITEMS)
                    await hub.publish(run, sk.from_iterable(partial(_stamps, ITEMS, GAP)))
                found.setdefault(f"{name}, {viewers} viewer{'s' * (viewers > 1)}", []).append(_cut(delays))
    tables: list[Table] = []
    for place, word in enumerate(("p50", "p99")):
        rows = [
            Row(name, min(each[place] for each in cuts), median(each[place] for each in cuts))
            for name, cuts in found.items()
        ]
        title = f"delay from a pipeline to a viewer, {word}, 15 ms of it the micro-batch"
        tables.append(Table(title, "ms, by the wall", rows, "memory, 1 viewer"))
    return tables


async def _timed_appends(url: str, run: str) -> float:
    taken: list[float] = []
    async with store_maker(url)() as store:
        grant = await store.open(run, lease=60.0, limits=Limits(60.0, 2**30))
        for number in range(APPENDS * 2):
            start = perf_counter()
            await store.append(run, grant, Batch(number * 10 + 1, grant.epoch, 0.0, [encode_item("x")] * 10))
            taken.append(perf_counter() - start)
            await anyio.sleep(0.002)
        await store.delete(run)
    return quantiles(taken, n=100)[98] * 1e3


_WATCHING = """
import sys, anyio, streamkit as sk
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
    taken: dict[int, list[float]] = {0: [], VIEWERS: []}
    for _ in range(min(rounds, 5)):
        for viewers, times in taken.items():
            run = uuid4().hex
            line = [sys.executable, "-c", _WATCHING, url, run, str(viewers)]
            with subprocess.Popen(line, stdout=subprocess.PIPE) as watching:  # noqa: ASYNC220 -- nothing else runs in this loop
                assert watching.stdout is not None
                watching.stdout.readline()
                times.append(await _timed_appends(url, run))
    rows = [Row(f"{viewers} viewers", min(times), median(times)) for viewers, times in taken.items()]
    aim = Aim(f"{VIEWERS} viewers", "0 viewers", at_most=1.05)
    title = f"an append to {name}, p99, with viewers in another process"
    return Table(
        title, "ms, by the wall", rows, "0 viewers", [aim], "both processes share the machine's cores"
    )


# -- many runs ----------------------------------------------------------------------------------------------


async def _many_runs(urls: dict[str, str]) -> list[Table]:
    rows: dict[str, list[Row]] = {"p50": [], "p99": []}
    count = int(soak_seconds * RATE)
    for name, url in urls.items():
        delays: list[float] = []
        start = perf_counter()
        async with sk.hub.connect(url) as hub, anyio.create_task_group() as tasks:
            for run in (uuid4().hex for _ in range(RUNS)):
                hub.start(run, sk.from_iterable(partial(_stamps, count, 1 / RATE)))
                for _ in range(2):
                    tasks.start_soon(_follow, hub, run, delays, count)
        seconds = perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        note = f"{RUNS * count / seconds:,.0f} records/s appended, {memory:.0f} MB at most"
        for word, value in zip(rows, _cut(delays), strict=True):
            rows[word].append(Row(name, value, value, note))
    title = f"{RUNS} runs, {RATE} records a second each, two viewers each, {soak_seconds:g} s, all complete: delay"
    return [Table(f"{title} {word}", "ms, by the wall", each, "memory") for word, each in rows.items()]
