"""
Reading one of the SDK's streams, by its bytes or by its events, to its end and no further.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import move_on_after

from streamkit._claude.protocol.errors import GrammarError, StreamStalled
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.transport.sdk import (
    Tracing,
    broken_connection,
    connection_failures,
    from_sdk_event,
    is_plain_sse,
    stream_failures,
    translated,
    under_helpers,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.transport.watchdog import Watchdog
    from streamkit._core.errors import StreamError

__all__ = ["read"]

T = TypeVar("T")
_END: Any = object()

_DRAIN = 1.0
"""Seconds that the end of a body may take after its message; a body read to its end leaves the connection reusable."""

_MOST_READY = 1000
"""Reads that are let go by at the end, while none of them has to wait."""


def read(
    stream: Any, *, pings: bool = False, watchdog: Watchdog | None = None
) -> AsyncGenerator[list[Event], None]:
    """
    The events of one of the SDK's streams, which is closed at the end.

    They are decoded from its bytes where that is all that the stream does. Otherwise it is iterated: its helpers keep books,
    and some clients have a framing of their own.

    Args:
        stream: The stream; nobody has begun to read it.
        pings: Whether pings are handed on.
        watchdog: What limits each wait for the API.

    Raises:
        StreamError: The response was no whole message; after everything that had arrived.
    """
    return (_read_bytes if is_plain_sse(stream) else _read_events)(stream, pings, watchdog)


async def _read_bytes(
    stream: Any, pings: bool, watchdog: Watchdog | None
) -> AsyncGenerator[list[Event], None]:
    decoder = EventDecoder(pings=pings)
    tracing = Tracing(stream)
    body = _body(stream.response)
    chunks = body
    if watchdog is not None:
        watchdog.rely_on_client(stream.response)
        chunks = watchdog.reading(body, raw=True)
    broken: StreamError | None = None
    try:
        try:
            async for chunk in chunks:
                if events := decoder.feed(chunk):
                    if watchdog is not None:
                        watchdog.saw(events)
                    tracing.events(events)
                    yield events
                if decoder.over:
                    break
            while decoder.error is None and (chunk := await _next(chunks, decoder.progress)) is not _END:
                if events := decoder.feed(chunk):
                    tracing.events(events)
                    yield events
        except StreamStalled as error:
            broken = error
        except connection_failures() as error:
            broken = broken_connection(error)
        decoder.end(broken or _no_events(stream.response, decoder.progress))
        tracing.end(decoder.error)
        if decoder.error is not None:
            raise decoder.error
    finally:
        if chunks is not body:
            await chunks.aclose()
        await _wind_up(body, _DRAIN if decoder.progress.finished else 0)
        await stream.close()


def _body(response: Any) -> AsyncGenerator[bytes, None]:
    """
    The bytes of a response: straight from the connection where nothing has to be decompressed, which is cheaper by half.
    """
    whole: bool = response.is_stream_consumed or "content-encoding" in response.headers
    body: AsyncGenerator[bytes, None] = response.aiter_bytes() if whole else response.aiter_raw()
    return body


async def _read_events(
    stream: Any, pings: bool, watchdog: Watchdog | None
) -> AsyncGenerator[list[Event], None]:
    progress = Progress()
    items: AsyncGenerator[Any, None] = aiter(stream)
    watched = items if watchdog is None else watchdog.reading(items, raw=False)
    failure: Exception | None
    try:
        try:
            while (item := await _next(watched, progress)) is not _END:
                event = from_sdk_event(item)
                if event is None or (event.type == "ping" and not pings):
                    continue
                progress.follow(event)
                if watchdog is not None:
                    watchdog.saw([event])
                yield [event]
        except StreamStalled as error:
            failure = progress.failure(error)
        except connection_failures() as error:
            failure = progress.failure(broken_connection(error))
        except stream_failures() as error:
            failure = translated(error)
        else:
            failure = progress.failure()
        if failure is not None:
            raise failure
    finally:
        if watched is not items:
            await watched.aclose()
        await _wind_up(under_helpers(stream) or items, _DRAIN if progress.finished else 0)
        # What the SDK's helpers have put around it has nothing more to work on, and ends too.
        await _wind_up(items, 0)
        await stream.close()


async def _next(items: AsyncGenerator[T, None], progress: Progress) -> T:
    """
    The next item, or `_END`. After a whole message only little can follow, and it is not waited for for ever.
    """
    if not progress.finished:
        return await anext(items, _END)
    with move_on_after(_DRAIN):
        return await anext(items, _END)
    return _END  # type: ignore[no-any-return]


async def _wind_up(items: AsyncIterator[object], patience: float) -> None:
    """
    Read on to the end, for at most `patience` seconds.

    Even without patience it is done so, and not with `aclose`: that ends the outermost generator alone, and leaves those of
    the SDK and the HTTP client under it, with the connection, to the garbage collector. A cancellation comes through all.
    Whoever is here has an error already, or does not care for what may still come.
    """
    with suppress(*connection_failures(), *stream_failures()), move_on_after(patience, shield=True):
        left = _MOST_READY
        async for _ in items:
            left -= 1
            if not left:  # where nothing is ever waited for, no cancellation comes through
                break
    if (aclose := getattr(items, "aclose", None)) is not None:
        await aclose()


def _no_events(response: Any, progress: Progress) -> GrammarError | None:
    """
    The error for a response that is something else, such as a gateway's page.
    """
    kind: str = response.headers.get("content-type", "")
    if progress.begun or not kind or kind.startswith("text/event-stream"):
        return None
    return GrammarError(f"the response is no stream of events: its content-type is {kind!r}")
