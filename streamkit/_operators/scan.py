"""
The running value of all items so far: `scan`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from streamkit._core.algebra import Operator
from streamkit._core.elementary_steps import Scan
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["scan"]

A = TypeVar("A")
B = TypeVar("B")


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
        TypeError: `fn` is not a plain function.

    Emits: the new value for each item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: the running value.
    """
    return Operator(pure("scan", Scan, fn, initial))
