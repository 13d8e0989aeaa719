"""
What is true of a SQLite file alone.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Busy, Lost
from streamkit.hub._stores.sqlite import SQLiteStore, log_tables
from streamkit.hub._stores.sqlite.database import open_database, parse_address
from tests.hub.places import LEASE, batch, opened, records_of
from tests.hub.programs import running
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'runs.db'}"


def store_of(url: str) -> SQLiteStore:
    return SQLiteStore.from_url(url)()


# -- the URL, the file --------------------------------------------------------------------------------------


def test_a_url_names_a_file_from_the_working_directory_or_from_the_root() -> None:
    assert parse_address("sqlite:///runs.db") == ("runs.db", "normal")
    assert parse_address("sqlite:////var/a%20b/runs.db?synchronous=full") == ("/var/a b/runs.db", "full")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "sqlite://runs.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a.db#b",
        "sqlite://host/a.db",
    ],
)
def test_a_url_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"needs 'sqlite:///runs\.db', with three slashes before a path"):
        hubs.connect(url)


@pytest.mark.parametrize("query", ["synchronous=off", "synchronous", "mode=ro", "synchronous=full&a=b"])
def test_a_setting_that_is_not_known_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="synchronous=normal or synchronous=full"):
        hubs.connect(f"sqlite:///runs.db?{query}")


def test_without_apsw_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("streamkit.hub._stores.sqlite")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "apsw", None)
    with pytest.raises(ImportError, match=r"needs apsw: pip install .claude-streamkit\[sqlite\]"):
        hubs.connect("sqlite:///runs.db")


async def refused(url: str, match: str) -> None:
    with pytest.raises(sk.StreamError, match=match) as caught:
        async with hubs.connect(url):
            pass
    assert (caught.value.type, caught.value.retriable) == ("hub", False)


async def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, url: str) -> None:
    await refused(f"sqlite:///{tmp_path / 'not there' / 'runs.db'}", "its folder has to be there")
    path = tmp_path / "runs.db"
    path.write_bytes(b"This is not a database, but it is long enough to be looked at." * 100)
    await refused(url, "is no database of SQLite, or is broken")
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (a)")
    await refused(url, "is the database of another program: give the hub a file of its own")
    path.unlink()
    async with store_of(url):
        pass
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    await refused(url, "is of version 99 of the hub's tables, and this streamkit knows 3")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """
    A file and a folder that may not be written; root becomes nobody for it.
    """
    path = tmp_path / "read only" / "runs.db"
    path.parent.mkdir()
    anyio.run(opened_once, f"sqlite:///{path}")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        for parent in list(path.parents)[1:4]:
            parent.chmod(0o755)
        os.seteuid(65534)
    yield path
    os.seteuid(user)
    path.parent.chmod(0o755)


async def opened_once(url: str) -> None:
    async with store_of(url):
        pass


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="there are no users to be")
async def test_a_file_that_may_not_be_written_is_refused(read_only: Path) -> None:
    await refused(f"sqlite:///{read_only}", "cannot be written: the hub needs a file|cannot be opened")


async def test_a_power_cut_is_survived_where_that_is_asked_for(url: str) -> None:
    for query, level in {"": 1, "?synchronous=normal": 1, "?synchronous=full": 2}.items():
        database = open_database(parse_address(url + query))
        assert (database.pragma("synchronous"), database.pragma("journal_mode")) == (level, "wal")
        database.close()


async def test_a_lease_of_another_start_of_the_machine_has_run_out(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamkit.hub._stores.sqlite.clock.monotonic", lambda: 1_000_000.0)
    async with store_of(url) as store:
        await opened(store)
        with pytest.raises(Busy):
            await opened(store, takeover=True)
        monkeypatch.setattr("streamkit.hub._stores.sqlite.clock.monotonic", lambda: 10.0)
        assert (await opened(store, takeover=True)).epoch == 2


# -- several stores of one file ------------------------------------------------------------------------------


async def test_what_another_store_writes_is_seen(url: str) -> None:
    async with store_of(url) as writer, hubs.connect(url) as hub:
        got: list[str] = []
        grant = await opened(writer)
        with patience():
            async with hub.subscribe("run").open() as run:
                for number in range(1, 30):
                    await writer.append("run", grant, batch(number, b"s%d" % number))
                    got.append((await anext(run)).data)
        assert got == [str(number) for number in range(1, 30)]


async def test_what_is_written_while_nobody_looks_is_seen_later(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_tables, "_KEPT_CHANGES", 8)
    async with store_of(url) as writer, store_of(url) as other:
        grant = await opened(writer)
        for number in range(1, 40):
            await writer.append("run", grant, batch(number, b"a"))
        watch = other.watch("run")
        try:
            with patience():
                await watch.changed()
        finally:
            watch.close()
        assert len(await records_of(other)) == 39


async def test_eight_connections_open_one_run_and_one_is_its_writer(url: str) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    async def race() -> None:
        async with store_of(url) as store:
            start.wait()
            with suppress(Busy):
                won.append((await opened(store)).epoch)

    threads = [threading.Thread(target=anyio.run, args=(race,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await anyio.to_thread.run_sync(thread.join)
    assert won == [1]


# -- what goes wrong ----------------------------------------------------------------------------------------


async def test_a_call_that_fails_ends_no_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with store_of(url) as store:
        grants = {name: await opened(store, name) for name in "abc"}
        failed: list[str] = []

        async def append(name: str, record: Any) -> None:
            try:
                await store.append(name, grants[name], batch(1, record))
            except sk.StreamError:
                failed.append(name)

        def pack(records: Any) -> Any:
            return "no bytes" if records == (b"bad",) else msgspec.msgpack.encode(records)

        monkeypatch.setattr(log_tables, "_pack", pack)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(append, "a", b"good")
            tasks.start_soon(append, "b", b"bad")
            tasks.start_soon(append, "c", b"good")
        assert failed == ["b"]
        assert [await records_of(store, name) for name in "abc"] == [[b"good"], [], [b"good"]]


async def test_a_call_whose_wait_is_cancelled_is_made_all_the_same(url: str) -> None:
    async with store_of(url) as store:
        grant = await opened(store)
        for number in range(1, 50):
            with anyio.move_on_after(0):
                await store.append("run", grant, batch(number, b"a"))
            await store.append("run", grant, batch(number, b"a"))
        assert len(await records_of(store)) == 49


async def test_readers_that_ask_the_same_at_one_moment_are_answered_by_one_look(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    go_on = threading.Event()
    read = log_tables.LogTables.read

    def look(self: log_tables.LogTables, run: str, after: int, limit: int) -> Any:
        looks.append(after)
        go_on.wait()
        if len(looks) == 2:
            raise LookupError(after)
        return read(self, run, after, limit)

    pages: list[Any] = []

    async def ask(store: SQLiteStore) -> None:
        try:
            pages.append(await store.read("run", 0))
        except LookupError as error:
            pages.append(error)

    async with store_of(url) as store:
        grant = await opened(store)
        await store.append("run", grant, batch(1, b"a"))
        monkeypatch.setattr(log_tables.LogTables, "read", look)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, store)
            with patience():
                while not looks:  # noqa: ASYNC110 -- a thread tells it
                    await anyio.sleep(0.001)
            for _ in range(4):
                tasks.start_soon(ask, store)
            await anyio.wait_all_tasks_blocked()
            go_on.set()
    # The first has looked before the others have asked; the failure of the look for these is that of one of them.
    assert [type(page).__name__ for page in pages].count("LookupError") == 1
    assert len(pages) == 5
    assert len(looks) == 3


async def test_a_full_disk_ends_the_run_and_what_was_appended_is_there(url: str) -> None:
    async with running("fill", url) as writer:
        said = await writer.lines()
    assert said[0] == "closed"
    assert said[1].startswith("StreamError hub ")
    assert (
        "see to its disk, and to limits on the size of files" in said[1] or "there is no room left" in said[1]
    )
    async with hubs.connect(url, lease=LEASE) as hub:
        got: list[int] = []
        with patience(), pytest.raises((Lost, hubs.Failed)):
            async for record in hub.subscribe("run"):
                got.append(len(record.data))
    assert got
    assert {*got} == {10_000}


async def test_a_file_that_somebody_else_locks_is_waited_for(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamkit.hub._stores.sqlite.database._PATIENCE", 0.05)
    async with hubs.connect(url) as hub, anyio.create_task_group() as tasks:
        database = open_database(parse_address(url))
        database.execute("BEGIN IMMEDIATE")
        tasks.start_soon(hub.publish, "run", sk.from_iterable("abc"))
        await anyio.sleep(0.2)
        database.execute("COMMIT")
        database.close()
        assert [record.data async for record in hub.subscribe("run")] == ["a", "b", "c"]
