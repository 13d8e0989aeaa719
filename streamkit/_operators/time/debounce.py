"""
`debounce`: the last item of a burst, once the source is quiet.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from streamkit._core.algebra import Same
from streamkit._core.checks import seconds
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import ConcurrentStage
from streamkit._operators.time.newest_item import NewestItemStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["debounce"]


@keyword_hints
def debounce(d: float, *, max_wait: float | None = None) -> Same:
    """
    The last item of each burst, once `d` seconds have passed without another.

    An item that comes exactly `d` seconds after the one before it begins a new burst.

        -a--bc--d---|
        debounce(2)
        ---a---c--d-|

    Args:
        d: Seconds of quiet.
        max_wait: Seconds after the first item of a burst at which its newest item goes out in any case; the next item then
            begins a new burst. Without it, nothing goes out before the end of a source that is never quiet.

    Raises:
        TypeError: An argument is not a number.
        ValueError: An argument is not above 0, or `max_wait` is below `d`.

    Emits: the last item of each burst, when it is due.
    Backpressure: reads on while an item waits, and stops reading once what is due has not been taken.
    Completes: with its upstream, after the item that waits, which goes out at once.
    Fails: with its upstream; an item that was not due yet is dropped.
    Cancels: at once, dropping what waits.
    Memory: one item, and a second one if the first is due and was not taken.
    """
    return Same((_Debounce(d, max_wait),))


class _Debounce(ConcurrentStage):
    memory = "2 items"

    def __init__(self, d: float, max_wait: float | None) -> None:
        super().__init__("debounce", (d,), {} if max_wait is None else {"max_wait": max_wait})
        self.quiet = seconds("debounce", d)
        self.max_wait = math.inf if max_wait is None else seconds("debounce", max_wait, of="max_wait")
        if self.max_wait < self.quiet:
            raise ValueError(
                f"debounce({d}, max_wait={max_wait}) would never wait for {d} seconds of quiet: "
                "max_wait must be at least as long"
            )

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Debouncing(self, upstream, context).items()


class _Debouncing(NewestItemStage):
    def __init__(self, settings: _Debounce, upstream: Chain, context: Context) -> None:
        super().__init__(upstream, context, emits_last=True)
        self._quiet = settings.quiet
        self._max_wait = settings.max_wait
        self._latest = math.inf

    def schedule(self, now: float) -> None:
        if now >= self.due:
            self.release()
        if self.due == math.inf:
            self._latest = now + self._max_wait
        self.due = min(now + self._quiet, self._latest)
