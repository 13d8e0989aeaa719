"""
Sources that take time and count how they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from anyio import lowlevel

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Ticks:
    """
    The numbers from 1, one every so many seconds, and how they are pulled and closed.
    """

    def __init__(self, every: float, n: int = 1_000_000) -> None:
        self.pulled = 0
        self.closed = 0
        self._every = every
        self._n = n

    def stream(self) -> sk.Stream[int]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[int]:
        try:
            while self.pulled < self._n:
                await anyio.sleep(self._every)
                self.pulled += 1
                yield self.pulled
        finally:
            self.closed += 1


class Watched:
    """
    The numbers from 0, and how often they are opened, pulled and closed.

    Args:
        n: How many numbers there are.
        every: Seconds before each; None for a turn of the others.
        error: What is raised after the last one.
        closing_takes: Seconds that closing takes, shielded.
        closing_steps: Turns of the others that closing takes, shielded.
        closing_error: What closing raises.
    """

    def __init__(
        self,
        n: int = 10,
        *,
        every: float | None = None,
        error: Exception | None = None,
        closing_takes: float = 0.0,
        closing_steps: int = 0,
        closing_error: Exception | None = None,
    ) -> None:
        self.opened = 0
        self.pulled = 0
        self.closed = 0
        self._n = n
        self._every = every
        self._error = error
        self._closing_takes = closing_takes
        self._closing_steps = closing_steps
        self._closing_error = closing_error

    def stream(self) -> sk.Stream[int]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[int]:
        self.opened += 1
        try:
            for number in range(self._n):
                self.pulled += 1
                await (lowlevel.checkpoint() if self._every is None else anyio.sleep(self._every))
                yield number
            if self._error is not None:
                raise self._error
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(self._closing_takes)
                for _ in range(self._closing_steps):
                    await lowlevel.checkpoint()
            self.closed += 1
            if self._closing_error is not None:
                raise self._closing_error


def timed(*schedule: tuple[float, object], error: Exception | None = None) -> sk.Stream[Any]:
    """
    A source that gives each item so many seconds after the one before it has been taken.

    Args:
        schedule: Seconds and item; before an item after no time the others have their turn.
        error: What is raised after the last one.
    """

    async def play() -> AsyncIterator[object]:
        for delay, item in schedule:
            await anyio.sleep(delay)
            yield item
        if error is not None:
            raise error

    return sk.from_iterable(play)


async def times(stream: sk.Stream[Any], *, each_takes: float = 0.0) -> list[tuple[float, Any]]:
    """
    The items of a stream, each with the seconds after which it came.

    Args:
        each_takes: Seconds for which the reader is busy with each item.
    """
    start = anyio.current_time()
    got: list[tuple[float, Any]] = []
    async with stream.open() as run:
        async for item in run:
            got.append((anyio.current_time() - start, item))
            await anyio.sleep(each_takes)
    return got
