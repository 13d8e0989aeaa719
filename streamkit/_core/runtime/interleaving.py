"""
Interleaving: the items of several chains as they come, each taking its turn.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit._core.runtime.readers import Readers
from streamkit._core.runtime.turns import let_others_run
from streamkit._core.runtime.wakeup import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.read_ahead import Reader

__all__ = ["AHEAD", "Interleaving", "Part"]

AHEAD = 16
"""Items that are read ahead of the consumer, of each chain. A chain that is always ready costs a task switch for so many."""

_REFILL = AHEAD // 2
"""Items that still wait when reading ahead goes on."""


class Interleaving:
    """
    One run. Chains that have items stand in a ring: the consumer takes one item of the first, which goes to its end. A round
    is one item of each.

    Attributes:
        readers: Who reads the chains.
        ring: The chains with items, in the order of their turns.
        parts: Chains that have not ended, or whose items have not all been taken.
    """

    def __init__(self, context: Context) -> None:
        self.readers = Readers(context)
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
        What comes, to the end of all; a failure after the items before it.
        """
        readers = self.readers
        try:
            await self.begin()
            left = 0
            emptied: list[Part] = []
            while True:
                while ring := self.ring:
                    if not left:
                        if emptied:
                            await _give_turns(emptied)
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
                        part.turn.wake()
                    yield item
                if readers.failure is not None or self.over():
                    break
                left = 0
                await readers.turn.wait()
        finally:
            await self.stop()
        if readers.failure is not None:
            raise readers.failure

    async def begin(self) -> None:
        """
        The first item is asked for.
        """

    def over(self) -> bool:
        """
        Whether nothing more will come.
        """
        return not self.parts

    def part_over(self) -> None:
        """
        A chain has ended, and its last item is taken.
        """
        self.parts -= 1
        self.readers.turn.wake()

    async def stop(self) -> None:
        """
        Leave everything closed.
        """
        await self.readers.stop()

    def put(self, item: Any) -> None:
        """
        Hand on `item` in its turn; it counts as a chain.
        """
        part = Part(self.ring, self.readers)
        part.arrived(item)
        part.ended = True
        self.parts += 1

    async def drop(self) -> None:
        """
        Stop every chain, and forget what has come of them.
        """
        # Another ring: what still comes of those that are being stopped goes into the old one.
        self.ring = deque()
        self.parts = 0
        await self.readers.leave()

    def part_ended(self, part: Part, error: BaseException | None) -> None:
        """
        A chain has ended; its items may still wait.
        """
        part.ended = True
        if error is not None:
            self.readers.fail(error)
        if not part.items:
            self.part_over()


async def _give_turns(parts: list[Part]) -> None:
    """
    Before the next round: a reader that was ahead, and has not been scheduled since, is not slow.
    """
    await let_others_run(lambda: all(part.items or part.ended for part in parts))
    for part in parts:
        part.fast = bool(part.items)


class Part:
    """
    What has come of one chain, and where its reader waits.
    """

    __slots__ = ("_readers", "_ring", "ended", "fast", "items", "reader", "turn")

    def __init__(self, ring: deque[Part], readers: Readers) -> None:
        self.items: deque[Any] = deque()
        self.ended = False
        self.fast = False
        self.reader: Reader | None = None
        self.turn = Turn()
        self._ring = ring
        self._readers = readers

    def arrived(self, item: Any) -> Awaitable[None] | None:
        items = self.items
        if not items:
            self._ring.append(self)
            self._readers.turn.wake()
        items.append(item)
        return self._room() if len(items) >= AHEAD else None

    async def _room(self) -> None:
        self.fast = True
        while len(self.items) >= AHEAD:
            await self.turn.wait()
