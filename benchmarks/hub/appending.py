"""
What an append costs, beside the raw store.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio
import apsw
import hiredis

from streamkit.hub._stores.contract import Batch, Limits
from streamkit.hub._stores.redis.connection import as_command
from streamkit.hub._stores.urls import store_maker

from ..measure import Aim, Contender, Table, race

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit.hub._stores.contract import Store

__all__ = ["tables"]

RECORDS = [b"x" * 200] * 10
APPENDS = 300


async def tables(urls: dict[str, str], rounds: int) -> AsyncIterator[Table]:
    """
    Appending to Redis and to SQLite.
    """
    yield await _to_redis(urls["redis"], rounds)
    yield await _to_sqlite(urls["sqlite"], rounds)


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


async def _to_redis(url: str, rounds: int) -> Table:
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


async def _to_sqlite(url: str, rounds: int) -> Table:
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
        "appending ten records of 200 B to SQLite, one batch after another",
        "μs per batch",
        rows,
        base,
        [aim],
        "in the event loop nothing else runs while a commit is written, a checkpoint waits for the disk, or another process "
        "writes, so that no hub can do it there",
    )
