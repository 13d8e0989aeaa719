"""
`resume`: a run of a hub for a client of Durable Streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.checks import seconds, seconds_from_zero
from streamkit._core.keyword_hints import keyword_hints
from streamkit._serving.head import checked_headers
from streamkit._serving.response import checked_silence
from streamkit.durable_streams._content import content_of
from streamkit.durable_streams._reader import RunReader
from streamkit.durable_streams._response import RunResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit.hub import Hub

__all__ = ["resume"]


@keyword_hints
def resume(
    hub: Hub,
    id: str,  # noqa: A002 -- the word for it
    *,
    media_type: str = "application/json",
    wait: float = 0.0,
    poll: float = 20.0,
    heartbeat: float | None = 15.0,
    headers: Mapping[str, str] | None = None,
) -> RunResponse:
    """
    An ASGI response that shows a run of a hub to a client of Durable Streams, which asks by GET and HEAD for what it has not read
    yet.

    A client that goes ends nothing, and a slow one slows nobody down. The run is closed when it has ended, in whatever way, and
    then the header `stream-run-kind` has the `kind` of its status: `"complete"`, `"failed"`, `"cancelled"`, … The status is 400
    where the request cannot be understood, 404 where there is no such run, and 410 where there is nothing behind the client's
    offset any more: the run is gone, was begun anew, or is lost. It is 405 for all that would write.

    Args:
        hub: An open hub.
        id: The run's id, as the client has sent it.
        media_type: What the run's records are to its clients. `"application/json"` sends each record as a message, as
            `sk.sse.resume` writes it; `"text/plain"` and its like one text, of records that are texts; anything else bytes, of
            records that are bytes. Only JSON can tell that a run starts over.
        wait: Seconds to wait for a run that is not there yet.
        poll: Seconds that a long poll waits for something new.
        heartbeat: Seconds of silence after which a comment is sent to a client that reads server-sent events; None for never.
        headers: Further headers, which go before ours: `cache-control` for a run that is not somebody's own.

    Raises:
        TypeError: A setting is of another type.
        ValueError: `media_type` cannot be one; a number of seconds cannot be one; a header that cannot be sent.
    """
    name = "durable_streams.resume"
    patience = seconds_from_zero(name, wait, of="wait")
    return RunResponse(
        RunReader(hub, id, content_of(name, media_type)),
        wait=patience,
        poll=seconds(name, poll, of="poll"),
        heartbeat=checked_silence(name, heartbeat),
        headers=checked_headers(name, headers),
    )
