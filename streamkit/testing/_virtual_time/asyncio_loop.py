"""
Virtual time for asyncio: an event loop whose time jumps to the next timer when nothing else is left to do.
"""

from __future__ import annotations

import asyncio
import selectors
from heapq import heappop, heappush
from math import isinf
from typing import TYPE_CHECKING, TypeVarTuple

from streamkit.testing._virtual_time.deadlock import DeadlockError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    Args = TypeVarTuple("Args")

__all__ = ["VirtualEventLoop"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace


class VirtualSelector(selectors.DefaultSelector):
    """
    A selector that reports what is ready, and calls a function instead of waiting.
    """

    def __init__(self, wait: Callable[[float | None], None]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self._wait(timeout)
        return ready


class VirtualEventLoop(asyncio.SelectorEventLoop):
    """
    A loop that begins at time 0.0 and never waits.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[float] = []
        super().__init__(VirtualSelector(self._jump))

    def time(self) -> float:
        return self._now

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        heappush(self._timers, when)
        return super().call_at(when, callback, *args, context=context)

    def _jump(self, timeout: float | None) -> None:
        """
        Go to the timer that the loop would wait for.

        `now + timeout` may miss the time of that timer by a rounding error, so the time is looked up. Earlier
        times belong to timers that were cancelled. The loop waits for at most a day at once.
        """
        if timeout is None:
            raise DeadlockError
        while self._timers[0] - self._now < timeout:
            heappop(self._timers)
        following = self._timers[0]
        if isinf(following):
            raise DeadlockError
        self._now = following if following - self._now == timeout else self._now + timeout
