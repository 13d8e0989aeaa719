"""
`finalize`: a function that is called at the end, however the stream ends.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from streamkit._core.algebra import Same
from streamkit._core.foreign_errors import note
from streamkit._core.log import log_warning
from streamkit._core.runtime.closing import close_after
from streamkit._core.stage import ContextStage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["finalize"]


def finalize(fn: Callable[[], Awaitable[object] | object], /) -> Same:
    """
    The items as they are. `fn()` is called once, when the stream before it has ended and is closed.

    It is called after the end, after a failure, and when the run is left early, is cancelled, or was never read. An async
    function is awaited, shielded from cancellation, for at most the run's `close_timeout`.

        -a-b-|
        finalize(lambda: None)
        -a-b-|

    Args:
        fn: A function without arguments, asynchronous or not.

    Raises:
        TypeError: `fn` is not a function.

    Emits: every item.
    Backpressure: none of its own.
    Completes: with its upstream, after `fn`.
    Fails: with its upstream, after `fn`; or with what `fn` raises. If both fail, the upstream's error is
        raised and the other is logged.
    Cancels: at once; `fn` is still called.
    Memory: nothing.
    """
    if inspect.isasyncgenfunction(fn) or not callable(fn):
        raise TypeError(f"finalize() needs a function without arguments, asynchronous or not, not {fn!r}")
    return Same((_Finalize(fn),))


class _Finalize(ContextStage):
    memory = "nothing"

    def __init__(self, fn: Callable[[], object]) -> None:
        super().__init__("finalize", (fn,))
        self._fn = fn

    def bind(self, upstream: Chain, context: Context) -> AsyncIterable[Any]:
        return _Finalizing(self._fn, upstream, context)


class _Finalizing:
    """
    One run. Iterating it is iterating its generator, which costs nothing for an item. It closes by itself, because a generator
    that was never read runs no cleanup.
    """

    def __init__(self, fn: Callable[[], object], upstream: Chain, context: Context) -> None:
        self._fn = fn
        self._upstream = upstream
        self._context = context
        self._items = self._hand_on()
        self._finished = False

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        return self._items

    async def aclose(self) -> None:
        await self._items.aclose()
        await self._finish(None)

    async def _hand_on(self) -> AsyncGenerator[Any, None]:
        try:
            async for item in self._upstream.iterator:
                yield item
        except Exception as error:
            await self._finish(error)
            raise
        await self._finish(None)

    async def _finish(self, failure: Exception | None) -> None:
        if self._finished:
            return
        self._finished = True
        try:
            if failure is None:
                await self._context.closing(self._upstream)
            else:
                await close_after(failure, self._upstream, self._context)
        finally:
            await self._call(failure)

    async def _call(self, failure: Exception | None) -> None:
        try:
            result = self._fn()
            if inspect.isawaitable(result):
                with self._context.shielded() as scope:
                    await result
                if scope.cancelled_caught:
                    log_warning("finalize_timed_out", close_timeout=self._context.close_timeout)
        except Exception as error:
            if failure is None:
                raise
            note(failure, f"what finalize() called failed too, with {type(error).__name__}")
            log_warning("finalize_failed", error=type(error).__name__)
