"""
Meter: the figures that tell how fast a stream is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from anyio import current_time

from streamkit._claude.protocol.content import text_in
from streamkit._core.operator import Same
from streamkit._core.restart import is_restart
from streamkit._core.transducer import Transducer, pure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._core.runtime.context import Context
    from streamkit._core.transducer import Form

__all__ = ["Gaps", "Meter", "meter"]

GAP_ERROR = 0.01
"""How far a percentile may be from the exact one, relatively."""

_GROWTH = (1 + GAP_ERROR) / (1 - GAP_ERROR)
_BUCKETS_PER_E = 1 / math.log(_GROWTH)
_SHORTEST = 1e-6  # seconds; anything shorter counts as a gap of zero


def meter() -> Same:
    """
    The events as they are, timed: `run.report.meter` has the figures, while the stream runs and after it.

    With several meters in one run it has those of the last. Outside of a run the events pass and nothing is
    kept.

        MTa-bE-DS|
        meter()
        MTa-bE-DS|

    Emits: each event, unchanged.
    Backpressure: none of its own; a slow consumer shows in the gaps.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: a counter for each 2 % by which gaps differ: at most 1,400 from a microsecond to eleven days.
    """
    return Same(pure("meter", Metering))


class Gaps:
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

    def add(self, seconds: float) -> None:
        """
        Count one gap.
        """
        bucket = int(math.log(seconds / _SHORTEST) * _BUCKETS_PER_E) if seconds >= _SHORTEST else -1
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1


@dataclass(slots=True)
class Meter:
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

    time_to_first_event: float | None = None
    time_to_first_text: float | None = None
    duration: float = 0.0
    gaps: Gaps = field(default_factory=Gaps)
    pieces: int = 0
    characters: int = 0
    output_tokens: int = 0
    streaming: float = 0.0

    @property
    def tokens_per_second(self) -> float | None:
        """
        Output tokens by the time in which messages streamed; None while either is unknown.
        """
        return self.output_tokens / self.streaming if self.output_tokens and self.streaming else None


class Metering(Transducer[Any, Any]):
    form: ClassVar[Form] = "tap"
    memory = "1,400 counters"

    def attach(self, context: Context | None) -> None:
        self.figures: Meter = Meter()
        self.now: Callable[[], float] = perf_counter
        if context is not None:
            context.report.meter = self.figures
            self.now = current_time
        self.opened: float = self.now()
        self.reset()

    def step(self) -> Callable[[Any], Any]:
        return self.measure

    def feed(self, item: Any) -> Iterable[Any]:
        self.measure(item)
        return (item,)

    def reset(self) -> None:
        self.message_began: float | None = None
        self.streamed_before: float = self.figures.streaming
        self.tokens_before: int = self.figures.output_tokens
        self.last_text: float | None = None

    def measure(self, event: Any) -> None:
        """
        Take the next event.
        """
        now = self.now()
        figures = self.figures
        figures.duration = now - self.opened
        if figures.time_to_first_event is None:
            figures.time_to_first_event = figures.duration
        kind = event.type
        if kind != "content_block_delta":
            self._structure(kind, event, now)
        if self.message_began is not None:
            figures.streaming = self.streamed_before + now - self.message_began
        if piece := text_in(event):
            self._text(piece, now)

    def _structure(self, kind: str, event: Any, now: float) -> None:
        if is_restart(event):
            self.reset()
        elif kind == "message_start":
            self.reset()
            self.message_began = now
            self._usage(event.message)
        elif kind == "message_delta":
            self._usage(event)
        elif kind == "message_stop" and self.message_began is not None:
            self.figures.streaming = self.streamed_before + now - self.message_began
            self.message_began = None

    def _text(self, piece: str, now: float) -> None:
        figures = self.figures
        if figures.time_to_first_text is None:
            figures.time_to_first_text = figures.duration
        if self.last_text is not None:
            figures.gaps.add(now - self.last_text)
        self.last_text = now
        figures.pieces += 1
        figures.characters += len(piece)

    def _usage(self, carrier: Any) -> None:
        tokens = getattr(getattr(carrier, "usage", None), "output_tokens", None)
        if isinstance(tokens, int):
            self.figures.output_tokens = self.tokens_before + tokens
