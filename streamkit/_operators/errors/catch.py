"""
`catch`: another stream in place of an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamkit._core.algebra import GenericOperator, Stream
from streamkit._core.naming import gives_async_items, gives_awaitable, name_of
from streamkit._core.pipeline_checks import refuse_restarts
from streamkit._core.runtime.assembly import begin
from streamkit._core.runtime.closing import close_after
from streamkit._core.stage import ContextStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["catch"]

A = TypeVar("A")
B = TypeVar("B")


class Catching(GenericOperator[Any], Generic[B]):
    """
    The type of `catch`: an operator that may continue with items of another type.
    """

    def __call__(self, source: AsyncIterable[A], /) -> Stream[A | B]:
        return super().__call__(source)


def catch(fn: Callable[[Exception], Stream[B]], /) -> Catching[B]:
    """
    The items; if the stream before it fails, then the items of the stream that `fn(error)` returns.

    The stream that has failed is closed before the other one is opened. `catch` handles neither errors of the other stream, of
    operators behind it and of the consumer, nor cancellation.

        -a-b-#
        catch(lambda error: from_iterable("xy"))
        -a-b-(xy|)

    Args:
        fn: A plain function of the error, which raises an error that it does not want to handle.

    Raises:
        TypeError: `fn` is not a plain function; while running, it returns something other than a stream.

    Emits: every item before the error, then those of the other stream.
    Backpressure: none of its own.
    Completes: with its upstream, or with the other stream.
    Fails: with the other stream, or with what `fn` raises.
    Cancels: at once.
    Memory: nothing.
    """
    if not callable(fn):
        raise TypeError(f"catch() needs a plain function of the error that returns a stream, not {fn!r}")
    if gives_awaitable(fn) or gives_async_items(fn):
        raise TypeError(
            f"catch() calls {name_of(fn)} without awaiting it: give a plain function of the error that returns a stream, which "
            "may do the waiting"
        )
    return Catching((_Catch(fn),))


class _Catch(ContextStage):
    memory = "nothing"

    def __init__(self, fn: Callable[[Exception], Stream[Any]]) -> None:
        super().__init__("catch", (fn,))
        self._fn = fn

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return self._items(upstream, context)

    async def _items(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        try:
            async for item in upstream.iterator:
                yield item
            return
        except Exception as error:
            await close_after(error, upstream, context)
            other = self._other(error)
        chain = await begin(other.source, other.stages, context.child())
        try:
            async for item in chain.iterator:
                yield item
        finally:
            await context.closing(chain)

    def _other(self, error: Exception) -> Stream[Any]:
        stream = self._fn(error)
        if not isinstance(stream, Stream):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"catch({name_of(self._fn)}): the function must return a stream or raise, and returned "
                f"{type(stream).__name__}; from_iterable([]) is a stream without items"
            )
        refuse_restarts(stream, f"catch({name_of(self._fn)})")
        return stream
