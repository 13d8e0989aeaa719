"""
A bounded queue between two tasks: one writes, one reads.

Unlike anyio's memory object stream it costs no task switch while neither side has to wait, it carries its end and its error in
band, after the items before them, and it has a policy for when it is full.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast, get_args

from anyio import Event, lowlevel

from streamkit._core.checks import as_whole
from streamkit._core.errors import BufferOverflow
from streamkit._core.outcome import BufferReport
from streamkit._core.runtime.fairness import CHECKPOINT_EVERY, let_others_run_until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Overflow", "OverflowQueue", "check_buffer", "check_overflow"]

T = TypeVar("T")

Overflow = Literal["block", "drop_oldest", "drop_incoming", "latest", "error"]
"""What happens when the queue is full: see `OverflowQueue.room` and `OverflowQueue.write`."""


def check_buffer(buffer: object) -> int:
    """
    The bound as an int.

    Raises:
        ValueError: `buffer` is not a whole number, or is below 1.
    """
    number = as_whole(buffer)
    if number is None or number < 1:
        raise ValueError(f"buffer must be an int of at least 1, not {buffer!r}")
    return number


def check_overflow(overflow: object) -> None:
    """
    Reject an unknown policy.

    Raises:
        ValueError: `overflow` is unknown.
    """
    if overflow not in get_args(Overflow):
        known = ", ".join(repr(policy) for policy in get_args(Overflow))
        raise ValueError(f"overflow must be one of {known}, not {overflow!r}")


class OverflowQueue(Generic[T]):
    """
    At most `buffer` items, in order, then the end or an error.

    Args:
        buffer: The bound, in items; `"latest"` has a bound of 1.
        overflow: The policy of a full queue.
        count: Where what is delivered and dropped is counted.

    Attributes:
        overflowed: The error of a queue that was full under the policy `"error"`.
    """

    def __init__(self, buffer: int, overflow: Overflow = "block", count: BufferReport | None = None) -> None:
        self._items: deque[T] = deque()
        self._buffer = 1 if overflow == "latest" else buffer
        self._overflow: Overflow = overflow
        self._ended = False
        self._error: BaseException | None = None
        self._reader_waits: Event | None = None
        self._writer_waits: Event | None = None
        # Whether the reader, if it is slow, may still just not have been scheduled.
        self._patient = True
        self._count = count or BufferReport()
        self.overflowed: BufferOverflow | None = None

    @property
    def full(self) -> bool:
        """
        Whether the next item would find no room.
        """
        return len(self._items) >= self._buffer and not self._ended

    @property
    def keeps_waiting(self) -> bool:
        """
        Whether `room` has anything to wait for.
        """
        return (self._patient or self._overflow == "block") and self.full

    @property
    def waiting(self) -> int:
        """
        Items that the reader has not got yet.
        """
        return len(self._items)

    async def room(self) -> None:
        """
        Wait until there is room. Under any other policy than `"block"`, only let the reader run once.
        """
        if self._overflow == "block":
            while self.full:
                self._writer_waits = Event()
                await self._writer_waits.wait()
        elif self._patient and self.full:
            # A reader that is merely not scheduled yet is not slow: dropping starts after it has been able to run.
            self._patient = False
            await let_others_run_until(lambda: not self.full)

    def write(self, item: T) -> None:
        """
        Add an item, or apply the policy of a full queue. After the end, items are ignored.
        """
        if self._ended:
            return
        if len(self._items) >= self._buffer:
            if self._overflow == "error":
                self.overflowed = BufferOverflow(
                    f"a buffer of {self._buffer} was full when the next item came"
                )
                self.end(self.overflowed)
                return
            self._count.dropped += 1
            if self._overflow == "drop_incoming":
                return
            self._items.popleft()
        self._items.append(item)
        self._wake_reader()

    def end(self, error: BaseException | None = None) -> None:
        """
        Nothing more comes. The reader learns it after the items that are waiting. Only the first end counts.
        """
        if not self._ended:
            self._ended = True
            self._error = error
            self._wake_reader()
            self._wake_writer()

    def abandon(self) -> None:
        """
        Nobody reads any more: the items that are waiting are dropped, and the writer does not wait any longer.
        """
        self.end()
        self._items.clear()

    def handed(self, error: BaseException) -> bool:
        """
        Whether `error` is the one that the writer ended with, even if a task group of the reader has wrapped it, or has taken it
        apart where it is a group itself.
        """
        if self._error is None or self._error is self.overflowed:
            return False
        return _ids_in(error) <= _ids_in(self._error)

    async def items(self) -> AsyncGenerator[T, None]:
        """
        What is written, up to the end or the error. There must be one reader only.
        """
        waiting, count = self._items, self._count
        while True:
            while waiting:
                item = waiting.popleft()
                self._patient = True
                if self._writer_waits is not None:
                    self._wake_writer()
                count.delivered += 1
                if not count.delivered % CHECKPOINT_EVERY:
                    await lowlevel.checkpoint()
                yield item
            if self._ended:
                break
            self._reader_waits = Event()
            await self._reader_waits.wait()
        if self._error is not None:
            raise self._error

    def _wake_reader(self) -> None:
        if self._reader_waits is not None:
            self._reader_waits.set()
            self._reader_waits = None

    def _wake_writer(self) -> None:
        if self._writer_waits is not None:
            self._writer_waits.set()
            self._writer_waits = None


def _ids_in(error: BaseException) -> set[int]:
    """
    The ids of the exceptions in a group, or of the one that is not a group.
    """
    if not isinstance(error, BaseExceptionGroup):
        return {id(error)}
    group = cast("BaseExceptionGroup[BaseException]", error)
    return {number for each in group.exceptions for number in _ids_in(each)}
