"""
Operators that let some of the items through: `filter`, `take`, `skip`, `take_while` and `dedupe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from streamkit._core.algebra import Operator, Same, Transducer
from streamkit._core.checks import check_plain, flag, plain_function, whole_number
from streamkit._core.elementary_steps import Filter
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["dedupe", "filter", "skip", "take", "take_while"]

A = TypeVar("A")

_NOTHING: Any = object()


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
        self.inclusive = flag("take_while", "inclusive", inclusive)

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
        if mark is self.before or (self.before is not _NOTHING and _equal(mark, self.before)):
            return ()
        self.before = mark
        return (item,)

    def reset(self) -> None:
        self.before = _NOTHING


def _equal(mark: Any, before: Any) -> bool:
    """
    Whether two marks are equal, also where the answer is an array of answers, as numpy's is.
    """
    equal = mark == before
    try:
        return bool(equal)
    except ValueError:
        every = getattr(equal, "all", None)
        return bool(every()) if callable(every) else False


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
        TypeError: `keep` is not a plain function.

    Emits: each item that is kept, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `keep` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("filter", Filter, keep))


def take(n: int) -> Same:
    """
    The first `n` items.

        -a-b-c-d|
        take(3)
        -a-b-(c|)

    Args:
        n: How many, at least 0.

    Raises:
        TypeError: `n` is not a whole number.
        ValueError: `n` is below 0.

    Emits: each of the first `n` items.
    Backpressure: none of its own.
    Completes: with its upstream; or after the `n`-th item, without reading another one: upstream is closed.
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
        TypeError: `n` is not a whole number.
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
@keyword_hints
def take_while(keep: Callable[[Any], object], /, *, inclusive: bool = False) -> Operator[Any, Any]:
    """
    The items before the first one for which `keep` is false.

        -a-b-C-d|
        take_while(str.islower)
        -a-b-|

    Args:
        keep: A plain function of one item.
        inclusive: Whether that item is handed on too.

    Raises:
        TypeError: `keep` is not a plain function.

    Emits: each item before the first that is not kept.
    Backpressure: none of its own.
    Completes: with its upstream; or at the first item that is not kept: upstream is closed.
    Fails: with its upstream, or with what `keep` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("take_while", TakeWhile, keep, inclusive=inclusive))


def dedupe(key: Callable[[Any], object] | None = None) -> Same:
    """
    The items without those that equal the one before them. Equal items that are not neighbours all stay.

        -a-ab-ba|
        dedupe()
        -a--b--a|

    Args:
        key: A plain function of one item, whose results are compared in place of the items.

    Raises:
        TypeError: `key` is not a plain function.

    Emits: the first of equal neighbours, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `key` or the comparison raises.
    Cancels: at once.
    Memory: one item, or its key.
    """
    return Same(pure("dedupe", Dedupe) if key is None else pure("dedupe", Dedupe, key))
