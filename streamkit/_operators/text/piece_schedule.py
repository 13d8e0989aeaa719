"""
The schedule by which `smooth` releases the pieces that wait.
"""

from __future__ import annotations

import math
from collections import deque

__all__ = ["PieceSchedule"]

_PLANNED = 7 / 8
"""The part of the longest lag that is planned for. The rest allows for timers that fire late."""

_SAME = 1 / 16
"""Arrivals closer together than this part of the planned lag count as one: they share a deadline and make no gap."""

_LATE = 1 / 64
"""Seconds that a timer may be late. That much is caught up with at once, because several pieces may be due in that time."""

_REMEMBERED = 8
"""How many gaps between arrivals are remembered, to guess the next one."""


class PieceSchedule:
    """
    The times at which the pieces of one text go out. It knows how many pieces wait and how long each can, not what they are.

    The pieces that wait are spread over the time in which more are almost sure to arrive: the longest of the last gaps
    between arrivals, plus the difference between that gap and their mean. A shorter time would leave pauses, and a longer one
    would add lag for nothing. At an even rate the lag is one gap.

    Deadlines can leave less time than that. With n pieces to go until a deadline, the next piece is due after the n-th part
    of the time that is left. The strictest deadline decides, so all are met. After a silence nothing is known about gaps: the
    whole lag is used, and the first piece is due at once.

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
        Note that text has arrived.
        """
        self._last_arrival = now
        gap = now - self._arrived
        if gap < self.lag * _SAME:
            return
        self._arrived = now
        self._gaps.append(min(gap, self.lag))

    def add(self, pieces: int, since: float) -> None:
        """
        Schedule more pieces, whose first character arrived at the time `since`.
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
        Note that the first piece has gone out, or text that was not a whole piece yet.
        """
        self._emitted = now if self._due > now else max(self._due, now - _LATE)
        if self._groups:
            deadline, pieces = self._groups.popleft()
            self.waiting -= 1
            if pieces > 1:
                self._groups.appendleft((deadline, pieces - 1))

    def clear(self) -> None:
        """
        Forget the pieces that wait.
        """
        self._groups.clear()
        self.waiting = 0

    def due(self, now: float, last: float) -> float:
        """
        The time at which the first piece is to go out.

        Args:
            now: The time.
            last: The time by which the text behind the pieces must have gone out; infinity without any.
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
