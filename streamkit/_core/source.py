"""
Sources: where a stream begins.

A source only describes. Its `open` makes what is read, once for each run.
"""

from __future__ import annotations

import inspect
import itertools
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from streamkit._core.naming import name_of, private_text
from streamkit._core.runtime.chain import Chain, as_iterator, as_plain_iterator
from streamkit._core.runtime.read_ahead import ReadAhead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import Feed

__all__ = ["CallSource", "IterableSource", "Opened", "Source", "TaskSource", "one_by_one"]

T = TypeVar("T")


class Opened(NamedTuple):
    """
    An opened source.

    Attributes:
        feed: How its items are read.
        iterator: What they are read from.
    """

    feed: Feed
    iterator: Any


class Source(ABC):
    """
    Where a stream begins.
    """

    concurrent: bool = False
    """Whether it needs the task group of a run."""
    repeatable: bool = True
    """Whether it can be opened more than once."""
    restarts: bool = False
    """Whether it may start over in the middle, with an item that says so."""
    restart_remedy: str = 'another resume than "restart"'
    """What to write where it must not."""
    goes_on: bool | None = None
    """Whether its items follow others that are not its own, so that it cannot start over with them; None where nobody knows."""
    tells_effects: bool = False
    """Whether it asks the guard of its run before it changes anything outside, so that nobody has to guess whether it has."""
    memory: str = "what its function keeps"
    """What it holds at most, in words."""

    @abstractmethod
    def open(self, context: Context) -> Opened:
        """
        Begin for one run. Nothing is read before the first item is asked for.
        """

    def retried(self) -> Source:
        """
        The same source without retries of its own, for a `retry` around it.
        """
        return self


class CallSource(Source):
    """
    An async generator function and its arguments; each run calls it anew.
    """

    def __init__(
        self, function: Callable[..., AsyncIterator[Any]], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs

    def __repr__(self) -> str:
        given = [private_text(arg) for arg in self._args]
        given += [f"{key}={private_text(value)}" for key, value in self._kwargs.items()]
        return f"{name_of(self._function)}({', '.join(given)})"

    def open(self, context: Context) -> Opened:
        return Opened("async", as_iterator(self._function(*self._args, **self._kwargs)))


class TaskSource(CallSource):
    """
    An async generator function that each run calls in a task of its own, behind a bounded queue. So it may open streams, and
    hold scopes around its yields.
    """

    concurrent = True

    def __init__(
        self,
        function: Callable[..., AsyncIterator[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        buffer: int,
    ) -> None:
        super().__init__(function, args, kwargs)
        self._buffer = buffer
        self.memory: str = f"{buffer} items"

    def open(self, context: Context) -> Opened:
        chain = Chain(super().open(context).iterator)
        return Opened("async", ReadAhead(chain, context, self._buffer))


class IterableSource(Source):
    """
    Anything that can be iterated, or a function without arguments that makes such a thing.

    A file or a cursor, as any plain iterator that was given as an object, stays open: whoever opened it closes it. A generator is
    closed, because nobody else can end what stands in it, and so are asynchronous iterators and what is made for the run.
    """

    memory = "nothing"

    def __init__(self, items: object) -> None:
        self.items: Any = items
        self.repeatable: bool = not _is_spent_once(items)
        self._opened = False
        if inspect.iscoroutinefunction(items):
            raise TypeError(
                f"{name_of(items)} is a coroutine function: give from_iterable() one with `yield` in it"
            )
        if inspect.isawaitable(items) and not isinstance(
            items, AsyncIterable
        ):  # a future is iterable, for `await`
            raise TypeError(
                f"from_iterable() takes an iterable, and a {type(items).__name__} has to be awaited first: write "
                "from_iterable(await …), or from_sdk(…) for what the SDK gives"
            )
        if callable(items) or isinstance(items, AsyncIterable | Iterable):
            return
        if hasattr(items, "__aenter__"):
            raise TypeError(
                f"from_iterable() takes an iterable, and a {type(items).__name__} has to be entered first: write "
                "`async with … as items`, or from_sdk(…) for what the SDK gives"
            )
        raise TypeError(
            f"from_iterable() takes an iterable, or a function that makes one, not {private_text(items)}"
        )

    def __repr__(self) -> str:
        return f"from_iterable({private_text(self.items)})"

    def note_opening(self) -> None:
        """
        Note that it is opened.

        Raises:
            RuntimeError: It was opened before, and cannot be again.
        """
        if not self.repeatable:
            if self._opened:
                raise RuntimeError(
                    f"{self!r} cannot be opened twice: a {type(self.items).__name__} is spent once it has been read. "
                    "Give from_iterable a list, or a function without arguments that makes a new one"
                )
            self._opened = True

    def open(self, context: Context) -> Opened:
        self.note_opening()
        items = self.items
        if _makes_items(items):
            return Opened("async", _Made(items))
        if isinstance(items, AsyncIterable):
            return Opened("async", as_iterator(items))
        return Opened("sync", _lent(items, as_plain_iterator(items)))


class _Made:
    """
    What a function makes. It is called at the first read, so that where it fails, the stream fails.
    """

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._chain: Chain | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        items = self._make()
        if isinstance(items, AsyncIterable):
            iterator = as_iterator(items)
        elif isinstance(items, Iterable):
            iterator = one_by_one(cast("Iterable[object]", items))
        else:
            remedy = ""
            if inspect.iscoroutine(items):
                items.close()
                remedy = ": write an `async def` function with `yield`, which may await it"
            raise TypeError(
                f"{name_of(self._make)}() returned {type(items).__name__}, which cannot be iterated{remedy}"
            )
        self._chain = Chain(iterator)
        return iterator  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        if self._chain is not None:
            await self._chain.aclose()


async def one_by_one(items: Iterable[T]) -> AsyncIterator[T]:
    """
    The items of a plain iterable, which is closed at the end if it has a `close`.
    """
    iterator = as_plain_iterator(items)
    try:
        for item in iterator:
            yield item
    finally:
        if callable(close := getattr(iterator, "close", None)):
            close()


def _lent(items: object, iterator: Iterator[Any]) -> Iterator[Any]:
    """
    The iterator of what was given, without a way to close it where that is the caller's to do.
    """
    is_callers = iterator is items and not isinstance(items, Generator)
    return itertools.chain(iterator) if is_callers else iterator


def _is_spent_once(items: object) -> bool:
    return not isinstance(items, type) and (
        hasattr(items, "__anext__") or isinstance(items, Iterator | AsyncIterator)
    )


def _makes_items(items: object) -> bool:
    return callable(items) and not isinstance(items, AsyncIterable | Iterable)
