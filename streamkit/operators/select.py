"""
Select: some of the items.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from anyio import CancelScope, get_cancelled_exc_class, lowlevel

from streamkit.core.calls import name_of, value_text
from streamkit.core.elementary import check_plain, filter  # noqa: A004 -- the field's name
from streamkit.core.operator import Operator, Same
from streamkit.core.stage import ConcurrentStage
from streamkit.core.transducer import Transducer, pure
from streamkit.operators.checks import plain_function, whole_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from streamkit.core.chain import Chain
    from streamkit.core.context import Context

__all__ = ["dedupe", "filter", "skip", "take", "take_until", "take_while"]

A = TypeVar("A")

_NOTHING: Any = object()
_END: Any = object()
_TURNS = 4
"""Checkpoints within which a task that is ready has run, on either backend."""


class Take(Transducer[A, A], Generic[A]):
    memory = "nothing"
    expands = False

    def __init__(self, n: int) -> None:
        self.left: int = whole_number("take", n, least=0)
        self.done: bool = n == 0

    def feed(self, item: A) -> Iterable[A]:
        self.left -= 1
        if not self.left:
            self.done = True
        return (item,)


class Skip(Transducer[A, A], Generic[A]):
    memory = "nothing"
    expands = False

    def __init__(self, n: int) -> None:
        self.left: int = whole_number("skip", n, least=0)

    def feed(self, item: A) -> Iterable[A]:
        if self.left:
            self.left -= 1
            return ()
        return (item,)


class TakeWhile(Transducer[A, A], Generic[A]):
    memory = "nothing"
    expands = False

    def __init__(self, keep: Callable[[A], object], *, inclusive: bool) -> None:
        check_plain(keep)
        self.keep = keep
        self.inclusive = inclusive

    def feed(self, item: A) -> Iterable[A]:
        if self.keep(item):
            return (item,)
        self.done = True
        return (item,) if self.inclusive else ()


class Dedupe(Transducer[A, A], Generic[A]):
    memory = "1 item"
    expands = False

    def __init__(self, key: Callable[[A], object] | None = None) -> None:
        if key is not None:
            plain_function("dedupe", "key", key)
        self.key = key
        self.before: Any = _NOTHING

    def feed(self, item: A) -> Iterable[A]:
        mark = item if self.key is None else self.key(item)
        if self.before is not _NOTHING and mark == self.before:
            return ()
        self.before = mark
        return (item,)

    def reset(self) -> None:
        self.before = _NOTHING


def take(n: int) -> Same:
    """
    The first `n` items.

        -a-b-c-d|
        take(3)
        -a-b-(c|)

    Args:
        n: How many, at least 0.

    Raises:
        TypeError: `n` is no whole number.
        ValueError: `n` is below 0.

    Emits: each of the first `n` items.
    Backpressure: none of its own.
    Completes: with its upstream, or after the `n`-th item: upstream is closed, and no further item asked for.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("take", Take, n))


def skip(n: int) -> Same:
    """
    All items but the first `n`.

        -a-b-c-d|
        skip(2)
        -----c-d|

    Args:
        n: How many, at least 0.

    Raises:
        TypeError: `n` is no whole number.
        ValueError: `n` is below 0.

    Emits: each item from the `n + 1`-th on.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("skip", Skip, n))


@overload
def take_while(keep: Callable[[object], object], /, *, inclusive: bool = False) -> Same: ...
@overload
def take_while(keep: Callable[[A], object], /, *, inclusive: bool = False) -> Operator[A, A]: ...
def take_while(keep: Callable[[Any], object], /, *, inclusive: bool = False) -> Operator[Any, Any]:
    """
    The items up to the first for which `keep` is false.

        -a-b-C-d|
        take_while(str.islower)
        -a-b-|

    Args:
        keep: A plain function of one item.
        inclusive: Whether that first item is handed on too.

    Raises:
        TypeError: `keep` is no plain function.

    Emits: each item before the first that is not kept.
    Backpressure: none of its own.
    Completes: with its upstream, or at the first item that is not kept: upstream is closed.
    Fails: with its upstream, or with what `keep` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("take_while", TakeWhile, keep, inclusive=inclusive))


def dedupe(key: Callable[[Any], object] | None = None) -> Same:
    """
    The items without those that are equal to the one before them; equal ones that are not neighbours all stay.

        -a-ab-ba|
        dedupe()
        -a--b--a|

    Args:
        key: A plain function of one item: what is compared instead of the items themselves.

    Raises:
        TypeError: `key` is no plain function.

    Emits: the first of equal neighbours, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `key` or the comparison raises.
    Cancels: at once.
    Memory: one item, or its key.
    """
    return Same(pure("dedupe", Dedupe) if key is None else pure("dedupe", Dedupe, key))


def take_until(awaitable_factory: Callable[[], Awaitable[object]], /) -> Same:
    """
    The items until something else has happened: `take_until(event.wait)`, `take_until(lambda: anyio.sleep(5))`.

    An item that is ready when it happens is still handed on.

        -a--b--c--d|
        take_until(lambda: anyio.sleep(5))
        -a--b|

    Args:
        awaitable_factory: A function without arguments that gives what to await; each run calls it once, when its first item
            is asked for. What the awaitable results in does not matter.

    Raises:
        TypeError: `awaitable_factory` cannot be called; while running, it gives nothing that can be awaited.

    Emits: every item, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream, after cancelling the awaitable; or when that has finished: upstream is closed.
    Fails: with its upstream; with what the factory or the awaitable raises, once upstream is closed.
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
        return _Until(self._factory, upstream, context).items()


class _Until:
    """
    One run: the awaitable is a job, which cancels the read that is pending when it is over.
    """

    def __init__(self, factory: Callable[[], Awaitable[object]], upstream: Chain, context: Context) -> None:
        self._factory = factory
        self._upstream = upstream
        self._context = context
        self._over = False
        self._error: BaseException | None = None
        self._reading = CancelScope()

    async def items(self) -> AsyncIterator[Any]:
        upstream = aiter(self._upstream.iterator)
        self._job = self._context.spawn(self._wait)
        try:
            await self._turns()
            while not self._over:
                item = _NOTHING
                with CancelScope() as self._reading:
                    item = await anext(upstream, _END)
                if item is _END:
                    return
                if item is not _NOTHING:
                    yield item
            if self._error is None:
                self._context.stopped("take_until")
            await self._context.closing(self._upstream)
        finally:
            await self._job.stop()
            if self._error is not None:
                raise self._error

    async def _wait(self) -> None:
        try:
            awaitable: object = self._factory()
            if not inspect.isawaitable(awaitable):
                raise TypeError(
                    f"take_until() awaits what {name_of(self._factory)}() gives, "
                    f"and a {type(awaitable).__name__} cannot be awaited"
                )
            await awaitable
        except BaseException as error:
            # A cancellation that nobody here has asked for is a failure like others.
            if self._job.cancelled and isinstance(error, get_cancelled_exc_class()):
                raise
            self._error = error
        self._over = True
        # An item that has come already only needs its turn to get through.
        await self._turns()
        self._reading.cancel()

    async def _turns(self) -> None:
        for _ in range(_TURNS):
            await lowlevel.checkpoint()


def _check_factory(factory: object) -> None:
    if callable(factory):
        return
    if inspect.iscoroutine(factory):
        factory.close()
        name = name_of(factory)
        raise TypeError(
            f"take_until() needs a function, for each run awaits anew: write take_until(lambda: {name}(…)), "
            f"not take_until({name}(…))"
        )
    raise TypeError(
        f"take_until() needs a function without arguments that gives an awaitable, such as event.wait, "
        f"not {value_text(factory)}"
    )
