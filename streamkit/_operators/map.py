"""
Each item through a plain function: `map`, and `filter_map`, which drops what became None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from streamkit._core.algebra import Operator
from streamkit._core.elementary_steps import FilterMap, Map
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["filter_map", "map"]

A = TypeVar("A")
B = TypeVar("B")


def map(fn: Callable[[A], B], /) -> Operator[A, B]:  # noqa: A001 -- the field's standard name
    """
    Each item through `fn`.

        -a-b--c|
        map(str.upper)
        -A-B--C|

    Args:
        fn: A plain function; a coroutine function is refused.

    Raises:
        TypeError: `fn` is not a plain function.

    Emits: one item for each item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("map", Map, fn))


def filter_map(fn: Callable[[A], B | None], /) -> Operator[A, B]:
    """
    Each item through `fn`, without those for which it returns None.

        -a-x-b-|
        filter_map({"a": "A", "b": "B"}.get)
        -A---B-|

    Args:
        fn: A plain function of one item.

    Raises:
        TypeError: `fn` is not a plain function.

    Emits: at most one item for each item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("filter_map", FilterMap, fn))
