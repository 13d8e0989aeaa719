"""
`Probe`: a source that counts how it is read and closed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from anyio import sleep, sleep_forever

from streamkit._core.algebra import Stream
from streamkit._core.source import IterableSource
from streamkit._core.stage import CallableStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable

__all__ = ["Probe"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

T = TypeVar("T")


class Probe(Stream[T]):
    """
    A stream that counts how far it is read and how often it is closed.

        probe = Probe(["a", "b"])
        assert await (probe | shout()).first() == "A!"
        assert (probe.pulled, probe.closed) == (1, [1])

    Args:
        items: Its items, each time it is opened.
        every: Seconds before each item, or a sequence with one number for each. With 0, other tasks have a turn before each
            item; with None they have not.
        pause: Seconds between the last item and the end. With infinity, it never ends.
        error: An error that it raises in place of its end.

    Attributes:
        opened: How often it was opened.
        pulled: How many items it was asked for, over all openings; asking for one after the last counts too.
        closed: For each opening, how often it was closed, which should be once.
        failed: Whether it has raised its error.
    """

    def __init__(
        self,
        items: Iterable[T],
        *,
        every: float | Sequence[float] | None = 0.0,
        pause: float = 0.0,
        error: Exception | None = None,
    ) -> None:
        # The watch stands behind the generator, because nobody would notice that a generator is closed twice.
        super().__init__(IterableSource(self._play), (CallableStage(self._watch),))
        self._items = tuple(items)
        self._waits = every if isinstance(every, Sequence) else [every] * len(self._items)
        self._pause = pause
        self._error = error
        self.opened: int = 0
        self.pulled: int = 0
        self.closed: list[int] = []
        self.failed: bool = False

    async def _play(self) -> AsyncIterator[T]:
        for item, wait in zip(self._items, self._waits, strict=True):
            if wait is not None:
                await sleep(wait)
            yield item
        if self._pause == math.inf:
            await sleep_forever()
        elif self._pause:
            await sleep(self._pause)
        if self._error is not None:
            self.failed = True
            raise self._error

    def _watch(self, items: AsyncIterable[T]) -> AsyncIterator[T]:
        return _Watched(self, aiter(items))


class _Watched(Generic[T]):
    def __init__(self, probe: Probe[T], items: AsyncIterator[T]) -> None:
        self._probe = probe
        self._items = items
        self._number = probe.opened
        probe.opened += 1
        probe.closed.append(0)

    def __aiter__(self) -> _Watched[T]:
        return self

    async def __anext__(self) -> T:
        self._probe.pulled += 1
        return await anext(self._items)

    async def aclose(self) -> None:
        self._probe.closed[self._number] += 1
