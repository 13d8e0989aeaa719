"""
Interleaving: the items of several chains as they come, one of each in turn.

Each chain is read by a task of its own, up to 16 items ahead, so a slow one holds up nobody. Chains that have items stand in a
ring: the consumer takes one item of the first, which goes to the ring's end if it has more. So no chain can crowd out another,
however fast it is, and an item costs no task switch while others wait already.

One thing would be unfair by itself. A chain that is always ready is empty once in 16 items, only because its reader has not been
scheduled since; a round without it would favour the others. So before the next round, readers that were ahead get the chance
to run.

Who closes what: every chain is closed by the task that reads it. The consumer stops these tasks when it ends, fails or is left,
and they stop at once, together, within one `close_timeout`.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit._core.runtime.fairness import let_others_run_until
from streamkit._core.runtime.reader_group import ReaderGroup
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.chain_reader import ChainReader
    from streamkit._core.runtime.context import Context

__all__ = ["AHEAD", "Interleaving", "Part"]

AHEAD = 16
"""Items of each chain that are read ahead of the consumer. A chain that is always ready costs one task switch for so many."""

_REFILL = AHEAD // 2
"""Items that still wait when a reader that had to pause goes on."""


class Interleaving:
    """
    The consumer's side in one run. Subclasses say what is combined, and when.

    Attributes:
        readers: The tasks that read the chains.
        ring: The chains that have items, in the order in which they give one.
        parts: How many chains have not ended, or still have items to be taken.
    """

    def __init__(self, context: Context) -> None:
        self.readers = ReaderGroup(context)
        self.parts = 0
        self.ring: deque[Part] = deque()

    def add(self, chain: Chain) -> Part:
        """
        Begin to read another chain.
        """
        part = Part(self.ring, self.readers)
        self.parts += 1
        part.reader = self.readers.start(chain, part.arrived, partial(self.part_ended, part))
        return part

    async def items(self) -> AsyncIterator[Any]:
        """
        The items, until all chains have ended. A failure comes after the items before it.
        """
        readers = self.readers
        try:
            await self.begin()
            left = 0  # of this round, which is one item of each chain in the ring
            emptied: list[Part] = []
            while True:
                while ring := self.ring:
                    if not left:
                        if emptied:
                            await _let_them_catch_up(emptied)
                            emptied.clear()
                            continue
                        left = len(ring)
                    left -= 1
                    part = ring.popleft()
                    items = part.items
                    item = items.popleft()
                    if items:
                        ring.append(part)
                    elif part.ended:
                        self.part_over()
                    elif part.fast:
                        emptied.append(part)
                    if len(items) == _REFILL:
                        part.room.wake()
                    yield item
                if readers.failure is not None or self.over():
                    break
                left = 0
                await readers.wakeup.wait()
        finally:
            await self.stop()
        if readers.failure is not None:
            raise readers.failure

    async def begin(self) -> None:
        """
        Called when the first item is asked for.
        """

    def over(self) -> bool:
        """
        Whether nothing more will come.
        """
        return not self.parts

    def part_over(self) -> None:
        """
        Called when a chain has ended, and its last item is taken.
        """
        self.parts -= 1
        self.readers.wakeup.wake()

    async def stop(self) -> None:
        """
        Stop reading, and leave every chain closed.
        """
        await self.readers.stop()

    def put(self, item: Any) -> None:
        """
        Hand on `item` in its turn, as if it were a chain of one item.
        """
        part = Part(self.ring, self.readers)
        part.arrived(item)
        part.ended = True
        self.parts += 1

    async def drop(self) -> None:
        """
        Stop every chain, and drop the items that have come of them.
        """
        # In the old ring, items that still come of chains that are being stopped are not seen any more.
        self.ring = deque()
        self.parts = 0
        await self.readers.drop()

    def part_ended(self, part: Part, error: BaseException | None) -> None:
        """
        Called when a chain has ended; items of it may still wait.
        """
        part.ended = True
        if error is not None:
            self.readers.fail(error)
        if not part.items:
            self.part_over()


async def _let_them_catch_up(parts: list[Part]) -> None:
    """
    Let the readers of `parts` run. One that was ahead, and has not been scheduled since, is not slow.
    """
    await let_others_run_until(lambda: all(part.items or part.ended for part in parts))
    for part in parts:
        part.fast = bool(part.items)


class Part:
    """
    One chain: what has come of it, and where its reader waits.

    Attributes:
        items: What has come, and has not been taken.
        ended: Whether nothing more comes.
        fast: Whether its reader has been as far ahead as it may be.
        reader: The task that reads it; None for a single item.
        room: Where the reader waits for room.
    """

    __slots__ = ("_readers", "_ring", "ended", "fast", "items", "reader", "room")

    def __init__(self, ring: deque[Part], readers: ReaderGroup) -> None:
        self.items: deque[Any] = deque()
        self.ended = False
        self.fast = False
        self.reader: ChainReader | None = None
        self.room = Wakeup()
        self._ring = ring
        self._readers = readers

    def arrived(self, item: Any) -> Awaitable[None] | None:
        """
        Take in the next item, and let the reader wait for room where that was the last that fits.
        """
        items = self.items
        if not items:
            self._ring.append(self)
            self._readers.wakeup.wake()
        items.append(item)
        return self._wait_for_room() if len(items) >= AHEAD else None

    async def _wait_for_room(self) -> None:
        self.fast = True
        while len(self.items) >= AHEAD:
            await self.room.wait()
