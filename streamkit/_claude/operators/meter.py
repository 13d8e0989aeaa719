"""
Meter: the figures that tell how fast a stream is.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from anyio import current_time

from streamkit._claude.protocol.content import text_in
from streamkit._claude.protocol.figures import Meter
from streamkit._claude.protocol.reading import not_an_event
from streamkit._core.algebra import Same
from streamkit._core.items import is_restart
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._core.runtime.context import Context

__all__ = ["meter"]


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
    Memory: a counter for each 2 % by which gaps differ: at most 1,400 from a microsecond to eleven days; and 256 intervals of
        time.
    """
    return Same(pure("meter", Metering))


class Metering:
    """
    The figures of one run, and what they are made from.
    """

    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "events"

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        self.begin(context)
        return LoopSpec(name, "tap", self.measure, takes_restarts=True, memory="1,400 counters")

    def begin(self, context: Context | None) -> None:
        """
        Begin to measure; `context` is the run.
        """
        self.figures: Meter = Meter()
        self.now: Callable[[], float] = perf_counter
        if context is not None:
            context.report.contribute(meter=self.figures)
            self.now = current_time
        self.opened: float = self.now()
        self.reset()

    def reset(self) -> None:
        """
        What came before is void, or a new message begins.
        """
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
        try:
            kind = event.type
        except AttributeError:
            raise not_an_event(event, "meter") from None
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
            self._usage(getattr(event, "message", None))
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
        figures.add_text(piece)

    def _usage(self, carrier: Any) -> None:
        tokens = getattr(getattr(carrier, "usage", None), "output_tokens", None)
        if isinstance(tokens, int | float) and tokens:  # a zero says nothing
            tokens = int(tokens)
            self.figures.output_tokens = self.tokens_before + tokens
