"""
Watching that a response goes on: a limit on each wait for the API, and none on the consumer's own time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope, current_time

from .errors import StreamStalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable

    from .events import Event
    from .timeouts import Timeouts

__all__ = ["Watchdog"]

T = TypeVar("T")
_END: Any = object()


class Watchdog:
    """
    Watches over the requests of one run.

    Args:
        timeouts: The limits.

    Attributes:
        left: Seconds that are left for the run as a whole.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self.left: float = math.inf if timeouts.total is None else timeouts.total
        self._begun = False
        self._quiet = 0.0  # waited since an event came, or since the request was sent

    async def sending(self, response: Awaitable[T]) -> T:
        """
        The response to a request, which is sent now.

        Raises:
            StreamStalled: It did not come in time.
        """
        self._begun, self._quiet = False, 0.0
        return await self._within_time(response)

    async def reading(self, items: AsyncIterator[T], *, raw: bool) -> AsyncGenerator[T, None]:
        """
        What a response brings, each item within its time.

        Args:
            items: The reads, or the events where `raw` is false.
            raw: Whether each item is a sign of life, as bytes are. Where pings are left out, silence says nothing.

        Raises:
            StreamStalled: Nothing came in time.
        """
        while (item := await self._within_time(anext(items, _END), raw=raw)) is not _END:
            yield item

    async def between(self, pause: Awaitable[None]) -> None:
        """
        A wait between two requests, which is shorter than what is left.
        """
        began = current_time()
        await pause
        self.left -= current_time() - began

    def saw(self, events: Iterable[Event]) -> None:
        """
        Events have come; all but pings are progress.
        """
        if any(event.type != "ping" for event in events):
            self._begun, self._quiet = True, 0.0

    async def _within_time(self, wait: Awaitable[T], *, raw: bool = False) -> T:
        seconds, complaint = min(self._limits(raw))
        began = current_time()
        try:
            with CancelScope(deadline=began + seconds):
                return await wait
        finally:
            waited = current_time() - began
            self._quiet += waited
            self.left -= waited
        raise StreamStalled(complaint)

    def _limits(self, raw: bool) -> Iterable[tuple[float, str]]:
        timeouts = self._timeouts
        yield self.left, f"the response was not complete within {timeouts.total} seconds (total)"
        if self._begun:
            if timeouts.progress is not None:
                yield (
                    timeouts.progress - self._quiet,
                    f"no event came within {timeouts.progress} seconds (progress)",
                )
        elif timeouts.first_event is not None:
            yield (
                timeouts.first_event - self._quiet,
                f"no event came within {timeouts.first_event} seconds of the request (first_event)",
            )
        if raw and timeouts.liveness is not None:
            yield timeouts.liveness, f"nothing arrived within {timeouts.liveness} seconds (liveness)"
