"""
A bounded queue between two tasks: one writes, one reads.

Unlike a memory object stream it costs no task switch while neither side has to wait, it carries its end and its error in
band, and it knows what to do when it is full.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast, get_args

from anyio import Event, lowlevel

from streamkit._core.errors import BufferOverflow
from streamkit._core.outcome import BufferReport
from streamkit._core.runtime.fusion import CHECKPOINT_EVERY
from streamkit._core.runtime.turns import let_others_run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Channel", "Overflow", "check_buffer", "check_overflow"]

T = TypeVar("T")

Overflow = Literal["block", "drop_oldest", "drop_incoming", "latest", "error"]


def check_buffer(buffer: object) -> None:
    """
    Refuse a bound that is none.

    Raises:
        ValueError: `buffer` is no int, or below 1.
    """
    if type(buffer) is not int or buffer < 1:
        raise ValueError(f"buffer must be an int of at least 1, not {buffer!r}")


def check_overflow(buffer: object, overflow: object) -> None:
    """
    Refuse a bound or a policy that does not exist.

    Raises:
        ValueError: `buffer` is below 1, or `overflow` unknown.
    """
    check_buffer(buffer)
    if overflow not in get_args(Overflow):
        known = ", ".join(repr(policy) for policy in get_args(Overflow))
        raise ValueError(f"overflow must be one of {known}, not {overflow!r}")


class Channel(Generic[T]):
    """
    At most `buffer` items, in order, then the end or an error.

    Attributes:
        overflowed: The error of a queue that was full under the policy `"error"`.
    """

    def __init__(self, buffer: int, overflow: Overflow = "block", count: BufferReport | None = None) -> None:
        self._items: deque[T] = deque()
        self._buffer = 1 if overflow == "latest" else buffer
        self._overflow: Overflow = overflow
        self._ended = False
        self._error: BaseException | None = None
        self._reader_turn: Event | None = None
        self._writer_turn: Event | None = None
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
        Before writing: wait until there is room; under any other policy, give the reader one turn.
        """
        if self._overflow == "block":
            while self.full:
                self._writer_turn = Event()
                await self._writer_turn.wait()
        elif self._patient and self.full:
            # A reader that is merely not scheduled yet is not slow: dropping starts after it has had its turn.
            self._patient = False
            await let_others_run(lambda: not self.full)

    def write(self, item: T) -> None:
        """
        Add an item, or apply the policy of a full queue. After the end nothing is taken any more.
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
        Nothing more comes; the reader learns it after what is waiting. Only the first end counts.
        """
        if not self._ended:
            self._ended = True
            self._error = error
            self._wake_reader()
            self._wake_writer()

    def abandon(self) -> None:
        """
        Nobody reads any more: what is waiting is let go, and the writer no longer waits.
        """
        self.end()
        self._items.clear()

    def handed(self, error: BaseException) -> bool:
        """
        Whether `error` is the one that the writer ended with, also when a task group of the reader has wrapped it.
        """
        if isinstance(error, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            return all(map(self.handed, group.exceptions))
        return error is self._error and error is not self.overflowed

    async def items(self) -> AsyncGenerator[T, None]:
        """
        What is written, to its end; for one reader.
        """
        waiting, count = self._items, self._count
        while True:
            while waiting:
                item = waiting.popleft()
                self._patient = True
                if self._writer_turn is not None:
                    self._wake_writer()
                count.delivered += 1
                if not count.delivered % CHECKPOINT_EVERY:
                    await lowlevel.checkpoint()
                yield item
            if self._ended:
                break
            self._reader_turn = Event()
            await self._reader_turn.wait()
        if self._error is not None:
            raise self._error

    def _wake_reader(self) -> None:
        if self._reader_turn is not None:
            self._reader_turn.set()
            self._reader_turn = None

    def _wake_writer(self) -> None:
        if self._writer_turn is not None:
            self._writer_turn.set()
            self._writer_turn = None
