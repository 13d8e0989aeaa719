"""
`throttle`: a least distance between items; what comes in between is merged.

Which items merge, which wait and which pass at once is decided in `_core/items.py`, for Claude's events in
`_claude/protocol/pieces.py`.
"""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any, Literal

from anyio import current_time

from streamkit._core.algebra import Same
from streamkit._core.checks import seconds
from streamkit._core.items import can_wait, is_structural, without_half
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import name_of
from streamkit._core.runtime.timed_release import TimedRelease
from streamkit._core.stage import ConcurrentStage
from streamkit._operators.time.merged_run import MergedRun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["throttle"]

Merge = Literal["latest"]


@keyword_hints
def throttle(
    interval: float,
    *,
    leading: bool = True,
    trailing: bool = True,
    merge: Callable[[Any, Any], Any] | Merge | None = None,
) -> Same:
    """
    Space the items out, with at least `interval` seconds between two of them. Items that come in between are merged into one.

    Text, events, and `(name, value)` pairs of these are joined with their neighbours, so nothing of them is ever lost. An event
    that cannot be joined, such as the end of a block, first releases what is held and then passes at once. For items of other
    types, say how they merge.

        -a-xy-----b--x--cxxx--|
        throttle(4, merge="latest")
        -a---y----b---x---x---(x|)

    Args:
        interval: Seconds between two emissions.
        leading: Whether the first item after a pause passes at once.
        trailing: Whether the held item goes out when the interval is over; otherwise it waits for the next item.
        merge: `fn(held, item)` returns the item that takes the place of both; `"latest"` keeps the newer one.

    Raises:
        TypeError: An argument is of the wrong kind; while running, an item is of a type for which `merge` must be given.
        ValueError: `interval` is not above 0, or both `leading` and `trailing` are off.

    Emits: the first item at once, then what has come since, every `interval`.
    Backpressure: reads on while an interval runs, and stops reading once what is due has not been taken.
    Completes: with its upstream, after the held item, which goes out at once, or with an explicit merge when it is due.
    Fails: with its upstream, after the held item; with an explicit merge, the held item is dropped.
    Cancels: at once, dropping what is held.
    Memory: what arrives within one interval, merged; with an explicit merge, one item.
    """
    if merge is not None and merge != "latest" and not callable(merge):
        raise TypeError(f'merge must be a function of two items, "latest" or None, not {merge!r}')
    if inspect.iscoroutinefunction(merge):
        raise TypeError(f"throttle() calls merge={name_of(merge)} without awaiting it: give a plain function")
    if not leading and not trailing:
        raise ValueError("throttle(leading=False, trailing=False) would never emit: leave one of them on")
    return Same((_Throttle(interval, leading, trailing, merge),))


class _Throttle(ConcurrentStage):
    memory = "what arrives within one interval, merged"

    def __init__(
        self, interval: float, leading: bool, trailing: bool, merge: Callable[[Any, Any], Any] | Merge | None
    ) -> None:
        defaults = {"leading": (leading, True), "trailing": (trailing, True), "merge": (merge, None)}
        super().__init__(
            "throttle",
            (interval,),
            {key: value for key, (value, usual) in defaults.items() if value != usual},
        )
        self.interval = seconds("throttle", interval)
        self.leading = leading
        self.trailing = trailing
        self.merge: Callable[[Any, Any], Any] | Merge | None = merge

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Throttling(self, upstream, context).items()


_NOTHING: Any = object()


class _Throttling(TimedRelease):
    def __init__(self, settings: _Throttle, upstream: Chain, context: Context) -> None:
        super().__init__(upstream, context)
        self._interval = settings.interval
        self._leading = settings.leading
        self._trailing = settings.trailing
        self._merge: Callable[[Any, Any], Any] | Merge | None = settings.merge
        self._held: Any = _NOTHING  # with an explicit merge
        self._run: MergedRun | None = None  # with the default one
        self._window_ends = -math.inf

    def take_in(self, item: Any) -> None:
        if self._merge is not None:
            self._take_in_merging(item, self._merge)
        elif can_wait(item):
            if self._run is None or not self._run.add(item):
                if self._run is not None:
                    self._let_go()
                self._run = MergedRun(item)
            self._schedule()
        elif is_structural(item):
            if self._run is not None:
                self._let_go()
            self.ready.append(item)
        else:
            raise TypeError(
                f"throttle() does not know how to merge items of type {type(item).__name__}: give merge=fn, where fn(held, "
                'item) is the one that takes the place of both, or merge="latest" to keep the newest'
            )

    def release(self) -> None:
        if self._merge is not None:
            self._let_go()
            return
        whole, half = without_half(self._all_held())
        self._run = None if whole is None else MergedRun(whole)
        if whole is not None:
            self._let_go()
        if half is not None:  # it waits for the rest of its character, however long that takes
            self._run, self.due = MergedRun(half), math.inf

    def _let_go(self) -> None:
        """
        Release all that is held.
        """
        self.ready.append(self._all_held())
        self._drop()
        self._window_ends = current_time() + self._interval

    def _all_held(self) -> Any:
        return self._held if self._run is None else self._run.merged

    def finish(self, error: BaseException | None) -> None:
        if self._run is not None:
            self._let_go()
        elif error is not None or not self._trailing:
            self._drop()

    def _drop(self) -> None:
        self._held, self._run, self.due = _NOTHING, None, math.inf

    def _take_in_merging(self, item: Any, merge: Callable[[Any, Any], Any] | Merge) -> None:
        if not self._trailing and self.now < self._window_ends:
            return
        self._held = merge(self._held, item) if callable(merge) and self._held is not _NOTHING else item
        self._schedule()

    def _schedule(self) -> None:
        now = self.now
        if now >= self._window_ends and not self._leading:
            self._window_ends = now + self._interval
        if now >= self._window_ends:
            self.due = now
        elif self._trailing and self.due == math.inf:
            self.due = self._window_ends
