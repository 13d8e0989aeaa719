"""
The source `from_iterable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from streamkit._core.algebra import Stream, stream_of
from streamkit._core.source import IterableSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

__all__ = ["from_iterable"]

T = TypeVar("T")


@overload
def from_iterable(items: AsyncIterable[T] | Iterable[T], /) -> Stream[T]: ...
@overload
def from_iterable(items: Callable[[], AsyncIterable[T] | Iterable[T]], /) -> Stream[T]: ...
def from_iterable(items: Any, /) -> Stream[Any]:
    """
    A stream of the items of any iterable, asynchronous or not.

    A list, or a function without arguments that makes an iterable, can be run again; an iterator or a generator object
    cannot, and says so at the second opening. An iterator that is also an async context manager is entered.

    Args:
        items: What to iterate.

    Raises:
        TypeError: `items` cannot be iterated.
    """
    return stream_of(items) if isinstance(items, Stream) else Stream(IterableSource(items))
