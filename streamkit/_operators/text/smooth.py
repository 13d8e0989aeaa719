"""
Smooth: text at an even pace, however it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.checks import seconds
from streamkit._core.operator import Same
from streamkit._core.stage import ConcurrentStage
from streamkit._operators.text.cutter import rule
from streamkit._operators.text.smoothing import Smoothing

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["smooth"]


def smooth(by: str | re.Pattern[str] = "word", *, max_lag: float = 0.5) -> Same:
    """
    The same text in the pieces of `recut(by)`, one after another at an even pace, with a small and bounded lag.

    The pace follows the backlog: a burst is spread out, and at a steady rate a piece waits about as long as the next
    chunk takes to come. Text is a string, the text or thinking in an event's delta, or either in a `(name, value)` pair.
    Anything else passes at once, after what is held: the start and end of a block, the JSON of a tool, a tool call. So does
    text of another block or name.

        -(abcdefgh)---------|
        smooth("grapheme", max_lag=8)
        -abcdefgh--|

    Args:
        by: What is a piece, as in `recut`: `"word"`, `"sentence"`, `"line"`, `"grapheme"` or a regex.
        max_lag: Seconds after which text has gone out at the latest. A piece that takes longer to come goes out unfinished,
            so give it more for sentences and lines.

    Raises:
        TypeError: An argument of the wrong kind.
        ValueError: `by` is unknown, or `max_lag` is not above 0 and finite.

    Emits: a piece at a time; of a burst the first at once, and the last before `max_lag` is over.
    Backpressure: reads on while pieces wait for their time, and stops reading once one that is due has not been taken.
    Completes: with its upstream, after what is held, which goes out at once.
    Fails: with its upstream, after what is held.
    Cancels: at once, dropping what is held; where the stream starts over, that is dropped too.
    Memory: the text that arrives within `max_lag`, and one piece.
    """
    return Same((_Smooth(by, max_lag),))


class _Smooth(ConcurrentStage):
    memory = "the text that arrives within max_lag, and one piece"

    def __init__(self, by: str | re.Pattern[str], max_lag: float) -> None:
        super().__init__(
            "smooth", () if by == "word" else (by,), {} if max_lag == 0.5 else {"max_lag": max_lag}
        )
        self.rule = rule("smooth", by)
        self.max_lag = seconds("smooth", max_lag, of="max_lag")

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return Smoothing(upstream, context, self.rule, self.max_lag).items()
