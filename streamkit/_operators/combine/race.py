"""
`race`: the stream whose first item comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import lowlevel

from streamkit._core.algebra import Stream
from streamkit._core.runtime.interleaving import AHEAD, Interleaving
from streamkit._core.source import Opened
from streamkit._operators.combine.alternatives import alternatives
from streamkit._operators.combine.combined_source import CombinedSource, begin_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.interleaving import Part

__all__ = ["race"]


@alternatives
def race(*streams: AsyncIterable[Any]) -> Stream[Any]:
    """
    The items of the stream whose first item comes first.

    A stream that fails or ends before any item has come has lost. The losers are cancelled and closed before the first
    item is handed on; if the cleanup of one fails, that is logged. Only the winner's facts count for the run:
    `outcome.message` is that of the winner, and so is `outcome.usage`. What the losers have cost is in
    `outcome.usage_by_model`. If every stream has lost, the facts of all of them count.

    Args:
        streams: Streams, or other async iterables; at least one.

    Raises:
        TypeError: No stream is given, or one is not an async iterable.

        ---a--b|
        -c-d--|
        race(a, b)
        -c-d--|

    Emits: every item of the winner.
    Backpressure: reads at most 16 items of each stream ahead, and nothing before the first read.
    Completes: with the winner, or when all streams have ended without an item.
    Fails: with the winner; or, when all have lost, with the first that failed.
    Cancels: at once, closing every stream.
    Memory: 16 items of each stream, and of the winner once there is one.
    """
    return Stream(_Race("race", streams))


class _Race(CombinedSource):
    one_of_them = True
    memory = f"{AHEAD} items of each"

    def open(self, context: Context) -> Opened:
        return Opened("async", _Racing(self.streams, context).items())


class _Racing(Interleaving):
    """
    One run: the stream that is first in the ring has won, and continues alone.
    """

    def __init__(self, streams: list[Stream[Any]], context: Context) -> None:
        super().__init__(context)
        self._streams = streams
        self._contexts = [context.child(counts=False) for _ in streams]
        self._winner: Part | None = None
        self._first_failure: BaseException | None = None

    async def begin(self) -> None:
        runners = [self.add(chain) for chain in await begin_all(self._streams, self._contexts)]
        while not self.ring and not self.over():
            await self.readers.wakeup.wait()
        if not self.ring:
            self.readers.failure = self._first_failure
            return
        self._winner = winner = self.ring[0]
        for runner, context in zip(runners, self._contexts, strict=True):
            if runner is winner:
                context.count()
            else:
                context.lose()
        await self.readers.drop(winner=winner.reader)
        await lowlevel.checkpoint_if_cancelled()
        for loser in runners:
            if loser is not winner:
                loser.items.clear()
        self.ring.clear()
        self.ring.append(winner)
        self.parts = 1

    def part_ended(self, part: Part, error: BaseException | None) -> None:
        if part is self._winner or (self._winner is None and self.ring and part is self.ring[0]):
            super().part_ended(part, error)
        else:
            if self._first_failure is None:
                self._first_failure = error
            super().part_ended(part, None)

    async def stop(self) -> None:
        if self._winner is None:
            for context in self._contexts:
                context.count()
        await super().stop()
