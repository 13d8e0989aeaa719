"""
Select: some of the items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from streamkit.core.elementary import check_plain, filter  # noqa: A004 -- the field's name
from streamkit.core.operator import Operator, Same
from streamkit.core.transducer import Transducer, pure
from streamkit.operators.checks import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["filter", "skip", "take", "take_while"]

A = TypeVar("A")


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


def take(n: int) -> Same:
    """
    The first `n` items.

    Args:
        n: How many, at least 0.

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

    Args:
        n: How many, at least 0.

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

    Args:
        keep: A plain function of one item.
        inclusive: Whether that first item is handed on too.

    Emits: each item before the first that is not kept.
    Backpressure: none of its own.
    Completes: with its upstream, or at the first item that is not kept: upstream is closed.
    Fails: with its upstream, or with what `keep` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("take_while", TakeWhile, keep, inclusive=inclusive))
