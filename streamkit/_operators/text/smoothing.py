"""
Smoothing: one run of `smooth`.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from anyio import current_time

from streamkit._core.items import text_of, with_text
from streamkit._core.restart import is_restart
from streamkit._core.runtime.timed import Holding
from streamkit._operators.text.cutter import Cutter
from streamkit._operators.text.piece_schedule import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._operators.text.word_rule import Rule

__all__ = ["Smoothing"]

_NOWHERE: Any = object()


class Smoothing(Holding):
    """
    Cuts text, keeps the pieces, and lets them go one by one.
    """

    def __init__(self, upstream: Chain, context: Context, rule: Callable[[], Rule], max_lag: float) -> None:
        super().__init__(upstream, context)
        self._cutter = Cutter(rule)
        self._pace = Pace(max_lag)
        self._pieces: deque[str] = deque()
        # The item that a piece without text would be: it says which text is held.
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
        self._pace.emitted(now)
        self._schedule(now)

    def finish(self, error: BaseException | None) -> None:
        self._let_go()

    def _feed(self, text: str) -> None:
        now = self.now
        self._pace.arrived(now)
        held = self._cutter.size
        pieces = self._cutter.feed(text)
        if pieces:
            self._pieces += pieces
            if held:
                self._pace.add(1, self._began)
            if len(pieces) > bool(held):
                self._pace.add(len(pieces) - bool(held), now)
        if pieces or not held:
            self._began = now
        self._schedule(now)

    def _schedule(self, now: float) -> None:
        unfinished = self._began + self._pace.lag if self._cutter.size else math.inf
        self.due = self._pace.due(now, unfinished)

    def _let_go(self) -> None:
        """
        Everything that is held goes out now.
        """
        if self._cutter.size:
            self._pieces.append(self._cutter.take())
        if self._pieces:
            self.ready.extend(with_text(self._place, piece) for piece in self._pieces)
            self._pace.emitted(current_time())
        self._drop()

    def _drop(self) -> None:
        self._pieces.clear()
        self._cutter.restart()
        self._pace.clear()
        self.due = math.inf
