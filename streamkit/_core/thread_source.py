"""
A source that reads a plain iterable in a worker thread, because it blocks.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, cast

from streamkit._core.runtime.blocking_thread import BlockingThread
from streamkit._core.source import IterableSource, Opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamkit._core.runtime.context import Context

__all__ = ["ThreadSource"]

_END: Any = object()


class ThreadSource(IterableSource):
    """
    An iterable, or a function that makes one, each of whose items is waited for in a thread.

    Raises:
        TypeError: It is asynchronous.
    """

    def __init__(self, items: object) -> None:
        super().__init__(items)
        if isinstance(items, AsyncIterable):
            raise TypeError(
                f"from_iterable(thread=True) reads a plain iterable, and {self!r} is asynchronous: leave thread out"
            )

    def __repr__(self) -> str:
        return super().__repr__().removesuffix(")") + ", thread=True)"

    def open(self, context: Context) -> Opened:
        self.note_opening()
        return Opened("async", _ThreadReads(self.items))


class _ThreadReads:
    """
    One run. Reads and the closing come one after the other, in a thread of its own, so that neither many such sources nor other
    blocking work can make them wait for one another.
    """

    def __init__(self, items: Any) -> None:
        self._items = items
        self._iterator: Iterator[Any] | None = None
        self._thread = BlockingThread("reads an iterable")
        self._reading = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        self._reading = True
        try:
            item = await self._thread.run(self._next)
        except StopAsyncIteration as error:  # a slip, which must not pass for the end
            raise RuntimeError("the iterable raised StopAsyncIteration") from error
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """
        Close a generator. A read that is still going on in its thread does that when it has ended.
        """
        if self._reading:
            self._items = _END
        elif self._iterator is not None:
            await self._thread.run(self._close)
        self._thread.close()

    def _next(self) -> Any:
        try:
            if self._iterator is None:
                self._iterator = iter(self._made())
            return next(self._iterator, _END)
        finally:
            self._reading = False
            if self._items is _END:
                self._close()

    def _made(self) -> Iterable[Any]:
        items = self._items
        made: object = items
        if callable(items) and not isinstance(items, Iterable):
            made = items()
        if not isinstance(made, Iterable):
            raise TypeError(
                f"from_iterable(thread=True) reads a plain iterable, and its function returned {type(made).__name__}"
            )
        return cast("Iterable[Any]", made)  # type: ignore[redundant-cast]  # for pyright

    def _close(self) -> None:
        iterator, self._iterator = self._iterator, None
        if (close := getattr(iterator, "close", None)) is not None and hasattr(iterator, "send"):
            close()
