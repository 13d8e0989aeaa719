"""
`timeout`: limits how long items are waited for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from anyio import CancelScope, current_time

from streamkit._core.algebra import Same
from streamkit._core.checks import seconds as checked_seconds
from streamkit._core.errors import TimeLimitError
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.runtime.closing import close_after, closing_failed
from streamkit._core.stage import ContextStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["timeout"]

_END: Any = object()
_LATE: Any = object()


@keyword_hints
def timeout(*, first: float | None = None, idle: float | None = None, total: float | None = None) -> Same:
    """
    Fail when upstream takes too long. Only the time spent waiting for upstream counts, so a slow consumer never fails.

    An item must come before its time is up. One that comes at that very moment is too late.

        -a-b------c|
        timeout(idle=3)
        -a-b--#

    Args:
        first: Seconds until the first item.
        idle: Seconds until each further item, and also until the first one if `first` is not given.
        total: Seconds of waiting for upstream in all, from the first read to its end.

    Raises:
        TypeError: No limit is given, or one is not a number.
        ValueError: A limit is not above 0.

    Emits: every item, unchanged.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream; with a `TimeLimitError`, which is a `TimeoutError` and has the `limit` and its `seconds`, once
        upstream is closed. That closing fails too is noted on it.
    Cancels: at once.
    Memory: nothing.
    """
    given = {"first": first, "idle": idle, "total": total}
    limits = {name: limit for name, limit in given.items() if limit is not None}
    if not limits:
        raise TypeError("timeout() needs a limit: first, idle or total, in seconds")
    return Same((_Timeout(limits),))


class _Timeout(ContextStage):
    memory = "nothing"

    def __init__(self, limits: dict[str, float]) -> None:
        super().__init__("timeout", (), limits)
        self._limits = {name: checked_seconds("timeout", limit, of=name) for name, limit in limits.items()}

    async def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        items = aiter(upstream.iterator)
        limits = self._limits
        waiting_for = "first" if "first" in limits else "idle"
        asked = current_time()
        # The moment when `total` is used up; each pause of the consumer moves it.
        all_by = asked + limits.get("total", math.inf)
        while True:
            this_by = asked + limits.get(waiting_for, math.inf)
            item, failure = _LATE, None
            limit = CancelScope(deadline=min(this_by, all_by))
            try:
                with limit:
                    item = await anext(items, _END)
            except Exception as error:
                if not limit.cancel_called:
                    raise
                failure = error  # most likely of its cleanup
            # A source may end or fail because its read was cancelled, and then that is not its own end.
            if item is _END and not limit.cancel_called:
                return
            if item is _LATE or item is _END:
                break
            taken = current_time()
            yield item
            asked = current_time()
            all_by += asked - taken
            waiting_for = "idle"
        # Cancelling the pending read has ended upstream, so the stream cannot continue.
        late = _timed_out(waiting_for if this_by <= all_by else "total", self.kwargs)
        if failure is not None:
            closing_failed(late, failure, context)
        await close_after(late, upstream, context)
        raise late


def _timed_out(limit: str, limits: Any) -> TimeLimitError:
    seconds = limits[limit]
    message = (
        f"timeout(total={seconds}): the stream did not end within {seconds} seconds of waiting"
        if limit == "total"
        else f"timeout({limit}={seconds}): no item came within {seconds} seconds"
    )
    return TimeLimitError(message, limit=limit, seconds=seconds)
