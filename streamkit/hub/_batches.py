"""
Micro-batches: the records of a run are appended some at a time, because each append costs a round trip or a commit.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from anyio import CancelScope, Event

from streamkit._core.runtime.host_loop import host_loop
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Batches"]

_WINDOW: Final = 0.015
"""Seconds between two appends, unless there is a whole batch."""

_MOST_RECORDS: Final = 32
_MOST_BYTES: Final = 256 * 1024
"""Of one batch."""

_HELD_RECORDS: Final = 256
_HELD_BYTES: Final = 1024 * 1024
"""What may wait, together; whoever adds more waits too."""


class Batches:
    """
    Records on their way into a log: one task adds them, another one writes.

    The first is written at once, and so is one behind a pause, a whole batch, and the rest at the end. Everything else waits
    until 15 ms have gone by since the batch before.

    Args:
        append: Appends a batch.
    """

    def __init__(self, append: Callable[[list[bytes]], Awaitable[None]]) -> None:
        self._append = append
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._ends = False
        self._failure: Exception | None = None
        self._more = Wakeup()
        self._room = Wakeup()
        self._written = Event()

    async def add(self, record: bytes) -> None:
        """
        Add a record. Wait where too much is waiting already.

        Raises:
            Exception: What appending has failed with.
        """
        self._bytes += len(record)
        self._waiting.append(record)
        count = len(self._waiting)
        if count == 1 or count >= _MOST_RECORDS or self._bytes >= _MOST_BYTES:
            self._more.wake()
        while self._failure is None and (
            len(self._waiting) > _HELD_RECORDS or (self._bytes > _HELD_BYTES and len(self._waiting) > 1)
        ):
            await self._room.wait()
        if self._failure is not None:
            raise self._failure

    async def end(self) -> None:
        """
        Nothing more is added. Wait until everything is written.

        Raises:
            Exception: What appending has failed with.
        """
        self._ends = True
        self._more.wake()
        await self._written.wait()
        if self._failure is not None:
            raise self._failure

    async def write(self) -> None:
        """
        Write what is added, until the end.

        Raises:
            Exception: What appending fails with. Whoever adds gets it too.
        """
        try:
            await self._write()
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._room.wake()
            self._written.set()

    async def _write(self) -> None:
        now = host_loop().time
        due = now()
        while True:
            while not self._waiting:
                if self._ends:
                    return
                await self._more.wait()
            while not self._is_whole() and now() < due:
                with CancelScope(deadline=due):
                    await self._more.wait()
            due = now() + _WINDOW
            batch = self._next()
            await self._append(batch)
            for record in batch:
                self._waiting.popleft()
                self._bytes -= len(record)
            self._room.wake()

    def _is_whole(self) -> bool:
        return self._ends or len(self._waiting) >= _MOST_RECORDS or self._bytes >= _MOST_BYTES

    def _next(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        for record in islice(self._waiting, _MOST_RECORDS):
            size += len(record)
            if batch and size > _MOST_BYTES:
                break
            batch.append(record)
        return batch
