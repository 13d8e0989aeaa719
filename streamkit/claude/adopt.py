"""
Streams that the application already has: the SDK's, raw bytes, and recordings.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from streamkit.core.calls import value_text
from streamkit.core.source import Opened, Source
from streamkit.core.stream import Stream

from .outcome import Record
from .reading import read_events

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from streamkit.core.context import Context

    from .events import Event

__all__ = ["from_sdk"]


def from_sdk(stream: Any, /) -> Stream[Event]:
    """
    The events of a stream of the anthropic SDK, adopted: it is iterated, never gone around, and closed.

    Args:
        stream: What `create(stream=True)` gives, awaited or not; a `messages.stream()` manager or the stream inside it; a
            streaming `tool_runner` or thread, whose turns follow one another. What the SDK's helpers add to the wire's events
            is left out, for it would double every token.

    Raises:
        TypeError: It is none of these, or a synchronous one.
        RuntimeError: While running, it is opened a second time.
        StreamError: While running, from the first event on.

    Emits: each event of each message.
    Backpressure: asks the SDK for an event when asked for one.
    Completes: with the stream, if its last message is complete.
    Fails: with a `StreamError`; before a stream begins, with what the SDK raises.
    Cancels: at once, closing the stream.
    Memory: one event; the outcome keeps the text of the messages.
    """
    if not (hasattr(stream, "__aiter__") or hasattr(stream, "__aenter__") or inspect.isawaitable(stream)):
        hint = "; a synchronous stream works through `pipeline.over(stream)`" if hasattr(stream, "__iter__") else ""
        raise TypeError(f"from_sdk() takes one of the SDK's asynchronous streams, not {type(stream).__name__}{hint}")
    return Stream(_Adopted(stream))


class _Adopted(Source):
    memory = "one event, and the messages' text for the outcome"

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
        return Opened("batched", self._batches(context))

    async def _batches(self, context: Context) -> AsyncIterator[list[Event]]:
        target = await self._stream if inspect.isawaitable(self._stream) else self._stream
        if hasattr(target, "__aiter__"):
            turns = _turns(target)
        else:
            turns = _entered(target)
        try:
            async for turn in turns:
                record = Record()
                context.contribute(record)
                record.begin().request_id = _request_id(turn)
                batches = read_events(turn, record, pings=True)
                try:
                    async for events in batches:
                        yield events
                finally:
                    with context.shielded():
                        await batches.aclose()
        finally:
            with context.shielded():
                await turns.aclose()


async def _entered(manager: Any) -> AsyncGenerator[Any, None]:
    # The SDK's managers open the response and close it; they hold no cancel scope around this yield.
    async with manager as stream:
        yield stream


async def _turns(target: Any) -> AsyncGenerator[Any, None]:
    """
    The streams in `target`: itself, or those that a runner gives one after another.
    """
    if not hasattr(target, "close"):
        raise TypeError(f"from_sdk() takes one of the SDK's streams, not {type(target).__name__}")
    if hasattr(target, "response"):
        yield target
        return
    turns = aiter(target)
    try:
        async for turn in turns:
            if not hasattr(turn, "__aiter__"):
                raise TypeError(
                    f"from_sdk() needs a runner that streams: this one gave a whole {type(turn).__name__}; "
                    "make it with stream=True"
                )
            yield turn
    finally:
        await turns.aclose()
        await target.close()


def _request_id(stream: Any) -> str | None:
    found: str | None = stream.response.headers.get("request-id")
    return found
