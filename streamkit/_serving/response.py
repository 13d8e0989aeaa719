"""
The response that runs a stream: it opens the run inside its own call, and the run is closed before the call returns.

It is an ASGI application by itself, so any framework or server that takes one will do. It follows
https://asgi.readthedocs.io/en/latest/specs/www.html: that a client has gone is said by the message `http.disconnect`, or by an
`OSError` of `send`.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from streamkit._core.algebra import Stream
from streamkit._core.checks import flag, seconds
from streamkit._serving.delivery import Delivery
from streamkit._serving.head import checked_headers, checked_status
from streamkit._serving.http_scope import check_http
from streamkit._serving.starlette_base import StarletteResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from streamkit._serving.framing import Framing

__all__ = ["FramedResponse"]

_HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
"""Keep what stands between from storing, compressing or collecting what should be seen at once."""


class FramedResponse(StarletteResponse):
    """
    A response that sends a stream while it runs.

    Args:
        stream: What to send, with its operators.
        framing: A function that makes the framing of one run, such as its class.
        name: The class, for errors.
        wait_for_first: True waits for the first item before anything is sent, so that an error before it has its own status. A
            number waits that many seconds, and False does not wait: the response then begins with 200.
        heartbeat: Seconds of silence after which the connection is kept alive; None for never. They count from the first byte.
        status_code: The status where nothing has failed.
        headers: Further headers. They go before those of the framing.
        background: Starlette's background task, which is run at the end.

    Raises:
        TypeError: `stream` is not a stream, or a setting is of another type.
        ValueError: A number of seconds is not above 0, or not finite; a status without a body; a header that cannot be sent.
    """

    def __init__(
        self,
        stream: Stream[Any],
        framing: Callable[[], Framing],
        *,
        name: str,
        wait_for_first: bool | float = True,
        heartbeat: float | None = 15.0,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: Any = None,
    ) -> None:
        self._stream = checked_stream(name, stream)
        self._framing = framing
        self._wait = _wait(name, wait_for_first)
        self._silence = checked_silence(name, heartbeat)
        made = framing()
        self.status_code: int = checked_status(name, status_code)
        self.media_type: str | None = made.media_type
        self.background: Any = background
        named = {
            "content-type": made.media_type,
            **_HEADERS,
            **made.headers,
            **checked_headers(name, headers),
        }
        self.raw_headers: list[tuple[bytes, bytes]] = [
            (key.encode("latin-1"), value.encode("latin-1")) for key, value in named.items()
        ]

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """
        Serve one request.

        Raises:
            Exception: A bug of this program, after the client was told that something went wrong.
            RuntimeError: The request is not one of HTTP.
        """
        check_http(self, scope)
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        if scope.get("method") == "HEAD":  # the headers, and no request to anybody
            with suppress(OSError):  # the client is gone
                await send(start)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            run = self._stream.open()
            await Delivery(run, self._framing(), start, receive, send).serve(self._wait, self._silence)
        if self.background is not None:
            await self.background()


def checked_stream(name: str, stream: object) -> Stream[Any]:
    """
    Refuse what is not a stream.

    Args:
        name: What it was given to.
        stream: The stream.

    Raises:
        TypeError: It is not one.
    """
    if not isinstance(stream, Stream):
        raise TypeError(
            f"{name}() needs a stream, such as sk.messages(…) or sk.from_iterable(…) with its operators, "
            f"not {type(stream).__name__}; sk.from_sdk(…) makes one of what the SDK gives"
        )
    return cast("Stream[object]", stream)


def checked_silence(name: str, heartbeat: object) -> float | None:
    """
    The seconds of silence after which to keep a connection alive.

    Raises:
        TypeError: `heartbeat` is neither a number nor None.
        ValueError: It is not above 0, or not finite.
    """
    return None if heartbeat is None else seconds(name, heartbeat, of="heartbeat")


def _wait(name: str, wait_for_first: object) -> float:
    if isinstance(wait_for_first, bool):
        return math.inf if wait_for_first else 0.0
    try:
        return seconds(name, wait_for_first, of="wait_for_first")
    except TypeError:
        flag(name, "wait_for_first", wait_for_first)
        raise
