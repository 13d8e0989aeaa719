"""
Transform: each item becomes another, several, or part of a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamkit.core.elementary import filter_map, flat_map, map, scan, tap  # noqa: A004 -- the field's names
from streamkit.core.operator import GenericOperator
from streamkit.core.transducer import Transducer, pure
from streamkit.operators.checks import whole_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator

    from streamkit.core.stream import Stream

__all__ = ["batch", "filter_map", "flat_map", "map", "scan", "tap"]

A = TypeVar("A")


class Batch(Transducer[A, list[A]], Generic[A]):
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


class Batched(GenericOperator[list[Any]]):
    """
    An operator from items of whatever type to lists of them.
    """

    def __call__(self, source: AsyncIterable[A], /) -> Stream[list[A]]:
        return super().__call__(source)

    def over(self, items: Iterable[A], /) -> Iterator[list[A]]:
        return super().over(items)


def batch(n: int) -> Batched:
    """
    The items in lists of `n`; the last may be shorter.

    Args:
        n: Items in a list, at least 1.

    Emits: a list when it is full, and what is left at the end.
    Backpressure: none of its own.
    Completes: with its upstream, after the last list.
    Fails: with its upstream; the list begun is dropped.
    Cancels: at once.
    Memory: `n` items.
    """
    return Batched(pure("batch", Batch, n))
