"""
`sample`: the newest item at every tick of a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.algebra import Same
from streamkit._core.checks import flag, seconds
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import ConcurrentStage
from streamkit._operators.time.newest_item import NewestItemStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["sample"]


@keyword_hints
def sample(d: float, *, emit_last: bool = True) -> Same:
    """
    The newest item every `d` seconds, counted from the first read. A tick emits nothing if no item has come since the last one.

    An item that comes exactly on a tick belongs to that tick, unless the tick has emitted already.

        -ab------c-d-|
        sample(3)
        ---b-----c--d|

    Args:
        d: Seconds from tick to tick.
        emit_last: Whether an item that waits for its tick when upstream completes goes out at once; otherwise it is dropped.

    Raises:
        TypeError: `d` is not a number.
        ValueError: `d` is not above 0.

    Emits: at most one item for each tick, the newest; equal ones too.
    Backpressure: reads on between two ticks, and stops reading once what is due has not been taken.
    Completes: with its upstream, after the item that waits (see `emit_last`).
    Fails: with its upstream; an item that was not due yet is dropped.
    Cancels: at once, dropping what waits.
    Memory: one item, and a second one if the first is due and was not taken.
    """
    return Same((_Sample(d, emit_last),))


class _Sample(ConcurrentStage):
    memory = "2 items"

    def __init__(self, d: float, emit_last: bool) -> None:
        super().__init__("sample", (d,), {} if emit_last else {"emit_last": emit_last})
        self.period = seconds("sample", d)
        self.emit_last = flag("sample", "emit_last", emit_last)

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Sampling(self, upstream, context).items()


class _Sampling(NewestItemStage):
    def __init__(self, settings: _Sample, upstream: Chain, context: Context) -> None:
        super().__init__(upstream, context, emits_last=settings.emit_last)
        self._period = settings.period
        self._tick = 0
        self._emitted = 0

    def schedule(self, now: float) -> None:
        if now > self.due:
            self.release()
        self._tick = max(self._next_tick(now), self._emitted + 1)
        self.due = self._time_of(self._tick)

    def release(self) -> None:
        self._emitted = self._tick
        super().release()

    def _next_tick(self, now: float) -> int:
        # The time of a tick comes from a multiplication, and decides. The quotient may miss its tick by a rounding error.
        nearest = round((now - self.started) / self._period)
        return nearest if self._time_of(nearest) >= now else nearest + 1

    def _time_of(self, tick: int) -> float:
        return self.started + tick * self._period
