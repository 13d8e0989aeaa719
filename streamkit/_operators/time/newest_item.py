"""
A timed stage that holds the newest item: what `debounce` and `sample` have in common.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from anyio import current_time

from streamkit._core.items import is_restart
from streamkit._core.runtime.timed_release import TimedRelease

if TYPE_CHECKING:
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["NewestItemStage"]

_NOTHING: Any = object()


class NewestItemStage(TimedRelease):
    """
    One run of an operator in which one item waits for its time, and the next one takes its place.

    Args:
        upstream: Where the items come from.
        context: The run.
        emits_last: Whether an item that still waits goes out when upstream completes.
    """

    def __init__(self, upstream: Chain, context: Context, *, emits_last: bool) -> None:
        super().__init__(upstream, context)
        self._held: Any = _NOTHING
        self._emits_last = emits_last

    @abstractmethod
    def schedule(self, now: float) -> None:
        """
        Set when the item that has come is `due`. It replaces the one that is held: release that first, if it was due already.
        """

    def take_in(self, item: Any) -> None:
        if is_restart(item):
            self._drop()
            self.ready.append(item)
        else:
            self.schedule(self.now)
            self._held = item

    def release(self) -> None:
        self.ready.append(self._held)
        self._drop()

    def finish(self, error: BaseException | None) -> None:
        if current_time() >= self.due or (error is None and self._emits_last and self.due < math.inf):
            self.release()
        else:
            self._drop()

    def _drop(self) -> None:
        self._held, self.due = _NOTHING, math.inf
