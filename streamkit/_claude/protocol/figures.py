"""
The figures of a stream's speed, as `run.report.meter` has them.
"""

from __future__ import annotations

import math
from typing import Any

from streamkit._claude.protocol.timeline import Timeline
from streamkit._core.plain import PlainValue

__all__ = ["Gaps", "Meter"]

GAP_ERROR = 0.01
"""How far a percentile may be from the exact one, relatively."""

_GROWTH = (1 + GAP_ERROR) / (1 - GAP_ERROR)
_BUCKETS_PER_E = 1 / math.log(_GROWTH)
_SHORTEST = 1e-6
"""Seconds; anything shorter counts as a gap of zero."""


class Gaps(PlainValue):
    """
    The seconds between one piece of text and the next, as a histogram whose buckets grow with the gap: a
    percentile is within 1 % of the exact one.

    Attributes:
        count: How many there were.
    """

    def __init__(self) -> None:
        self.count: int = 0
        self._buckets: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"Gaps(count={self.count}, p50={self.p50}, p95={self.p95}, p99={self.p99})"

    @property
    def p50(self) -> float | None:
        """
        The median, or None without any gap.
        """
        return self.percentile(50)

    @property
    def p95(self) -> float | None:
        """
        The 95th percentile, or None without any gap.
        """
        return self.percentile(95)

    @property
    def p99(self) -> float | None:
        """
        The 99th percentile, or None without any gap.
        """
        return self.percentile(99)

    def percentile(self, percent: float) -> float | None:
        """
        The shortest gap such that `percent` of all are no longer, or None without any gap.

        Raises:
            ValueError: `percent` is not above 0 and at most 100.
        """
        if not 0 < percent <= 100:
            raise ValueError(f"percentile() needs a number above 0 and at most 100, not {percent!r}")
        rank = math.ceil(self.count * percent / 100)
        for bucket, number in sorted(self._buckets.items()):
            rank -= number
            if rank <= 0:
                return 0.0 if bucket < 0 else _SHORTEST * _GROWTH**bucket * (1 + GAP_ERROR)
        return None

    @property
    def buckets(self) -> list[tuple[float, int]]:
        """
        What there is to plot: for each bucket that is not empty, the longest gap in it and how many gaps, in order.
        """
        return [(self._longest(bucket), number) for bucket, number in sorted(self._buckets.items())]

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects.
        """
        return {
            "count": self.count,
            "p50": self.p50,
            "p95": self.p95,
            "p99": self.p99,
            "buckets": [list(bucket) for bucket in self.buckets],
        }

    def _longest(self, bucket: int) -> float:
        return 0.0 if bucket < 0 else _SHORTEST * _GROWTH ** (bucket + 1)

    def add(self, seconds: float) -> None:
        """
        Count one gap.
        """
        bucket = int(math.log(seconds / _SHORTEST) * _BUCKETS_PER_E) if seconds >= _SHORTEST else -1
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1


class Meter(PlainValue):
    """
    The figures of a stream; times in seconds.

    Attributes:
        time_to_first_event: From the opening of the run, so the wait for the response is in it; None before
            there is one.
        time_to_first_text: From the same moment to the first piece of text that is not empty.
        duration: From the same moment to the last event.
        gaps: Between one piece of text and the next within a message.
        pieces: Pieces of text.
        characters: Characters of text.
        output_tokens: Of all messages, as far as the API has told them.
        streaming: From the first to the last event of each message, added up.
    """

    def __init__(self) -> None:
        self.time_to_first_event: float | None = None
        self.time_to_first_text: float | None = None
        self.duration: float = 0.0
        self.gaps: Gaps = Gaps()
        self.pieces: int = 0
        self.characters: int = 0
        self.output_tokens: int = 0
        self.streaming: float = 0.0
        self._timeline = Timeline()

    def __repr__(self) -> str:
        return f"Meter({', '.join(f'{name}={value!r}' for name, value in self._figures().items())})"

    @property
    def tokens_per_second(self) -> float | None:
        """
        Output tokens by the time in which messages streamed; None while either is unknown.
        """
        return self.output_tokens / self.streaming if self.output_tokens and self.streaming else None

    @property
    def timeline(self) -> list[dict[str, float]]:
        """
        What there is to plot over time: a row for the end of each interval, with `seconds` from the opening of the run, and
        `pieces`, `characters` and `tokens` up to then.

        At most 256 intervals of the same length, 1/16 second or that doubled as often as it takes. The API tells tokens only at
        the end of a message, so that `tokens` are `output_tokens`, spread as the characters of text are: an estimate where the
        answer has more than text. Without any text there are no rows.
        """
        rows: list[dict[str, float]] = []
        pieces = characters = 0
        for number, (more_pieces, more_characters) in enumerate(self._timeline.intervals, 1):
            pieces += more_pieces
            characters += more_characters
            rows.append(
                {
                    "seconds": number * self._timeline.width,
                    "pieces": pieces,
                    "characters": characters,
                    "tokens": self.output_tokens * characters / self.characters,
                }
            )
        return rows

    def add_text(self, piece: str) -> None:
        """
        Count a piece of text that has come now, at `duration`.
        """
        self.pieces += 1
        self.characters += len(piece)
        self._timeline.add(self.duration, len(piece))

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects, with the percentiles and buckets of `gaps`, and the rows of `timeline`.
        """
        return {
            **self._figures(),
            "gaps": self.gaps.to_dict(),
            "tokens_per_second": self.tokens_per_second,
            "timeline": self.timeline,
        }

    def _figures(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in vars(self) if not name.startswith("_")}
