"""
Work that is counted, and not measured by a clock: calls, and the bytes and characters that are gone through.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

TWICE = 2.25
"""How much more twice as much may take: a little is left for what grows in steps."""


def is_a(value: object, kind: type) -> bool:
    """
    As `isinstance`, but for type checkers the value stays anything.
    """
    return isinstance(value, kind)


class Kept(bytearray):
    """
    Counts the bytes that operators go through; those of methods are seen by the profiler.
    """

    gone_through = 0

    def __contains__(self, part: Any) -> bool:
        Kept.gone_through += len(self)
        return super().__contains__(part)

    def __getitem__(self, at: Any) -> Any:
        Kept.gone_through += len(range(*at.indices(len(self)))) if is_a(at, slice) else 1
        return super().__getitem__(at)  # pyright: ignore[reportUnknownVariableType]

    def __delitem__(self, at: Any) -> None:
        Kept.gone_through += len(self)
        super().__delitem__(at)

    def __iadd__(self, more: Any) -> Self:
        Kept.gone_through += len(more)
        return super().__iadd__(more)

    def __add__(self, more: Any) -> bytearray:
        Kept.gone_through += len(self) + len(more)
        return super().__add__(more)

    def __eq__(self, other: object) -> bool:
        Kept.gone_through += len(self)
        return super().__eq__(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]


@contextmanager
def counting() -> Generator[list[int]]:
    """
    Count the calls of functions, Python's and C's, and the bytes and characters that methods of their strings go through.
    """
    counted = [0]

    def count(frame: FrameType, kind: str, function: Any) -> None:
        if kind == "call":
            counted[0] += 1
        elif kind == "c_call" and not frame.f_code.co_qualname.startswith("Kept."):
            of = getattr(function, "__self__", None)
            counted[0] += 1 + (len(of) if isinstance(of, bytes | bytearray | str) else 0)

    Kept.gone_through = 0
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(None)
        counted[0] += Kept.gone_through


Feed = Callable[[bytes], object]


def work(feed: Feed, chunks: list[bytes]) -> int:
    with counting() as counted:
        for chunk in chunks:
            feed(chunk)
    return counted[0]


def allocated(feed: Feed, chunks: list[bytes]) -> int:
    """
    Bytes that were allocated at the same time within each call, added up: whoever copies what is kept at each call shows.
    """
    total = 0
    tracemalloc.start()
    try:
        for chunk in chunks:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            feed(chunk)
            total += tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return total


def in_chunks(size: int, body: bytes) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]
