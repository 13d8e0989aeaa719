"""
`smooth`: text at an even pace, however it comes.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from anyio import current_time

from streamkit._core.algebra import Same
from streamkit._core.checks import seconds
from streamkit._core.items import is_restart, text_of, with_text
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.runtime.timed_release import TimedRelease
from streamkit._core.stage import ConcurrentStage
from streamkit._operators.text.cutter import Cutter, cut_rule
from streamkit._operators.text.piece_schedule import PieceSchedule
from streamkit._surrogates import plain_text

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._operators.text.cut_rule import CutRule

__all__ = ["smooth"]


@keyword_hints
def smooth(by: str | re.Pattern[str] = "word", *, max_lag: float = 0.5) -> Same:
    """
    The same text in the pieces of `recut(by)`, one after another at an even pace, with a small and bounded lag.

    The pace follows the backlog: a burst is spread out, and at a steady rate a piece waits about as long as the next
    chunk takes to come. Text is a string, the text or thinking in an event's delta, or either of these in a `(name, value)`
    pair. Anything else first releases what is held and then passes at once: the start and end of a block, the JSON of a tool,
    a tool call. Text of another block or name releases what is held, too.

        -(abcdefgh)---------|
        smooth("grapheme", max_lag=8)
        -abcdefgh--|

    Args:
        by: The kind of piece, as in `recut`: `"word"`, `"sentence"`, `"line"`, `"grapheme"` or a regex.
        max_lag: Seconds after which text goes out at the latest. A piece that takes longer to come goes out unfinished,
            so use a larger number for sentences and lines.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `by` is unknown, or `max_lag` is not above 0 and finite.

    Emits: one piece at a time; the first piece of a burst at once, and the last before `max_lag` is over.
    Backpressure: reads on while pieces wait for their time, and stops reading once one that is due has not been taken.
    Completes: with its upstream, after what is held, which goes out at once.
    Fails: with its upstream, after what is held.
    Cancels: at once, dropping what is held; where the stream starts over, it is dropped too.
    Memory: the text that arrives within `max_lag`, and one piece.
    """
    return Same((_Smooth(by, max_lag),))


class _Smooth(ConcurrentStage):
    memory = "the text that arrives within max_lag, and one piece"

    def __init__(self, by: str | re.Pattern[str], max_lag: float) -> None:
        self.rule = cut_rule("smooth", by)
        self.max_lag = seconds("smooth", max_lag, of="max_lag")
        super().__init__(
            "smooth", () if by == "word" else (by,), {} if max_lag == 0.5 else {"max_lag": max_lag}
        )

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Smoothing(upstream, context, self.rule, self.max_lag).items()


_NOWHERE: Any = object()


class _Smoothing(TimedRelease):
    """
    One run: it cuts the text, holds the pieces, and releases them one by one.
    """

    def __init__(
        self, upstream: Chain, context: Context, rule: Callable[[], CutRule], max_lag: float
    ) -> None:
        super().__init__(upstream, context)
        self._cutter = Cutter(rule)
        self._times = PieceSchedule(max_lag)
        self._pieces: deque[str] = deque()
        # The item with its text taken out, which tells whether another item is of the text that is held.
        self._place: Any = _NOWHERE
        self._began = -math.inf

    def take_in(self, item: Any) -> None:
        text = text_of(item)
        if text is None:
            if is_restart(item):
                self._drop()
            else:
                self._let_go()
            self.ready.append(item)
            return
        place = with_text(item, "")
        if place != self._place:
            self._let_go()
            self._place = place
        if text:
            self._feed(text)

    def release(self) -> None:
        now = current_time()
        self.ready.append(
            with_text(self._place, self._pieces.popleft() if self._pieces else self._cutter.take())
        )
        self._times.emitted(now)
        self._schedule(now)

    def finish(self, error: BaseException | None) -> None:
        self._let_go()

    def _feed(self, text: str) -> None:
        now = self.now
        self._times.arrived(now)
        held = self._cutter.size
        pieces = self._cutter.feed(plain_text(text))
        if pieces:
            self._pieces += pieces
            if held:
                self._times.add(1, self._began)
            if len(pieces) > bool(held):
                self._times.add(len(pieces) - bool(held), now)
        if pieces or not held:
            self._began = now
        self._schedule(now)

    def _schedule(self, now: float) -> None:
        unfinished = self._began + self._times.lag if self._cutter.size else math.inf
        self.due = self._times.due(now, unfinished)

    def _let_go(self) -> None:
        """
        Release everything that is held.
        """
        if held := self._cutter.end():
            self._pieces.append(held)
        if self._pieces:
            self.ready.extend(with_text(self._place, piece) for piece in self._pieces)
            self._times.emitted(current_time())
        self._drop()

    def _drop(self) -> None:
        self._pieces.clear()
        self._cutter.restart()
        self._times.clear()
        self.due = math.inf
