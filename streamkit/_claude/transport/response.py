"""
Reads the response of one request as events, from its bytes or through the SDK, to its end and no further.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import move_on_after

from streamkit._claude.protocol.errors import GrammarError, StreamStalled
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.transport.failures import (
    broken_connection,
    connection_failures,
    failed_stream,
    stream_failures,
)
from streamkit._claude.transport.sdk import Tracing, from_sdk_event, is_plain_sse, under_helpers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.transport.watchdog import Watchdog
    from streamkit._core.errors import StreamError

__all__ = ["response_events"]

T = TypeVar("T")
_END: Any = object()

_DRAIN = 1.0
"""Seconds that the end of a body may take after its message. Only a body read to its end leaves the connection reusable."""

_MOST_READY = 1000
"""Items that are read and dropped at the end, while none of them has to be waited for."""


def response_events(
    stream: Any,
    *,
    pings: bool = False,
    watchdog: Watchdog | None = None,
    oddities: Oddities | None = None,
) -> AsyncGenerator[list[Event], None]:
    """
    The events of one of the SDK's streams, in batches as they arrive. The stream is closed at the end.

    They are decoded from its bytes where decoding is all that the stream does. Otherwise the stream is iterated, because its
    helpers keep track of what passes, and some clients have a framing of their own.

    Args:
        stream: The stream; nobody has begun to read it.
        pings: Whether pings are handed on.
        watchdog: Limits each wait for the API.
        oddities: Where to count what does not fit.

    Raises:
        StreamError: The response is not a whole message. It is raised after everything that had arrived.
    """
    read = _decoded if is_plain_sse(stream) else _iterated
    return read(stream, pings, watchdog, Oddities() if oddities is None else oddities)


async def _decoded(
    stream: Any, pings: bool, watchdog: Watchdog | None, oddities: Oddities
) -> AsyncGenerator[list[Event], None]:
    decoder = EventDecoder(pings=pings, oddities=oddities)
    tracing = Tracing(stream)
    body = _body(stream.response)
    chunks = body
    if watchdog is not None:
        watchdog.rely_on_client(stream.response)
        chunks = watchdog.watched(body, raw=True)
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
        decoder.end(broken or _not_events(stream.response, decoder.progress))
        tracing.end(decoder.error)
        if decoder.error is not None:
            raise decoder.error
    finally:
        if chunks is not body:
            await chunks.aclose()
        await _drain(body, _DRAIN if decoder.progress.finished else 0)
        await stream.close()


def _body(response: Any) -> AsyncGenerator[bytes, None]:
    """
    The bytes of a response: straight from the connection where nothing has to be decompressed, which is cheaper by half.
    """
    needs_client: bool = response.is_stream_consumed or "content-encoding" in response.headers
    body: AsyncGenerator[bytes, None] = response.aiter_bytes() if needs_client else response.aiter_raw()
    return body


async def _iterated(
    stream: Any, pings: bool, watchdog: Watchdog | None, oddities: Oddities
) -> AsyncGenerator[list[Event], None]:
    progress = Progress()
    items: AsyncGenerator[Any, None] = aiter(stream)
    watched = items if watchdog is None else watchdog.watched(items, raw=False)
    failure: Exception | None
    try:
        try:
            while (item := await _next(watched, progress)) is not _END:
                event = from_sdk_event(item, oddities)
                if event is None or (event.type == "ping" and not pings):
                    continue
                if not progress.follow(event):
                    oddities.count("repeated_start")
                    continue
                if watchdog is not None:
                    watchdog.saw([event])
                yield [event]
        except StreamStalled as error:
            failure = progress.failure(error)
        except connection_failures() as error:
            failure = progress.failure(broken_connection(error))
        except stream_failures() as error:
            failure = failed_stream(error)
            if progress.forgives(failure):
                failure = None
                oddities.count("after_end")
        else:
            failure = progress.failure()
        if failure is not None:
            raise failure
    finally:
        if watched is not items:
            await watched.aclose()
        await _drain(under_helpers(stream) or items, _DRAIN if progress.finished else 0)
        # The generators that the SDK's helpers have put around it have nothing left to read, and end too.
        await _drain(items, 0)
        await stream.close()


async def _next(items: AsyncGenerator[T, None], progress: Progress) -> T:
    """
    The next item, or `_END`. After a whole message only little can follow, so the wait for it has a limit.
    """
    if not progress.finished:
        return await anext(items, _END)
    with move_on_after(_DRAIN):
        return await anext(items, _END)
    return _END  # type: ignore[no-any-return]


async def _drain(items: AsyncIterator[object], patience: float) -> None:
    """
    Read on to the end, for at most `patience` seconds.

    This is done even with no patience at all, and not with `aclose` alone: that ends the outermost generator only, and leaves
    the SDK's and the HTTP client's generators under it, with the connection, to the garbage collector. A cancellation at a
    read ends all of them. Failures are suppressed, because the caller has an error already, or has its whole message.
    """
    with suppress(*connection_failures(), *stream_failures()), move_on_after(patience, shield=True):
        left = _MOST_READY
        async for _ in items:
            left -= 1
            if not left:  # a cancellation arrives only where something is waited for
                break
    if (aclose := getattr(items, "aclose", None)) is not None:
        await aclose()


def _not_events(response: Any, progress: Progress) -> GrammarError | None:
    """
    The error for a response that is something else than events, such as a gateway's page.
    """
    kind: str = response.headers.get("content-type", "")
    if progress.begun or not kind or kind.startswith("text/event-stream"):
        return None
    return GrammarError(f"the response is not an event stream: its content-type is {kind!r}")
