"""
Pace: when the next of several waiting pieces goes out.
"""

from __future__ import annotations

import math
from collections import deque

__all__ = ["Pace"]

_PLANNED = 7 / 8
"""The part of the longest lag that is planned for; the rest is for timers that fire late."""

_SAME = 1 / 16
"""Arrivals closer together than this part of the planned lag count as one: they share a deadline, and are no gap."""

_LATE = 1 / 64
"""Seconds that a timer may be late: so much is caught up with at once, for several pieces may be due in that time."""

_REMEMBERED = 8
"""Gaps between arrivals from which the next one is guessed."""


class Pace:
    """
    The times of one text's pieces, of which it knows only how many there are and how long each can wait.

    What waits is spread over the time in which more is almost sure to come: the longest of the last gaps between arrivals,
    and by as much longer as that is above their mean. With less there would be pauses; more would be lag for nothing, and
    at an even rate the lag is one gap. Where the deadlines leave less time, they decide: with n pieces to go until one of
    them, the next is due after the n-th part of the time left. The strictest counts, so all are met. After a silence
    nothing is known about gaps, all the lag is used, and the first piece is long due.

    Attributes:
        lag: Seconds that a piece can wait, as planned.
        waiting: How many pieces wait.
    """

    def __init__(self, max_lag: float) -> None:
        self.lag: float = max_lag * _PLANNED
        self.waiting: int = 0
        self._groups: deque[tuple[float, int]] = deque()
        self._gaps: deque[float] = deque(maxlen=_REMEMBERED)
        self._interval = 0.0
        self._arrived = -math.inf
        self._last_arrival = -math.inf
        self._emitted = -math.inf
        self._due = -math.inf

    def arrived(self, now: float) -> None:
        """
        Text has come.
        """
        self._last_arrival = now
        gap = now - self._arrived
        if gap < self.lag * _SAME:
            return
        self._arrived = now
        self._gaps.append(min(gap, self.lag))

    def add(self, pieces: int, since: float) -> None:
        """
        So many more pieces wait, whose first character has come at the time `since`.
        """
        deadline = since + self.lag
        if self._groups and deadline - self._groups[-1][0] < self.lag * _SAME:
            deadline, others = self._groups.pop()
            pieces += others
            self.waiting -= others
        self._groups.append((deadline, pieces))
        self.waiting += pieces
        longest, mean = max(self._gaps), sum(self._gaps) / len(self._gaps)
        self._interval = min(longest + (longest - mean), self.lag) / self.waiting

    def emitted(self, now: float) -> None:
        """
        The first of them has gone out, or what is not counted yet.
        """
        self._emitted = now if self._due > now else max(self._due, now - _LATE)
        if self._groups:
            deadline, pieces = self._groups.popleft()
            self.waiting -= 1
            if pieces > 1:
                self._groups.appendleft((deadline, pieces - 1))

    def clear(self) -> None:
        """
        None waits any more.
        """
        self._groups.clear()
        self.waiting = 0

    def due(self, now: float, last: float) -> float:
        """
        When the first of them is to go out.

        Args:
            now: The time.
            last: When what comes behind them is to have gone out; infinity for nothing.
        """
        self._due = last if not self.waiting else self._next(now, last)
        return self._due

    def _next(self, now: float, last: float) -> float:
        interval = min(self._interval, (last - now) / (self.waiting + 1))
        pieces = 0
        for deadline, more in self._groups:
            pieces += more
            interval = min(interval, (deadline - now) / pieces)
        return min(max(self._last_arrival, self._emitted + interval), self._groups[0][0])
