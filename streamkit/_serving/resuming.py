"""
The response for a viewer of a hub's run, who may come at any time and as often as he likes.

What has been asked for is looked at before anything is sent: a request that names no run gets a status that says so, and one
that has everything already gets 204, with which an `EventSource` stops to connect again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.checks import seconds_from_zero
from streamkit._core.errors import StreamError
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.catch_up import number_of
from streamkit._serving.http_scope import check_http
from streamkit._serving.refusal import Refusal
from streamkit._serving.starlette_base import StarletteResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from streamkit._core.algebra import Stream
    from streamkit._serving.response import FramedResponse
    from streamkit.hub import Hub, Record

__all__ = ["FIRST_RECORD", "ResumedResponse"]

FIRST_RECORD = 0.5
"""
Seconds for the first record or an error before the response begins. A run that is silent for long is well.
"""

_WITHOUT_FAILURE = frozenset({"complete", "stopped", "cancelled"})
"""How a run has ended that has nothing to tell where it has no records."""


class ResumedResponse(StarletteResponse):
    """
    A response that shows a run from a record on, and goes on with what comes live.

    Args:
        hub: Where the run is.
        run: Its id, as it came from outside.
        after: The id of the last record that the viewer has, as it came from outside; None or empty for none.
        respond: Makes the response that sends records. It is given their stream, and the number of the last one of them that is
            there already.
        wait: Seconds to wait for a run that is not there yet.
        whole: Whether all records are sent wherever the viewer is, because it cannot begin in the middle.
        finished: Whether a run that has ended is shown too.
        name: What makes it, for errors.
    """

    def __init__(
        self,
        hub: Hub,
        run: str,
        after: str | None,
        respond: Callable[[Stream[Record], int], FramedResponse],
        *,
        wait: float,
        whole: bool = False,
        finished: bool = True,
        name: str,
    ) -> None:
        patience = seconds_from_zero(name, wait, of="wait")
        self._hub = hub
        self._run = run
        self._after = after or None
        self._respond = respond
        self._wait = patience
        self._whole = whole
        self._finished = finished
        self.status_code: int = 200
        self.background: Any = None
        self.raw_headers: list[tuple[bytes, bytes]] = []

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """
        Serve one request.

        Raises:
            RuntimeError: The request is not one of HTTP, or the hub is not open.
        """
        check_http(self, scope)
        response = await self._response()
        response.raw_headers += self.raw_headers  # such as cookies that a framework has set
        await response(scope, receive, send)
        if self.background is not None:
            await self.background()

    async def _response(self) -> FramedResponse | Refusal:
        try:
            records = self._hub.subscribe(self._run, after=self._after, wait=self._wait)
            if self._whole:
                records = self._hub.subscribe(self._run, wait=self._wait)
        except (TypeError, ValueError):  # of its arguments, which are the request's
            return Refusal(BadRequest("the request's id cannot be that of a run"))
        try:
            await self._hub.begun(self._run)
            status = await self._hub.status(self._run)
        except StreamError as error:
            return Refusal(error)
        if status is None:
            if self._wait:
                return self._respond(records, 0)
            return Refusal(BadRequest("there is no such answer", status=410 if self._after else 404))
        has_all = status.last == self._after and (status.last is not None or status.kind in _WITHOUT_FAILURE)
        if status.ended and (has_all or not self._finished):
            return Refusal(None)
        return self._respond(records, 0 if status.last is None else number_of(status.last))
