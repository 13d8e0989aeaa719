"""
The items as they are, each shown to a function: `tap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from streamkit._core.algebra import Operator, Same
from streamkit._core.elementary_steps import Tap
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["tap"]

A = TypeVar("A")


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
        TypeError: `fn` is not a plain function.

    Emits: every item.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream, or with what `fn` raises.
    Cancels: at once.
    Memory: nothing.
    """
    return Same(pure("tap", Tap, fn))
