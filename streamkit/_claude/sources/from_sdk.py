"""
The source that adopts a stream of the anthropic SDK which the application already has.
"""

from __future__ import annotations

import inspect
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.record import Record
from streamkit._claude.protocol.splicing import Opening, SplicedBatch, taken_over
from streamkit._claude.transport.response import response_events
from streamkit._claude.transport.sent_messages import sent_messages
from streamkit._core.algebra import Stream
from streamkit._core.naming import value_text
from streamkit._core.source import Opened, Source

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
    from contextlib import AbstractAsyncContextManager

    from streamkit._claude.protocol.events import Event
    from streamkit._core.runtime.context import Context

__all__ = ["from_sdk"]


def from_sdk(
    stream: AsyncIterable[object]
    | Awaitable[AsyncIterable[object]]
    | AbstractAsyncContextManager[AsyncIterable[object]],
    /,
) -> Stream[Event]:
    """
    The events of a stream of the anthropic SDK, which is adopted and closed at the end.

    A helper that wraps the stream is iterated and never bypassed, so that it sees everything that passes. A plain stream, as
    `create(stream=True)` gives it, is decoded here from its bytes if nobody has begun to read it.

    Args:
        stream: What `create(stream=True)` gives, awaited or not; the manager that `messages.stream()` or a thread's
            `stream()` gives, or the stream inside it; a streaming `tool_runner`, whose messages follow one another. What the
            SDK's helpers add to the wire's events is left out, because it would double every token.

    Raises:
        TypeError: It is not one of these, or it is a synchronous one.
        RuntimeError: While running, it is opened a second time.
        StreamError: While running, from the first event on.

    Emits: each event of each message. Those before the first content of a stream are held until it comes, because another
        message may still take its place.
    Backpressure: asks the SDK for more when asked for events.
    Completes: with the stream, if its last message is complete.
    Fails: with a `StreamError`; before a stream begins, with what the SDK raises.
    Cancels: at once, closing the stream.
    Memory: one network read; the outcome keeps the text of the messages, and for its history the bodies of the requests.
    """
    iterable = hasattr(stream, "__aiter__") and hasattr(stream, "close")
    if not (iterable or hasattr(stream, "__aenter__") or inspect.isawaitable(stream)):
        synchronous = hasattr(stream, "__iter__") or hasattr(stream, "__enter__")
        hint = "; a synchronous stream works through `pipeline.over(stream)`" if synchronous else ""
        raise TypeError(
            f"from_sdk() takes one of the SDK's asynchronous streams, not {type(stream).__name__}{hint}"
        )
    return Stream(_SdkSource(stream))


class _SdkSource(Source):
    memory = "one network read, and the messages' text for the outcome"
    repeatable = False

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._opened = False

    def __repr__(self) -> str:
        return f"from_sdk({value_text(self._stream)})"

    def open(self, context: Context) -> Opened:
        if self._opened:
            raise RuntimeError(
                f"{self!r} cannot be opened twice: the SDK's stream is spent once it has been read. "
                "sk.messages(client, ...) sends a request for each run"
            )
        self._opened = True
        return Opened("batched", _OpenedStream(self._stream, context))


class _OpenedStream:
    """
    The adopted stream in its run, closed at the end even if it was never read.
    """

    def __init__(self, adopted: Any, context: Context) -> None:
        self._adopted = adopted
        self._context = context
        self._record = Record()
        context.contribute(self._record)
        self._batches = self._events()
        self._closing = AsyncExitStack()
        if inspect.iscoroutine(adopted):
            self._closing.callback(adopted.close)
        elif hasattr(adopted, "close"):
            self._closing.push_async_callback(adopted.close)

    def __aiter__(self) -> AsyncIterator[list[Event]]:
        return self._batches

    async def aclose(self) -> None:
        await self._batches.aclose()
        await self._closing.aclose()

    async def _events(self) -> AsyncGenerator[list[Event], None]:
        streams = self._streams()
        before: Record | None = None
        try:
            async for stream in streams:
                if self._record.attempts():  # the stream before keeps its message
                    before, self._record = self._record, Record()
                    self._context.contribute(self._record)
                self._record.asked = sent_messages(stream, before)
                attempt = self._record.begin()
                attempt.request_id = stream.response.headers.get("request-id")
                batches = response_events(stream, oddities=attempt.oddities)
                opening = Opening()
                try:
                    async for events in batches:
                        if events.__class__ is SplicedBatch:
                            opening = taken_over(opening, self._record)
                        self._record.add(events)
                        yield events if opening.over else opening.admit(events)
                except Exception as error:
                    self._record.completed(error)
                    if held := opening.withheld():
                        yield held
                    raise
                else:
                    if held := opening.withheld():
                        yield held
                finally:
                    with self._context.shielded():
                        await batches.aclose()
                    self._record.log_oddities(self._context.run_id)
        finally:
            with self._context.shielded():
                await streams.aclose()

    async def _streams(self) -> AsyncGenerator[Any, None]:
        """
        The SDK's streams: the adopted one itself, the one that it opens, or those that a runner gives one after another.
        """
        adopted = await self._adopted if inspect.isawaitable(self._adopted) else self._adopted
        if not hasattr(adopted, "__aiter__") and hasattr(adopted, "__aenter__"):
            adopted = await self._closing.enter_async_context(adopted)
        if not hasattr(adopted, "__aiter__"):
            raise _not_a_stream(adopted, "give it what create(stream=True) or stream() gives")
        if hasattr(adopted, "response"):
            yield adopted
            return
        streams = aiter(adopted)
        try:
            async for stream in streams:
                if not hasattr(stream, "response"):
                    raise _not_a_stream(stream, "a runner must be made with stream=True")
                yield stream
        finally:
            await streams.aclose()


def _not_a_stream(given: object, hint: str) -> TypeError:
    return TypeError(f"from_sdk() takes the SDK's streams of events, and got {type(given).__name__}: {hint}")
