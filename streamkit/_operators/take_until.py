"""
`take_until`: a stream that ends when something else happens.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from anyio import CancelScope, Event

from streamkit._core.algebra import Same
from streamkit._core.naming import name_of, value_text
from streamkit._core.runtime.fairness import let_others_run, let_others_run_until
from streamkit._core.stage import ConcurrentStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["TakenUntil", "take_until"]

_NOTHING: Any = object()
_END: Any = object()


def take_until(awaitable_factory: Callable[[], Awaitable[object]], /) -> Same:
    """
    The items until something else has happened: `take_until(event.wait)`, `take_until(lambda: anyio.sleep(5))`.

    An item that comes in the same moment is still handed on, unless it must first pass through many other tasks.

        -a--b--c--d|
        take_until(lambda: anyio.sleep(5))
        -a--b|

    Args:
        awaitable_factory: A function without arguments that returns an awaitable. Each run calls it once, when its first item
            is asked for. The result of the awaitable does not matter.

    Raises:
        TypeError: `awaitable_factory` cannot be called; while running, it returns something that cannot be awaited.

    Emits: every item, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream, after cancelling the awaitable; or when the awaitable has finished, after closing upstream.
    Fails: with its upstream; or with what the factory or the awaitable raises, once upstream is closed.
    Cancels: at once, the awaitable too.
    Memory: nothing.
    """
    return Same((_TakeUntil(awaitable_factory),))


class _TakeUntil(ConcurrentStage):
    memory = "nothing"

    def __init__(self, factory: Callable[[], Awaitable[object]]) -> None:
        super().__init__("take_until", (factory,))
        _check_factory(factory)
        self._factory = factory

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return TakenUntil(self._factory, upstream, context, by="take_until").items()


class TakenUntil:
    """
    One run. The awaitable is awaited by a task, which cancels the pending read when it has finished.

    Args:
        factory: Gives the awaitable.
        upstream: Where the items come from.
        context: The run.
        by: For `outcome.stopped_by`.
    """

    def __init__(
        self, factory: Callable[[], Awaitable[object]], upstream: Chain, context: Context, *, by: str
    ) -> None:
        self._by = by
        self._factory = factory
        self._upstream = upstream
        self._context = context
        self._over = False
        self._error: BaseException | None = None
        self._reading = CancelScope()

    async def items(self) -> AsyncIterator[Any]:
        upstream = aiter(self._upstream.iterator)
        self._task = self._context.spawn(self._wait)
        try:
            # What has happened already ends the stream before its first item.
            await let_others_run_until(lambda: self._over)
            while not self._over:
                item = _NOTHING
                with CancelScope() as self._reading:
                    item = await anext(upstream, _END)
                if item is _END and not self._reading.cancel_called:
                    return
                # A source may end because its read was cancelled, and then that is not its own end.
                if item is not _NOTHING and item is not _END:
                    yield item
            if self._error is None:
                self._context.stopped(self._by)
            await self._context.closing(self._upstream)
        finally:
            await self._task.stop()
            if self._error is not None:
                self._context.cleanup_failed(self._error)

    async def _wait(self) -> None:
        try:
            awaitable: object = self._factory()
            if not inspect.isawaitable(awaitable):
                raise TypeError(
                    f"take_until() awaits what {name_of(self._factory)}() returns, "
                    f"and a {type(awaitable).__name__} cannot be awaited"
                )
            await _ended(awaitable)
        except BaseException as error:
            # A cancellation that this operator has not asked for is a failure like others.
            if self._task.is_end(error):
                raise
            self._error = error
        self._over = True
        # Lets an item through that has come already, and only needs its turn.
        await let_others_run()
        self._reading.cancel()


async def _ended(awaitable: Any) -> None:
    """
    Wait for it. A task or a future, which others may wait for too, is not cancelled together with this wait.
    """
    if not hasattr(awaitable, "add_done_callback"):
        await awaitable
        return
    ended = Event()

    def set_ended(_: object) -> None:
        ended.set()

    awaitable.add_done_callback(set_ended)
    try:
        await ended.wait()
    finally:
        awaitable.remove_done_callback(set_ended)  # it may outlive thousands of runs
    awaitable.result()


def _check_factory(factory: object) -> None:
    if callable(factory):
        return
    if inspect.iscoroutine(factory):
        factory.close()
        name = name_of(factory)
        raise TypeError(
            f"take_until() needs a function, because each run awaits anew: write take_until(lambda: {name}(…)), "
            f"not take_until({name}(…))"
        )
    raise TypeError(
        f"take_until() needs a function without arguments that returns an awaitable, such as event.wait, "
        f"not {value_text(factory)}"
    )
