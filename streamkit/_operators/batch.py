"""
`batch`: items in lists.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamkit._core.algebra import GenericOperator, Transducer
from streamkit._core.checks import seconds, whole_number
from streamkit._core.items import is_restart
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.runtime.timed_release import TimedRelease
from streamkit._core.stage import ConcurrentStage, pure

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from streamkit._core.algebra import Stream
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["batch"]

A = TypeVar("A")


class Batched(GenericOperator[list[Any]]):
    """
    The type of `batch`: an operator from items of any type to lists of them.
    """

    def __call__(self, source: AsyncIterable[A], /) -> Stream[list[A]]:
        return super().__call__(source)

    def over(self, items: Iterable[A], /) -> Iterator[list[A]]:
        return super().over(items)


@keyword_hints
def batch(n: int, within: float | None = None) -> Batched:
    """
    The items in lists of `n`. The last list may be shorter, and so may one whose time is up.

    A list is never empty. An item that comes exactly when a list's time is up begins the next list. Where the stream starts
    over, an unfinished list is dropped.

        abc-d-----efg|
        batch(3, within=4)
        --A-----B---C|

        A = ["a", "b", "c"]
        B = ["d"]
        C = ["e", "f", "g"]

    Args:
        n: Items in a list, at least 1.
        within: Seconds after its first item at which a list goes out, even if it is not full. Without it, a list waits until
            it is full, and the operator is pure.

    Raises:
        TypeError: `n` is not a whole number, or `within` is not a number.
        ValueError: `n` is below 1, or `within` is not above 0.

    Emits: a list when it is full, when its time is up, and what is left at the end.
    Backpressure: none of its own; with `within`, reads on until a list is due, and no further until that is taken.
    Completes: with its upstream, after the last list.
    Fails: with its upstream, after the unfinished list.
    Cancels: at once, dropping the unfinished list.
    Memory: `n` items.
    """
    return Batched(pure("batch", Batch, n) if within is None else (_TimedBatch(n, within),))


class Batch(Transducer[A, list[A]], Generic[A]):
    flushes_on_error = True

    def __init__(self, n: int) -> None:
        self.n: int = whole_number("batch", n, least=1)
        self.memory: str = f"{n} items"
        self.items: list[A] = []

    def feed(self, item: A) -> Iterable[list[A]]:
        self.items.append(item)
        return self.flush() if len(self.items) == self.n else ()

    def flush(self) -> Iterable[list[A]]:
        items, self.items = self.items, []
        return (items,) if items else ()

    def reset(self) -> None:
        self.items = []


class _TimedBatch(ConcurrentStage):
    def __init__(self, n: int, within: float) -> None:
        super().__init__("batch", (n,), {"within": within})
        self.n = whole_number("batch", n, least=1)
        self.within = seconds("batch", within, of="within")
        self.memory: str = f"{n} items"

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Batching(self, upstream, context).items()


class _Batching(TimedRelease):
    def __init__(self, settings: _TimedBatch, upstream: Chain, context: Context) -> None:
        super().__init__(upstream, context)
        self._n = settings.n
        self._within = settings.within
        self._begun: list[Any] = []

    def take_in(self, item: Any) -> None:
        if is_restart(item):
            self._drop()
            self.ready.append(item)
            return
        if self.now >= self.due:
            self.release()
        if not self._begun:
            self.due = self.now + self._within
        self._begun.append(item)
        if len(self._begun) == self._n:
            self.release()

    def release(self) -> None:
        self.ready.append(self._begun)
        self._drop()

    def finish(self, error: BaseException | None) -> None:
        if self._begun:
            self.release()
        else:
            self._drop()

    def _drop(self) -> None:
        self._begun, self.due = [], math.inf
