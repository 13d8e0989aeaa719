"""
The places where a hub keeps its runs, as the tests see them: one suite runs on all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import monotonic, time
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import anyio

from streamkit.hub._stores.contract import Batch, Grant, Limits, Store, Watch
from streamkit.hub._stores.urls import store_maker
from streamkit.testing import virtual_backend
from tests.support.redis_servers import running_redis

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

LEASE = 0.5
TTL = 2.0
LIMITS = Limits(TTL, 10_000)


class Place(ABC):
    """
    Where runs are kept, in one test.
    """

    name: ClassVar[str]
    shared: ClassVar[bool] = True
    """Whether another store of the same URL has the same runs."""

    url: str

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.monkeypatch = monkeypatch

    @staticmethod
    def backend(name: str) -> str | tuple[str, dict[str, Any]]:
        """
        What runs the test.
        """
        return name

    @abstractmethod
    async def pass_time(self, seconds: float) -> None:
        """
        Let so much time go by, for leases and times to live.
        """

    def store(self) -> Store:
        """
        A store, to be entered.
        """
        return store_maker(self.url)()


class Memory(Place):
    """
    In this process, in virtual time.
    """

    name = "memory"
    shared = False
    url = "memory:"

    @staticmethod
    def backend(name: str) -> str | tuple[str, dict[str, Any]]:
        return virtual_backend("asyncio" if name == "asyncio" else "trio")

    async def pass_time(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class SQLite(Place):
    """
    In a file, whose clocks the test turns.
    """

    name = "sqlite"

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(path, monkeypatch)
        self.file = path / "runs.db"
        self.url = f"sqlite:///{self.file}"
        self._ahead = 0.0
        monkeypatch.setattr("streamkit.hub._stores.sqlite.clock.monotonic", lambda: monotonic() + self._ahead)
        monkeypatch.setattr("streamkit.hub._stores.sqlite.clock.time", lambda: time() + self._ahead)

    async def pass_time(self, seconds: float) -> None:
        self._ahead += seconds
        # Whoever waits for that time looks at the clock again when something changes.
        if self.file.exists():
            # Not with sqlite3: two SQLites in one process break each other's locks.
            from streamkit.hub._stores.sqlite.database import open_database, parse_address

            database = open_database(parse_address(self.url))
            database.execute("INSERT INTO changes (run) SELECT run FROM logs")
            database.close()


class Redis(Place):
    """
    In a server that all tests of this process have in common.
    """

    name = "redis"

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(path, monkeypatch)
        self.url = f"{running_redis().url}?prefix={uuid4().hex}"

    async def pass_time(self, seconds: float) -> None:
        await anyio.sleep(seconds)


PLACES: dict[str, type[Place]] = {place.name: place for place in (Memory, SQLite, Redis)}
SHARED = [place.name for place in PLACES.values() if place.shared]
"""Those that other processes see."""


def batch(first: int, *records: bytes, epoch: int = 1, at: float = 0.0) -> Batch:
    """
    A batch, by default of the first writer's.
    """
    return Batch(first, epoch, at, records)


async def opened(store: Store, run: str = "run", *, takeover: bool = False, limits: Limits = LIMITS) -> Grant:
    """
    Become a run's writer.
    """
    return await store.open(run, lease=LEASE, limits=limits, takeover=takeover)


async def records_of(store: Store, run: str = "run", after: int = 0) -> list[bytes]:
    """
    All records of a run behind a number.
    """
    page = await store.read(run, after)
    assert page is not None
    return [
        record
        for each in page.batches
        for number, record in enumerate(each.records, each.first)
        if number > after
    ]


async def is_told(watch: Watch, within: float) -> bool:
    """
    Whether a watch tells of a change within so many seconds.
    """
    with anyio.move_on_after(within):
        await watch.changed()
        return True
    return False


def joined(batches: Sequence[Batch]) -> bytes:
    """
    The records of batches as one.
    """
    return b"".join(record for each in batches for record in each.records)
