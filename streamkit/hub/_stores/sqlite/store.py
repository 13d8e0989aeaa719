"""
The store of a SQLite file: one thread writes, one reads, and the first of them also sees what other processes write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import apsw
from anyio import CancelScope, create_task_group

from streamkit._core.errors import StreamError
from streamkit._core.runtime.host_loop import host_loop
from streamkit._core.runtime.wakeup import Wakeup
from streamkit.hub._stores.sqlite.database import meaning_of, open_database, parse_address
from streamkit.hub._stores.sqlite.group_thread import GroupThread
from streamkit.hub._stores.sqlite.log_tables import OFFERED, LogTables
from streamkit.hub._stores.watches import Watches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from streamkit.hub._stores.contract import Batch, Claim, Grant, Limits, Page, State
    from streamkit.hub._stores.sqlite.database import Address
    from streamkit.hub._stores.sqlite.group_thread import Call
    from streamkit.hub._stores.watches import LogWatch

__all__ = ["SQLiteStore"]

T = TypeVar("T")

_LOOK_EVERY: Final = 0.005
"""Seconds between two looks at what other processes have written, while somebody waits for it."""

_LISTED_AT_ONCE: Final = 256


class SQLiteStore:
    """
    Logs in a file.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._watches = Watches(begin=lambda _: self._writer.look_again())
        self._submitted = Wakeup()
        self._unseen = False
        self._workers_wait = 0

    @staticmethod
    def from_url(url: str) -> Callable[[], SQLiteStore]:
        """
        What makes the store of a URL.

        Raises:
            ValueError: It is malformed.
        """
        address = parse_address(url)
        return lambda: SQLiteStore(address)

    async def __aenter__(self) -> Self:
        self._loop = host_loop()
        self._writer = GroupThread(
            "writes the hub's logs",
            start=lambda: _Writer(self._address, self._tell),
            serve=_Writer.serve,
            stop=_Writer.close,
            turn=_Writer.look,
            pause=lambda: _LOOK_EVERY if self._watches or self._workers_wait else None,
        )
        self._reader = GroupThread(
            "reads the hub's logs",
            start=lambda: _Reader(self._address),
            serve=_Reader.serve,
            stop=_Reader.close,
        )
        await self._writer.begin()
        try:
            await self._reader.begin()
        except BaseException:
            await self._writer.end()
            raise
        self._tasks = create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._watches.keep_time)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            with CancelScope(shield=True):
                await self._reader.end()
                await self._writer.end()
            self._watches.all_changed()

    async def open(self, run: str, *, lease: float, limits: Limits, takeover: bool = False) -> Grant:
        return await self._writer.call(lambda writer: writer.tables.open(run, lease, limits, takeover))

    async def append(self, run: str, grant: Grant, batch: Batch) -> str | None:
        return await self._writer.call(lambda writer: writer.tables.append(run, grant, batch))

    async def renew(self, run: str, grant: Grant, *, effects: bool = False) -> str | None:
        return await self._writer.call(lambda writer: writer.tables.renew(run, grant, effects))

    async def release(self, run: str, grant: Grant) -> None:
        await self._writer.call(lambda writer: writer.tables.release(run, grant))

    async def end(self, run: str, grant: Grant, ending: bytes) -> None:
        await self._writer.call(lambda writer: writer.tables.end(run, grant, ending))

    async def read(self, run: str, after: int, *, limit: int = 512) -> Page | None:
        found = await self._reader.call(
            lambda reader: reader.tables.read(run, after, limit), shared=(run, after, limit)
        )
        if found is None:
            return None
        page, left = found
        self._watches.changes_at(run, self._loop.time() + left)
        return page

    def watch(self, run: str) -> LogWatch:
        return self._watches.add(run)

    async def cancel(self, run: str, reason: str) -> bool:
        return await self._writer.call(lambda writer: writer.tables.cancel(run, reason))

    async def delete(self, run: str) -> bool:
        return await self._writer.call(lambda writer: writer.tables.delete(run))

    async def runs(self) -> AsyncIterator[tuple[str, State]]:
        last = ""
        while found := await self._runs_behind(last):
            for each in found:
                yield each
            last = found[-1][0]

    async def _runs_behind(self, last: str) -> list[tuple[str, State]]:
        return await self._reader.call(lambda reader: reader.tables.runs(last, _LISTED_AT_ONCE))

    async def submit(self, run: str, recipe: str, payload: bytes, *, limits: Limits) -> None:
        await self._writer.call(lambda writer: writer.tables.submit(run, recipe, payload, limits))

    async def claim(self, recipes: Collection[str], *, lease: float) -> Claim | None:
        self._unseen = False
        return await self._writer.call(lambda writer: writer.tables.claim(recipes, lease))

    async def submitted(self) -> None:
        self._workers_wait += 1
        self._writer.look_again()
        try:
            while not self._unseen:
                await self._submitted.wait()
        finally:
            self._workers_wait -= 1

    def _tell(self, runs: set[str] | None) -> None:
        """
        Tell what has changed. Called in the writer's thread.
        """
        self._loop.call_soon(lambda: self._changed(runs))

    def _changed(self, runs: set[str] | None) -> None:
        if runs is None or OFFERED in runs:
            self._unseen = True
            self._submitted.wake()
        if runs is None:
            self._watches.all_changed()
        else:
            for run in runs:
                self._watches.changed(run)


class _Writer:
    """
    What the writing thread has opened.
    """

    def __init__(self, address: Address, tell: Callable[[set[str] | None], None]) -> None:
        self._path = address.path
        self._tell = tell
        self.database = open_database(address)
        self.tables = LogTables(self.database)
        self._seen = self.tables.last_change()
        self._version = self.database.pragma("data_version")

    def serve(self, calls: Sequence[Call[_Writer, Any]]) -> None:
        """
        Make calls in one transaction. Where that fails, each is made in one of its own, so that one call ends no other.
        """
        try:
            self._commit(calls)
        except Exception as error:
            if len(calls) == 1:
                calls[0].fail(_told(error, self._path))
                return
            for call in calls:
                self.serve([call])

    def _commit(self, calls: Sequence[Call[_Writer, Any]]) -> None:
        tables = self.tables
        tables.touched.clear()
        try:
            self.database.execute("BEGIN IMMEDIATE")
            for call in calls:
                try:
                    call.make(self)
                except StreamError as refusal:
                    call.fail(refusal)
            seen, others = tables.changes(self._seen)
            if tables.touched:
                seen = tables.note_changes()
            self.database.execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            raise
        self._seen = seen
        if others is None:
            self._tell(None)
        elif others or tables.touched:
            self._tell(others | tables.touched)

    def look(self) -> None:
        """
        See what other processes have written.
        """
        try:
            version = self.database.pragma("data_version")
            if version != self._version:
                self._version = version
                self._seen, runs = self.tables.changes(self._seen)
                if runs is None or runs:
                    self._tell(runs)
        except apsw.Error:
            # Whoever reads next is told.
            self._tell(None)

    def close(self) -> None:
        """
        Close the file.
        """
        self.database.close()


class _Reader:
    """
    What the reading thread has opened.
    """

    def __init__(self, address: Address) -> None:
        self._path = address.path
        self.database = open_database(address)
        self.tables = LogTables(self.database)

    def serve(self, calls: Sequence[Call[_Reader, Any]]) -> None:
        """
        Make calls, all of which see the logs as they are at the same moment.
        """
        try:
            self.database.execute("BEGIN")
            try:
                for call in calls:
                    call.make(self)
            finally:
                self.database.execute("COMMIT")
        except Exception as error:
            if len(calls) == 1:
                calls[0].fail(_told(error, self._path))
                return
            for call in calls:
                self.serve([call])

    def close(self) -> None:
        """
        Close the file.
        """
        self.database.close()


def _told(error: Exception, path: str) -> Exception:
    return meaning_of(error, path) if isinstance(error, apsw.Error) else error
