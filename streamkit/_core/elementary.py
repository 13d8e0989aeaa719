"""
The five transducers that streams and operators offer as methods.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from streamkit._core.naming import gives_async_items, gives_awaitable, name_of
from streamkit._core.operator import Operator, Same
from streamkit._core.restart import is_restart
from streamkit._core.transducer import Transducer, pure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._core.transducer import Form

__all__ = ["OneCall", "check_plain", "filter", "filter_map", "flat_map", "map", "scan", "tap"]

A = TypeVar("A")
B = TypeVar("B")


def check_plain(fn: object) -> None:
    """
    Refuse what cannot be called for each item of a pure stage.

    Raises:
        TypeError: `fn` is no function, or a coroutine function.
    """
    if not callable(fn):
        raise TypeError(f"a function is needed, not {fn!r}")
    if gives_async_items(fn):
        raise TypeError(f"{name_of(fn)} is an async generator function, which gives no value for an item")
    if gives_awaitable(fn):
        name = name_of(fn)
        raise TypeError(
            f"{name} is a coroutine function and would not be awaited here: use map_async({name}), "
            f"or sinks.call({name}) to consume the items with it"
        )


_PASSING: dict[Form, Callable[[Any], Any]] = {
    "map": lambda item: item,
    "filter_map": lambda item: item,
    "filter": lambda item: True,
    "tap": lambda item: None,
    "feed": lambda item: (item,),
}
"""What a step gives for an item that is to pass."""


class OneCall(Transducer[A, B], Generic[A, B]):
    """
    A transducer that is one function call for each item.
    """

    memory = "nothing"

    def __init__(self, fn: Callable[[A], Any]) -> None:
        check_plain(fn)
        self.fn = fn

    def step(self) -> Callable[[A], Any]:
        return self.fn

    def step_past_restarts(self) -> Callable[[A], Any]:
        step, passing = self.step(), _PASSING[self.form]

        def past(item: A) -> Any:
            return passing(item) if is_restart(item) else step(item)

        return past


class Map(OneCall[A, B]):
    form: ClassVar[Form] = "map"

    def feed(self, item: A) -> Iterable[B]:
        return (self.fn(item),)


class Filter(OneCall[A, A]):
    form: ClassVar[Form] = "filter"

    def feed(self, item: A) -> Iterable[A]:
        return (item,) if self.fn(item) else ()


class FilterMap(OneCall[A, B]):
    form: ClassVar[Form] = "filter_map"

    def feed(self, item: A) -> Iterable[B]:
        return () if (made := self.fn(item)) is None else (made,)


class Tap(OneCall[A, A]):
    form: ClassVar[Form] = "tap"

    def feed(self, item: A) -> Iterable[A]:
        self.fn(item)
        return (item,)


class FlatMap(OneCall[A, B]):
    form: ClassVar[Form] = "feed"

    def __init__(self, fn: Callable[[A], Any]) -> None:
        if inspect.isasyncgenfunction(fn):
            raise _gives_streams(fn)
        super().__init__(fn)

    def step(self) -> Callable[[A], Any]:
        return self.feed

    def feed(self, item: A) -> Iterable[B]:
        made: Iterable[B] = self.fn(item)
        if not hasattr(made, "__iter__") and hasattr(made, "__aiter__"):
            raise _gives_streams(self.fn)
        return made


def _gives_streams(fn: object) -> TypeError:
    name = name_of(fn)
    return TypeError(
        f"{name} gives async iterables, and flat_map() reads plain ones: write flat_map({name}, concurrency=…)"
    )


class Scan(Transducer[A, B], Generic[A, B]):
    memory = "the running value"
    expands = False

    def __init__(self, fn: Callable[[B, A], B], initial: B) -> None:
        check_plain(fn)
        self.fn = fn
        self.initial = initial
        self.value: B = initial

    def feed(self, item: A) -> Iterable[B]:
        self.value = self.fn(self.value, item)
        return (self.value,)

    def reset(self) -> None:
        self.value = self.initial


def map(fn: Callable[[A], B], /) -> Operator[A, B]:  # noqa: A001 -- the field's standard name
    """
    Each item through `fn`.

        -a-b--c|
        map(str.upper)
        -A-B--C|

    Args:
        fn: A plain function; a coroutine function is refused.

    Raises:
        TypeError: `fn` is no plain function.

    Emits: one item for each item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("map", Map, fn))


@overload
def filter(keep: Callable[[object], object], /) -> Same: ...  # noqa: A001
@overload
def filter(keep: Callable[[A], object], /) -> Operator[A, A]: ...  # noqa: A001
def filter(keep: Callable[[Any], object], /) -> Operator[Any, Any]:  # noqa: A001 -- the field's standard name
    """
    The items for which `keep` is true.

        -a-1-b2|
        filter(str.isalpha)
        -a---b-|

    Args:
        keep: A plain function of one item.

    Raises:
        TypeError: `keep` is no plain function.

    Emits: each item that is kept, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `keep` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("filter", Filter, keep))


def filter_map(fn: Callable[[A], B | None], /) -> Operator[A, B]:
    """
    Each item through `fn`, without those for which it returns None.

        -a-x-b-|
        filter_map({"a": "A", "b": "B"}.get)
        -A---B-|

    Args:
        fn: A plain function of one item.

    Raises:
        TypeError: `fn` is no plain function.

    Emits: at most one item for each item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("filter_map", FilterMap, fn))


@overload
def tap(fn: Callable[[object], object], /) -> Same: ...
@overload
def tap(fn: Callable[[A], object], /) -> Operator[A, A]: ...
def tap(fn: Callable[[Any], object], /) -> Operator[Any, Any]:
    """
    The items as they are, each shown to `fn` first.

        -a-b--c|
        tap(print)
        -a-b--c|

    Args:
        fn: A plain function of one item; what it returns does not count.

    Raises:
        TypeError: `fn` is no plain function.

    Emits: every item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("tap", Tap, fn))


def scan(fn: Callable[[B, A], B], initial: B, /) -> Operator[A, B]:
    """
    The running value of `fn(value, item)`, from `initial` on.

        -b-a-d-c|
        scan(max, "a")
        -b-b-d-d|

    Args:
        fn: Gives the next value; it must not change the old one in place.
        initial: The value before the first item; not emitted itself.

    Raises:
        TypeError: `fn` is no plain function.

    Emits: the new value for each item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: the running value.
    """
    return Operator(pure("scan", Scan, fn, initial))


def flat_map(fn: Callable[[A], Iterable[B]], /) -> Operator[A, B]:
    """
    All the items of `fn(item)`, for each item.

        -a--b---|
        flat_map(lambda item: item + item.upper())
        -(aA)--(bB)---|

    Args:
        fn: A plain function that returns an iterable, read lazily.

    Raises:
        TypeError: `fn` is no plain function; while running, it gives nothing that can be iterated so.

    Emits: any number of items for each item.
    Backpressure: the iterable is read no further than asked.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` or its iterable raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("flat_map", FlatMap, fn))
