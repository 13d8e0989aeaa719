"""
Times that are put off again and again before they come, such as the ends of leases: one timer waits for all of them.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Final

from anyio import CancelScope, current_time

from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Alarms"]

_SPARE: Final = 64
"""Timers beyond those in use, at most, before what is left over is cleared away."""


class Alarms:
    """
    At most one time for each name.

    Args:
        ring: Called with a name whose time has come.
    """

    def __init__(self, ring: Callable[[str], object]) -> None:
        self._ring = ring
        self._due: dict[str, float] = {}
        # A timer for each name, at its time or before it: where the time was put off meanwhile, it is set anew when it goes off.
        self._timers: list[tuple[float, str]] = []
        self._timed: dict[str, float] = {}
        self._sooner = Wakeup()

    def __len__(self) -> int:
        """
        How many timers are kept.
        """
        return len(self._timers)

    def set(self, name: str, due: float) -> None:
        """
        Set a name's time, in place of that which it had.

        Args:
            name: Whose.
            due: By the clock of the event loop; infinite for never.
        """
        if due == inf:
            self.drop(name)
            return
        self._due[name] = due
        if due < self._timed.get(name, inf):
            self._set_timer(name, due)

    def drop(self, name: str) -> None:
        """
        Set no time.
        """
        self._due.pop(name, None)
        if len(self._timers) > 2 * len(self._due) + _SPARE:
            self._timed = self._due.copy()
            self._timers = [(due, each) for each, due in self._due.items()]
            heapify(self._timers)

    async def run(self) -> None:
        """
        Ring when it is time, until this is cancelled.
        """
        while True:
            first = self._timers[0][0] if self._timers else inf
            if first > current_time():
                with CancelScope(deadline=first):
                    await self._sooner.wait()
                continue
            at, name = heappop(self._timers)
            if self._timed.get(name) != at:
                continue  # there is an earlier one
            del self._timed[name]
            due = self._due.get(name, inf)
            if due > at:
                self.set(name, due)
            else:
                del self._due[name]
                self._ring(name)

    def _set_timer(self, name: str, at: float) -> None:
        self._timed[name] = at
        heappush(self._timers, (at, name))
        if self._timers[0][1] == name:
            self._sooner.wake()
