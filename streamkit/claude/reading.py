"""
Reading one of the SDK's streams, by its bytes or by its events, to its end and no further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import move_on_after

from .progress import Progress
from .reception import Reception
from .sdk import Tracing, from_sdk_event, stream_failures, translated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .events import Event
    from .outcome import Record

__all__ = ["read_bytes", "read_events"]

_DRAIN = 1.0
"""Seconds that the end of a body may take after its last event; a body read to its end leaves the connection reusable."""


async def read_bytes(stream: Any, record: Record, *, pings: bool, beta: bool) -> AsyncGenerator[list[Event], None]:
    """
    The events of an `anthropic.AsyncStream`, decoded from its bytes; they are recorded, and the stream is closed.

    Raises:
        StreamError: The response was no whole message; after everything that had arrived.
    """
    reception = Reception(record, pings=pings)
    tracing = Tracing(stream.response, beta=beta)
    body: AsyncGenerator[bytes, None] = stream.response.aiter_bytes()
    broken: Exception | None = None
    try:
        try:
            async for chunk in body:
                if events := reception.feed(chunk):
                    tracing.events(events)
                    yield events
                if reception.over:
                    break
            for chunk in await _rest(body, reception):
                if events := reception.feed(chunk):
                    tracing.events(events)
                    yield events
        except stream_failures() as error:
            broken = translated(error)
        failure = reception.failure(broken)
        tracing.end(failure)
        if failure is not None:
            raise failure
    finally:
        await _rest(body, reception)
        await body.aclose()
        await stream.close()


async def _rest(body: AsyncGenerator[bytes, None], reception: Reception) -> list[bytes]:
    """
    What follows a finished message: little or nothing, and then the end of the body.
    """
    rest: list[bytes] = []
    if reception.finished:
        with move_on_after(_DRAIN, shield=True):
            async for chunk in body:
                rest.append(chunk)  # noqa: PERF401 -- what has come before the deadline is kept
    return rest


async def read_events(stream: Any, record: Record, *, pings: bool) -> AsyncGenerator[list[Event], None]:
    """
    The same by iterating the stream: for clients without raw server-sent events, and for helpers that wrap a stream.

    Raises:
        StreamError: The response was no whole message; after everything that had arrived.
    """
    progress = Progress()
    broken: Exception | None = None
    items = aiter(stream)
    try:
        try:
            async for item in items:
                event = from_sdk_event(item)
                if event is None or (event.type == "ping" and not pings):
                    continue
                progress.follow(event)
                record.add([event])
                yield [event]
        except stream_failures() as error:
            broken = translated(error)
        failure = progress.failure(broken)
        if failure is not None:
            raise record.completed(failure)
    finally:
        await items.aclose()
        await stream.close()
