"""
When the text of a stream came, in a bounded number of intervals.
"""

from __future__ import annotations

__all__ = ["Timeline"]

MOST_INTERVALS = 256
_FIRST_WIDTH = 0.0625
"""Seconds. A power of two, so that the ends of intervals are exact."""


class Timeline:
    """
    Pieces and characters for each interval of time. When there are too many intervals, each two become one.

    Attributes:
        width: The length of an interval, in seconds.
        intervals: For each interval from the opening of the run on, how many pieces and how many characters.
    """

    def __init__(self) -> None:
        self.width: float = _FIRST_WIDTH
        self.intervals: list[tuple[int, int]] = []

    def __repr__(self) -> str:
        return f"Timeline(width={self.width}, intervals={len(self.intervals)})"

    def add(self, seconds: float, characters: int) -> None:
        """
        Count a piece of text.

        Args:
            seconds: When it came, from the opening of the run.
            characters: Its length.
        """
        while (interval := int(seconds / self.width)) >= MOST_INTERVALS:
            self._halve()
        intervals = self.intervals
        while len(intervals) <= interval:
            intervals.append((0, 0))
        pieces, known = intervals[interval]
        intervals[interval] = (pieces + 1, known + characters)

    def _halve(self) -> None:
        self.width *= 2
        pairs = [*self.intervals, (0, 0)]
        self.intervals = [
            (first[0] + second[0], first[1] + second[1])
            for first, second in zip(pairs[::2], pairs[1::2], strict=False)
        ]
