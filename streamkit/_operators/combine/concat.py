"""
`concat`: one stream after another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.algebra import Stream
from streamkit._core.runtime.assembly import begin
from streamkit._core.source import Opened
from streamkit._operators.combine.alternatives import alternatives
from streamkit._operators.combine.combined_source import CombinedSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from streamkit._core.runtime.context import Context

__all__ = ["concat"]


@alternatives
def concat(*streams: AsyncIterable[Any]) -> Stream[Any]:
    """
    The items of the first stream, then those of the next, and so on.

    Each stream is opened when the one before it has ended and is closed.

    Args:
        streams: Streams, or other async iterables; at least one.

    Raises:
        TypeError: No stream is given, or one is not an async iterable.

        -a-b|
        --c|
        concat(a, b)
        -a-b--c|

    Emits: every item of each stream.
    Backpressure: none of its own.
    Completes: with the last stream.
    Fails: with the stream that fails; those after it are never opened.
    Cancels: at once, closing the current stream.
    Memory: nothing.
    """
    return Stream(_Concat("concat", streams))


class _Concat(CombinedSource):
    memory = "nothing"

    def __init__(self, name: str, streams: tuple[object, ...]) -> None:
        super().__init__(name, streams)
        self.concurrent: bool = any(each.concurrent for each in self.streams)
        # One concat in another is one row of streams, however often that is done, as in a loop.
        self.streams = [part for each in self.streams for part in _parts(each)]

    def open(self, context: Context) -> Opened:
        return Opened("async", self._items(context))

    async def _items(self, context: Context) -> AsyncIterator[Any]:
        for stream in self.streams:
            chain = await begin(stream.source, stream.stages, context.child())
            try:
                async for item in chain.iterator:
                    yield item
            finally:
                await context.closing(chain)


def _parts(stream: Stream[Any]) -> list[Stream[Any]]:
    return stream.source.streams if isinstance(stream.source, _Concat) and not stream.stages else [stream]
