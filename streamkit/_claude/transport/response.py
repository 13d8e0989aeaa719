"""
Reads the response of one request as events, from its bytes or through the SDK, to its end and no further.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope, current_time, move_on_after

from streamkit._claude.protocol.admission import Admission
from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.error_forms import is_error, read_error
from streamkit._claude.protocol.errors import GrammarError, StreamSpliced, StreamStalled
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.protocol.splicing import SplicedBatch
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.transport.body import body_of
from streamkit._claude.transport.failures import (
    broken_connection,
    connection_failures,
    failed_stream,
    stream_failures,
)
from streamkit._claude.transport.sdk import (
    Tracing,
    could_not_convert,
    from_sdk_event,
    is_plain_sse,
    under_helpers,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.progress import Progress
    from streamkit._claude.transport.watchdog import Watchdog
    from streamkit._core.errors import StreamError

__all__ = ["response_events"]

T = TypeVar("T")
_END: Any = object()

_DRAIN = 1.0
"""Seconds that the end of a body may take after its message. Only a body read to its end leaves the connection reusable."""

_MOST_READ_ON = 1024 * 1024
"""Bytes that are read and dropped at the end, as they are when they have been decompressed."""

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
    The events of one of the SDK's streams, in batches as they arrive. The stream is closed at the end. A message that begins
    inside another one begins a `SplicedBatch`.

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
    oddities = Oddities() if oddities is None else oddities
    if is_plain_sse(stream):
        # Not the stream, which has the SDK's copy of the request.
        return _decoded(stream.response, Tracing(stream), pings, watchdog, oddities)
    return _iterated(stream, pings, watchdog, oddities)


async def _decoded(
    response: Any, tracing: Tracing, pings: bool, watchdog: Watchdog | None, oddities: Oddities
) -> AsyncGenerator[list[Event], None]:
    decoder = EventDecoder(pings=pings, until_stop=True, oddities=oddities)
    tracing.begin()
    body = body_of(response)
    chunks = body
    if watchdog is not None:
        watchdog.rely_on_client(response, body)
        chunks = watchdog.watched(body, raw=True)
    broken: StreamError | None = None
    end = _End(decoder.progress)
    try:
        try:
            async for chunk in chunks:
                if events := decoder.feed(chunk):
                    if watchdog is not None:
                        watchdog.saw(events)
                    tracing.events(events)
                    yield events
                if decoder.over:
                    for batch in _spliced(decoder, tracing, watchdog):
                        yield batch
                    if decoder.over:
                        break
            while decoder.error is None and (chunk := await end.next(chunks)) is not _END:
                if events := decoder.feed(chunk):
                    tracing.events(events)
                    yield events
                for batch in _spliced(decoder, tracing, watchdog):
                    yield batch
        except StreamStalled as error:
            broken = error
        except connection_failures() as error:
            broken = broken_connection(error)
        if whole := decoder.end(broken or _not_events(response, decoder.progress)):
            tracing.events(whole)
            yield [*whole]
        tracing.end(decoder.error)
        if decoder.error is not None:
            raise decoder.error
    finally:
        if chunks is not body:
            await chunks.aclose()
        if end.reached:
            await body.aclose()
        else:
            await _drain(body, end.left)
        await response.aclose()


def _spliced(decoder: EventDecoder, tracing: Tracing, watchdog: Watchdog | None) -> Iterator[SplicedBatch]:
    """
    What has come behind a message that was not ended by another one.
    """
    while decoder.spliced:
        events = SplicedBatch(decoder.read_on())
        if watchdog is not None:
            watchdog.saw(events)
        tracing.events(events)
        yield events


async def _iterated(
    stream: Any, pings: bool, watchdog: Watchdog | None, oddities: Oddities
) -> AsyncGenerator[list[Event], None]:
    admission = Admission(pings=pings, until_stop=True, oddities=oddities)
    progress = admission.progress
    end = _End(progress)
    items: AsyncGenerator[Any, None] = aiter(stream)
    watched = items if watchdog is None else watchdog.watched(items, raw=False)
    failure: Exception | None
    try:
        try:
            while (item := await end.next(watched)) is not _END:
                event = from_sdk_event(item, oddities)
                if event is None:
                    continue
                if isinstance(event, Unknown) and is_error(event):
                    raise read_error(event)
                try:
                    batch = [*admission.admit(event)]
                except StreamSpliced:
                    batch = SplicedBatch(progress.beginning)
                if batch:
                    if watchdog is not None:
                        watchdog.saw(batch)
                    yield batch
                if admission.failure is not None:
                    raise admission.failure
            if rest := [*admission.end()]:
                yield rest
        except StreamStalled as error:
            failure = progress.failure(error)
        except connection_failures() as error:
            failure = progress.failure(broken_connection(error))
        except stream_failures() as error:
            failure = failed_stream(error)
        except RuntimeError as error:
            if not could_not_convert(error):
                raise
            failure = failed_stream(error)
        else:
            failure = progress.failure()
        if rest := [*admission.rest()]:
            yield rest
        if failure is not None:
            if not progress.forgives(failure):
                raise failure
            oddities.count("after_end")
    finally:
        if watched is not items:
            await watched.aclose()
        await _drain(under_helpers(stream) or items, end.left)
        # The generators that the SDK's helpers have put around it have nothing left to read, and end too.
        await _drain(items, 0)
        await stream.close()


class _End:
    """
    Limits the wait for the end of a body. After a whole message only little can follow, so there is one deadline for all of it,
    however it comes.

    Attributes:
        reached: Whether it has come, so that nothing is left to be read.
    """

    __slots__ = ("_deadline", "_progress", "reached")

    def __init__(self, progress: Progress) -> None:
        self.reached: bool = False
        self._progress = progress
        self._deadline: float | None = None

    @property
    def left(self) -> float:
        """
        The seconds that are left; none where the message is not whole.
        """
        if not self._progress.finished:
            self._deadline = None  # another message has begun
            return 0.0
        if self._deadline is None:
            self._deadline = current_time() + _DRAIN
        return max(0.0, self._deadline - current_time())

    async def next(self, items: AsyncIterator[T]) -> T:
        """
        The next item, or `_END`.
        """
        left = self.left
        if self._deadline is None:
            return await self._next(items)
        if left:
            with CancelScope(deadline=self._deadline):
                return await self._next(items)
        return _END  # type: ignore[no-any-return]

    async def _next(self, items: AsyncIterator[T]) -> T:
        item = await anext(items, _END)
        self.reached = item is _END
        return item


async def _drain(items: AsyncIterator[object], patience: float) -> None:
    """
    Read on to the end, for at most `patience` seconds.

    This is done even with no patience at all, and not with `aclose` alone: that ends the outermost generator only, and leaves
    the SDK's and the HTTP client's generators under it, with the connection, to the garbage collector. A cancellation at a
    read ends all of them. Failures are suppressed, because the caller has an error already, or has its whole message.
    """
    try:
        with suppress(*connection_failures(), *stream_failures()), move_on_after(patience, shield=True):
            # A cancellation arrives only where something is waited for.
            items_left, bytes_left = _MOST_READY, _MOST_READ_ON
            async for item in items:
                items_left -= 1
                bytes_left -= len(item) if isinstance(item, bytes) else 0
                if not items_left or bytes_left <= 0:
                    break
    except RuntimeError as error:
        if not could_not_convert(error):
            raise
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
