"""
The source `from_iterable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from streamkit._core.algebra import Stream, stream_of
from streamkit._core.checks import flag
from streamkit._core.source import IterableSource
from streamkit._core.thread_source import ThreadSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

__all__ = ["from_iterable"]

T = TypeVar("T")


@overload
def from_iterable(
    items: AsyncIterable[T] | Iterable[T], /, *, thread: Literal[False] = False
) -> Stream[T]: ...
@overload
def from_iterable(
    items: Callable[[], AsyncIterable[T] | Iterable[T]], /, *, thread: Literal[False] = False
) -> Stream[T]: ...
@overload
def from_iterable(items: Iterable[T] | Callable[[], Iterable[T]], /, *, thread: bool) -> Stream[T]: ...
def from_iterable(items: Any, /, *, thread: bool = False) -> Stream[Any]:
    """
    A stream of the items of any iterable, asynchronous or not.

    A list, or a function without arguments that makes an iterable, can be run again; an iterator or a generator object
    cannot, and says so at the second opening. An iterator that is also an async context manager is entered.

    A plain iterable is read in the event loop, which does nothing else in the meantime. Where it waits for something, such as the
    synchronous SDK's stream, a cursor of a database, or a file on a slow disk, read it in a thread.

    What the caller has opened stays open: a file, a cursor, `sys.stdin`. A generator is closed when the run ends, and so is an
    asynchronous iterator, for nobody else can end what stands in it.

    Args:
        items: What to iterate.
        thread: Whether each item is read in a worker thread, for a plain iterable that blocks. A read that has begun cannot be
            interrupted: a run that is cancelled meanwhile is left at once, and the iterable is closed when that read has ended.

    Raises:
        TypeError: `items` cannot be iterated, or is asynchronous and `thread` is on.
    """
    flag("from_iterable", "thread", thread)
    if thread:
        return Stream(ThreadSource(items))
    return stream_of(items) if isinstance(items, Stream) else Stream(IterableSource(items))
