"""
Watches that a response keeps coming: each wait for the API has its limit, and the consumer's own time counts nowhere.
"""

from __future__ import annotations

import math
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from anyio import CancelScope, current_time

from streamkit._claude.protocol.errors import StreamStalled
from streamkit._claude.transport.body import limit_silence
from streamkit._claude.transport.http_client import is_read_timeout
from streamkit._claude.transport.timeouts import waits_for_connection

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.transport.timeouts import Timeouts

__all__ = ["Watchdog"]

T = TypeVar("T")
_END: Any = object()

_STALLED: Final = {
    "read": "nothing arrived within {} seconds",
    "liveness": "nothing arrived within {} seconds",
    "first_event": "no event came within {} seconds of the request",
    "progress": "no event came within {} seconds",
    "total": "the response was not complete within {} seconds",
}
"""What is said where a limit ends a wait."""


class Watchdog:
    """
    Limits the waits of one run, over all of its requests.

    Args:
        timeouts: The limits.

    Attributes:
        left: Seconds that are left for the run as a whole; infinite without a limit.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self.left: float = math.inf if timeouts.total is None else timeouts.total
        self._begun = False
        self._quiet = 0.0  # seconds waited since an event came, or since the request was sent
        # The limit that the HTTP client itself keeps, in seconds, and the field of `Timeouts` that it stands for.
        self._silence: tuple[float, str] | None = None

    async def response(self, call: Awaitable[T]) -> T:
        """
        Send a request and wait for its response.

        Args:
            call: What sends the request and gives the response.

        Raises:
            StreamStalled: The response did not come in time.
        """
        self._begun, self._quiet, self._silence = False, 0.0, None
        waits_for_connection.set(False)
        return await self._within_time(call)

    def rely_on_client(self, response: Any, body: object) -> None:
        """
        Let the HTTP client limit silence in a response where it can, because a cancel scope around each read costs ten times
        as much.
        """
        timeouts = self._timeouts
        given = {"read": timeouts.read, "liveness": timeouts.liveness, "progress": timeouts.progress}
        limits = [(seconds, name) for name, seconds in given.items() if seconds is not None]
        shortest = min(limits, default=None)
        if shortest is not None and limit_silence(response, body, shortest[0]):
            self._silence = shortest

    async def watched(self, items: AsyncIterator[T], *, raw: bool) -> AsyncGenerator[T, None]:
        """
        What a response brings, each item within its time.

        Args:
            items: The chunks of bytes, or the events where `raw` is false.
            raw: Whether every sign of life is an item, as it is with bytes. Events leave out pings, so silence between two of
                them proves nothing.

        Raises:
            StreamStalled: Nothing came in time.
        """
        while (item := await self._next(items, raw)) is not _END:
            yield item

    async def _next(self, items: AsyncIterator[T], raw: bool) -> T:
        if self._silence is None or self._silence[0] > min(self._due, self.left):
            return await self._within_time(anext(items, _END), raw=raw)
        began = monotonic()
        try:
            return await anext(items, _END)
        except Exception as error:
            if is_read_timeout(error):
                raise self._stalled(self._silence[1]) from error
            raise
        finally:
            self._waited(monotonic() - began)

    async def counted(self, wait: Awaitable[None]) -> None:
        """
        Wait between two requests, and count the wait towards `total`.

        Args:
            wait: The wait, which must be shorter than what is `left`.
        """
        began = current_time()
        await wait
        self.left -= current_time() - began

    def saw(self, events: Iterable[Event]) -> None:
        """
        Note that events have come. All but pings are progress.
        """
        if any(event.type != "ping" for event in events):
            self._begun, self._quiet = True, 0.0

    @property
    def _due(self) -> float:
        """
        Seconds until an event has to come.
        """
        limit = self._timeouts.progress if self._begun else self._timeouts.first_event
        return math.inf if limit is None else limit - self._quiet

    async def _within_time(self, wait: Awaitable[T], *, raw: bool = False) -> T:
        liveness = self._timeouts.liveness if raw else None
        seconds = min(self.left, self._due, math.inf if liveness is None else liveness)
        limit = self._limit_of(seconds)
        began = current_time()
        scope = CancelScope(deadline=began + seconds)
        try:
            with scope:
                came = await wait
                # A body may end because its read was cancelled, and then that is not its own end.
                if came is not _END or not scope.cancel_called:
                    return came
        except Exception as error:
            if not scope.cancel_called:
                raise
            raise self._stalled(limit) from error
        finally:
            self._waited(current_time() - began)
        raise self._stalled(limit)

    def _limit_of(self, seconds: float) -> str:
        """
        The limit that a wait of so many seconds meets.
        """
        if seconds == self.left:
            return "total"
        if seconds != self._due:
            return "liveness"
        return "progress" if self._begun else "first_event"

    def _stalled(self, limit: str) -> StreamStalled:
        seconds: float = getattr(self._timeouts, limit)
        what = "no connection was free within {} seconds" if waits_for_connection.get() else _STALLED[limit]
        message = f"{what.format(seconds)} ({limit})"
        # Not worth retrying once `total` is used up.
        return StreamStalled(message, limit=limit, seconds=seconds, time_is_up=self.left <= 0)

    def _waited(self, seconds: float) -> None:
        self._quiet += seconds
        self.left -= seconds
