"""
A chain: the running counterpart of a pipeline, from its source to one of its stages.

Who closes what. A chain has one reader, and whoever reads it closes it, in the task that reads it: an async generator may hold
cancel scopes around its yields, and a scope has to be left in the task that entered it. Closing goes downstream first and then
upstream, as nested `with` blocks are left. Each iterator is closed exactly once, and one that fails to close keeps none of the
others open.
"""

from __future__ import annotations

import inspect
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, Self

from anyio import sleep

from streamkit._core.runtime.failures import graver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

__all__ = ["Chain", "as_iterator", "as_plain_iterator"]


class Chain:
    """
    An iterator, and the chain that feeds it.

    Attributes:
        iterator: What is read.
        height: How many iterators are read one inside another.
    """

    __slots__ = ("__weakref__", "_close", "_upstream", "height", "iterator")

    def __init__(self, iterator: Any, upstream: Chain | None = None) -> None:
        self.iterator: AsyncIterator[Any] = iterator
        self.height: int = 1 if upstream is None else upstream.height + 1
        # What has been closed is gone from these.
        self._close = _closer(iterator)
        self._upstream = upstream

    def handed_over(self) -> Self:
        """
        The same chain for a new owner, who closes it. Closing this one does nothing from now on.
        """
        theirs = type(self)(None)
        theirs.iterator, theirs.height = self.iterator, self.height
        theirs._close, theirs._upstream = self._close, self._upstream
        self._close = self._upstream = None
        return theirs

    async def aclose(self) -> None:
        """
        Close every iterator once, downstream first, even where one of them fails to.

        Raises:
            BaseException: The gravest failure of an iterator's own cleanup, or the first of them.
        """
        failure: BaseException | None = None
        chain: Chain | None = self
        while chain is not None:
            close, chain._close = chain._close, None
            try:
                if close is not None:
                    await _closed(close)
            except BaseExceptionGroup as group:
                # A task group around a yield, which a source that is a task may have, puts the GeneratorExit that closes
                # the generator into a group.
                if (rest := group.split(GeneratorExit)[1]) is not None:
                    failure = graver(failure, rest)
            except BaseException as error:
                failure = graver(failure, error)
            upstream, chain._upstream = chain._upstream, None
            chain = upstream
        if failure is not None:
            raise failure


async def _closed(close: Callable[[], object]) -> None:
    generator = getattr(close, "__self__", None)
    # Where a program ends, asyncio closes all generators at once, and so some that are within others.
    while isinstance(generator, AsyncGeneratorType) and generator.ag_running:  # noqa: ASYNC110 -- a generator tells nobody when it stops
        await sleep(_MOMENT)
    closing = close()
    if inspect.isawaitable(closing):
        await closing


_MOMENT = 0.001
"""Seconds between two looks at a generator that something else is running."""


def as_iterator(iterable: Any) -> Any:
    """
    The async iterator of `iterable`. One that is an async context manager too is entered at its first item.
    """
    iterator: object = aiter(iterable)
    # Python asks the type, too: a proxy or a mock may have any attribute.
    if hasattr(type(iterator), "__aenter__"):
        return _entered(iterator)
    return iterator if hasattr(type(iterator), "__aiter__") else _BareIterator(iterator)


def as_plain_iterator(iterable: Any) -> Any:
    """
    The iterator of a plain `iterable`.
    """
    iterator: object = iter(iterable)
    return iterator if hasattr(type(iterator), "__iter__") else _BareIterator(iterator)


class _BareIterator:
    """
    An iterator that cannot be iterated itself, plain or asynchronous. Python's own loops take such a one from an iterable.
    """

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._iterator)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    def __anext__(self) -> Awaitable[Any]:
        return anext(self._iterator)

    def __getattr__(self, name: str) -> Any:  # such as how it is closed
        return getattr(self._iterator, name)


async def _entered(iterator: Any) -> AsyncIterator[Any]:
    # A yield inside a context manager is safe here, because it is not one of ours: whoever made an iterator that has to be
    # entered has asked for it.
    async with iterator as entered:
        async for item in entered:
            yield item  # noqa: ASYNC119


def _closer(iterator: Any) -> Callable[[], object] | None:
    """
    How `iterator` is closed: by its `aclose`, or by its `close`, asynchronous or not; None if it has neither.
    """
    for name in ("aclose", "close"):
        close: object = getattr(iterator, name, None)
        # Whatever else has that name is something else, such as the last price of a day.
        if callable(close):
            return close
    return None
