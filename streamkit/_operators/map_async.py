"""
`map_async`: each item through an async function, one call at a time or several.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from streamkit._core.algebra import Operator
from streamkit._core.checks import choice, flag, whole_number
from streamkit._core.failed import Failed, OnError
from streamkit._core.items import is_restart
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import gives_async_items, name_of
from streamkit._core.runtime.failures import emittable
from streamkit._core.stage import AsyncStage, ConcurrentStage
from streamkit._operators.concurrent_calls import ConcurrentCalls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["map_async"]

A = TypeVar("A")
B = TypeVar("B")


@overload
def map_async(
    fn: Callable[[A], Awaitable[B]],
    /,
    concurrency: int = 1,
    ordered: bool = True,
    on_error: Literal["raise"] = "raise",
) -> Operator[A, B]: ...
@overload
def map_async(
    fn: Callable[[A], Awaitable[B]],
    /,
    concurrency: int = 1,
    ordered: bool = True,
    *,
    on_error: Literal["emit"],
) -> Operator[A, B | Failed[A]]: ...
@overload
def map_async(
    fn: Callable[[A], Awaitable[B]], /, concurrency: int, ordered: bool, on_error: Literal["emit"]
) -> Operator[A, B | Failed[A]]: ...
@keyword_hints
def map_async(
    fn: Callable[[Any], Awaitable[Any]],
    /,
    concurrency: int = 1,
    ordered: bool = True,
    on_error: OnError = "raise",
) -> Operator[Any, Any]:
    """
    Each item through `await fn(item)`.

    A single call at a time does not need a task. Several calls are tasks of the run: when one fails, the others are cancelled at
    once, and no other call starts. Where the stream starts over, running calls are cancelled and results that were not taken
    are dropped before `map_async` hands the restart on; `fn` never sees it.

    On asyncio, a call may await something that was cancelled elsewhere. That is a failure of the call, and not a cancellation of
    the run: it is raised as it is, and a `Failed` has a `concurrent.futures.CancelledError` of which it is the cause.

    Args:
        fn: An async function, or another one that returns an awaitable.
        concurrency: The most calls at once, at least 1. A call counts until its result is taken.
        ordered: Whether results come in the order of the items, or as they are ready.
        on_error: What happens when a call fails: `"raise"` fails, `"emit"` hands on a `Failed(item, error)` in its place
            and continues.

    Raises:
        TypeError: `fn` is not an async function, or an argument is of the wrong kind; while running, `fn` returns something that
            cannot be awaited.
        ValueError: `concurrency` is below 1, or `on_error` is unknown.

        -a-b-|
        map_async(lambda item: from_iterable([item.upper()]).first())
        -A-B-|

    Emits: one item for each item.
    Backpressure: starts at most `concurrency` calls whose results have not been taken, and reads no item beyond these.
    Completes: with its upstream, after the last call.
    Fails: with its upstream, after the results of the calls before; or with the first call that fails, after the results that
        were ready (with `ordered`, those of the items before it).
    Cancels: at once: first the calls, then upstream is closed.
    Memory: `concurrency` items.
    """
    concurrency = whole_number("map_async", concurrency, least=1)
    flag("map_async", "ordered", ordered)
    choice("map_async", "on_error", on_error, get_args(OnError))
    _check_function(fn)
    settings = {"concurrency": (concurrency, 1), "ordered": (ordered, True), "on_error": (on_error, "raise")}
    changed: dict[str, object] = {name: value for name, (value, usual) in settings.items() if value != usual}
    call = _Call(fn, emits=on_error == "emit")
    if concurrency == 1:
        return Operator((_InTurn(call, changed),))
    return Operator((_AtOnce(call, concurrency, ordered, changed),))


def _check_function(fn: object) -> None:
    if not callable(fn):
        raise TypeError(f"map_async() needs an async function of one item, not {fn!r}")
    if gives_async_items(fn):
        name = name_of(fn)
        raise TypeError(
            f"{name} is an async generator function, which gives many items: write flat_map({name}, concurrency=1)"
        )


class _Call:
    """
    The function, whose result is checked and awaited, and whose errors are handed on if `emits`.
    """

    def __init__(self, fn: Callable[[Any], Awaitable[Any]], *, emits: bool) -> None:
        self.fn = fn
        self._emits = emits

    async def __call__(self, item: Any) -> Any:
        try:
            made = self.fn(item)
            if inspect.isawaitable(made):
                return await made
        except BaseException as error:
            if not self._emits or (failure := emittable(error)) is None:
                raise
            return Failed(item, failure)
        raise TypeError(
            f"map_async({name_of(self.fn)}): the function must return an awaitable, and returned "
            f"{type(made).__name__}; a plain function goes into map()"
        )


class _InTurn(AsyncStage):
    memory = "nothing"

    def __init__(self, call: _Call, changed: dict[str, object]) -> None:
        super().__init__("map_async", _in_turn, (call.fn,), changed)
        self._call = call

    def bind(self, upstream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        return _in_turn(upstream, self._call)


async def _in_turn(items: AsyncIterator[Any], call: _Call) -> AsyncIterator[Any]:
    async for item in items:
        yield item if is_restart(item) else await call(item)


class _AtOnce(ConcurrentStage):
    def __init__(self, call: _Call, concurrency: int, ordered: bool, changed: dict[str, object]) -> None:
        super().__init__("map_async", (call.fn,), changed)
        self._call = call
        self._concurrency = concurrency
        self._ordered = ordered
        self.memory: str = f"{concurrency} items"

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return ConcurrentCalls(self._call, self._concurrency, self._ordered, upstream, context).items()
