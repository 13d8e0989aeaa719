"""
`heartbeat`: a sign of life wherever nothing comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from anyio import move_on_after

from streamkit._core.algebra import GenericOperator
from streamkit._core.checks import seconds as checked_seconds
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.runtime.requested_reads import RequestedReads
from streamkit._core.stage import ConcurrentStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from streamkit._core.algebra import Stream
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["heartbeat"]

A = TypeVar("A")
I_co = TypeVar("I_co", covariant=True)

_END: Any = object()


class Heartbeat(GenericOperator[Any], Generic[I_co]):
    """
    The type of `heartbeat`: an operator that adds items of one type to items of any.
    """

    def __call__(self, source: AsyncIterable[A], /) -> Stream[A | I_co]:
        return super().__call__(source)


@keyword_hints
def heartbeat(seconds: float, item: I_co) -> Heartbeat[I_co]:  # type: ignore[misc]
    """
    Every item, and `item` whenever nothing has come for so many seconds. No item is lost or late.

    Proxies close a connection on which nothing is sent for a minute or less, and a model may think for longer.
    Only the time spent waiting for upstream counts.

        a-b-------c|
        heartbeat(3, "?")
        a-b--?--?-c|

    Args:
        seconds: Seconds of silence.
        item: What is handed on then, again after so many seconds more.

    Raises:
        TypeError: `seconds` is not a number.
        ValueError: `seconds` is not above 0.

    Emits: every item, unchanged, and `item` during silence.
    Backpressure: reads an item only when it is asked for one.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: one item.
    """
    return Heartbeat((_Heartbeat(seconds, item),))


class _Heartbeat(ConcurrentStage):
    memory = "1 item"

    def __init__(self, seconds: float, item: object) -> None:
        super().__init__("heartbeat", (seconds, item), {})
        self._seconds = checked_seconds("heartbeat", seconds)
        self._item = item

    async def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        reads = RequestedReads(upstream, context)
        try:
            while True:
                item = self._item
                with move_on_after(self._seconds):
                    item = await anext(reads, _END)
                if item is _END:
                    return
                yield item
        finally:
            await reads.aclose()
