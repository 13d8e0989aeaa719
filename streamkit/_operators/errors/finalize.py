"""
`finalize`: a function that is called at the end, however the stream ends.
"""

from __future__ import annotations

import inspect
import sys
from copy import copy
from typing import TYPE_CHECKING, Any, overload

from streamkit._core.algebra import Same
from streamkit._core.foreign_errors import note
from streamkit._core.log import error_fields, log_warning
from streamkit._core.naming import name_of, signature_of, value_text
from streamkit._core.runtime.closing import close_after
from streamkit._core.runtime.failures import is_interruption
from streamkit._core.stage import ContextStage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

    from streamkit._core.outcome import Outcome
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["finalize"]


@overload
def finalize(fn: Callable[[], Awaitable[object] | object], /) -> Same: ...
@overload
def finalize(fn: Callable[[Outcome], Awaitable[object] | object], /) -> Same: ...
def finalize(fn: Callable[..., Awaitable[object] | object], /) -> Same:
    """
    The items as they are. `fn()` is called once, when the stream before it has ended and is closed.

    A function with a parameter gets the outcome of the stream before it: `kind`, `error` and `stopped_by`, and what its sources
    know, such as `message`. Whether the rest of the run will end as well is not known then.

    It is called after the end, after a failure, and when the run is left early, is cancelled, or was never read. An async
    function is awaited, shielded from cancellation, for at most the run's `close_timeout`.

        -a-b-|
        finalize(lambda: None)
        -a-b-|

    Args:
        fn: A function, asynchronous or not, without arguments or of the outcome. A parameter with a default is not filled.

    Raises:
        TypeError: `fn` is not a function, or needs other arguments.

    Emits: every item.
    Backpressure: none of its own.
    Completes: with its upstream, after `fn`.
    Fails: with its upstream, after `fn`; or with what `fn` raises. If both fail, the upstream's error is
        raised and the other is logged.
    Cancels: at once; `fn` is still called.
    Memory: nothing.
    """
    if inspect.isasyncgenfunction(fn) or not callable(fn):
        raise TypeError(
            "finalize() needs a function without arguments or of the outcome, asynchronous or not, "
            f"not {value_text(fn)}"
        )
    return Same((_Finalize(fn, takes_outcome=_takes_outcome(fn)),))


def _takes_outcome(fn: Callable[..., object]) -> bool:
    """
    Raises:
        TypeError: It cannot be called without arguments, nor with one.
    """
    try:
        parameters = signature_of(fn).parameters.values()
    except ValueError:  # a builtin without a signature
        return False
    needed = [
        each
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY for each in needed):
        raise TypeError(
            f"finalize() calls {name_of(fn)} without arguments or with the outcome, and it needs "
            f"{', '.join(each.name for each in needed)}: bind the others with functools.partial"
        )
    return bool(needed)


class _Finalize(ContextStage):
    memory = "nothing"

    def __init__(self, fn: Callable[..., object], *, takes_outcome: bool) -> None:
        super().__init__("finalize", (fn,))
        self._fn = fn
        self._takes_outcome = takes_outcome

    def bind(self, upstream: Chain, context: Context) -> AsyncIterable[Any]:
        return _Finalizing(self._fn, self._takes_outcome, upstream, context)


class _Finalizing:
    """
    One run. Iterating it is iterating its generator, which costs nothing for an item. It closes by itself, because a generator
    that was never read runs no cleanup.
    """

    def __init__(
        self, fn: Callable[..., object], takes_outcome: bool, upstream: Chain, context: Context
    ) -> None:
        self._fn = fn
        self._takes_outcome = takes_outcome
        self._upstream = upstream
        self._context = context
        self._items = self._hand_on()
        self._finished = False

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        return self._items

    async def aclose(self) -> None:
        await self._items.aclose()
        if not self._finished:
            await self._finish(self._left_early())

    async def _hand_on(self) -> AsyncGenerator[Any, None]:
        try:
            async for item in self._upstream.iterator:
                yield item
        except Exception as error:
            outcome = copy(self._context.outcome)
            outcome.fail(error)
            await self._finish(outcome, error)
            raise
        outcome = copy(self._context.outcome)
        outcome.complete()
        await self._finish(outcome)

    def _left_early(self) -> Outcome:
        """
        The outcome where something behind has ended the stream: it is that of the run, as far as it has been judged.
        """
        context, own = self._context.outermost, self._context.judged()
        if own.kind != "running":
            return own
        # What passes through the run right now is judged when it is left, which is later than this.
        passing = None if own.stopped_by is not None else sys.exc_info()[1]
        cancelled = is_interruption(passing)
        if cancelled and context.cancelled_for is None:
            own.kind = "cancelled"
        elif cancelled or passing is None or isinstance(passing, GeneratorExit):
            own.stop("consumer" if context.cancelled_for is None else f"cancel: {context.cancelled_for}")
            own.complete()
        else:
            own.fail(passing)
        return own

    async def _finish(self, outcome: Outcome, failure: Exception | None = None) -> None:
        self._finished = True
        try:
            if failure is None:
                await self._context.closing(self._upstream)
            else:
                await close_after(failure, self._upstream, self._context)
        finally:
            await self._call(outcome, failure)

    async def _call(self, outcome: Outcome, failure: Exception | None) -> None:
        try:
            result = self._fn(outcome) if self._takes_outcome else self._fn()
            if inspect.isawaitable(result):
                with self._context.shielded() as scope:
                    await result
                if scope.cancelled_caught:
                    log_warning(
                        "finalize_timed_out",
                        self._context.run_id,
                        close_timeout=self._context.close_timeout,
                    )
        except Exception as error:
            if failure is None:
                raise
            note(failure, f"what finalize() called failed too, with {type(error).__name__}")
            log_warning("finalize_failed", self._context.run_id, **error_fields(error))
