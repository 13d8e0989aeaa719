"""
`merge`: the items of several streams as they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.algebra import Stream
from streamkit._core.runtime.interleaving import AHEAD, Interleaving
from streamkit._core.source import Opened
from streamkit._operators.combine.alternatives import alternatives
from streamkit._operators.combine.combined_source import CombinedSource, begin_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from streamkit._core.runtime.context import Context

__all__ = ["merge"]


@alternatives
def merge(*streams: AsyncIterable[Any]) -> Stream[Any]:
    """
    The items of all `streams`, as they come.

    It is fair: streams that have items waiting take turns, one item each. The order within each stream is kept.

    Args:
        streams: Streams, or other async iterables; at least one.

    Raises:
        TypeError: No stream is given, or one is not an async iterable.

        -a---b-|
        --c-d---|
        merge(a, b)
        -ac-db--|

    Emits: every item of each stream.
    Backpressure: reads at most 16 items of each stream ahead, and nothing before the first read.
    Completes: when all streams have.
    Fails: with the first stream that fails, after the items that came before; the others are cancelled at once.
    Cancels: at once, closing every stream.
    Memory: 16 items of each stream.
    """
    return Stream(_Merge("merge", streams))


class _Merge(CombinedSource):
    memory = f"{AHEAD} items of each"

    def open(self, context: Context) -> Opened:
        return Opened("async", _Merging(self.streams, context).items())


class _Merging(Interleaving):
    def __init__(self, streams: list[Stream[Any]], context: Context) -> None:
        super().__init__(context)
        self._streams = streams
        self._contexts = [context.child() for _ in streams]

    async def begin(self) -> None:
        for chain in await begin_all(self._streams, self._contexts):
            self.add(chain)
