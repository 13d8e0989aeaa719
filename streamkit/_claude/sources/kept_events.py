"""
Plays the events that `sinks.jsonl` has kept. One message may begin inside another there: the stream had started over, or another
run was appended behind one that was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.events import to_dict
from streamkit._claude.protocol.reading import as_object
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._core.errors import StreamError
from streamkit._core.items import Restarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from streamkit._claude.protocol.record import Record

__all__ = ["played"]

_RESULT: Final[Mapping[str, Any]] = {
    "id": str,
    "name": str,
    "content": (str, list),
    "is_error": bool,
    "seconds": (int, float),
}
"""The fields of a `ToolResult`, and what they hold."""


async def played(
    frames: AsyncIterator[bytes], record: Record, *, restarts: bool
) -> AsyncGenerator[list[Any], None]:
    """
    The events of a file.

    Args:
        frames: A frame for each of its lines.
        record: Gets what has arrived.
        restarts: Whether the run expects that the stream starts over. Otherwise what says so is an event that nobody knows.

    Raises:
        StreamError: The last message is not whole.
    """
    decoder = EventDecoder(oddities=record.oddities, kept=True)
    noted: list[Any] = []  # a restart, until it is known whether another message follows
    async for frame in frames:
        events = decoder.feed(frame)
        before, noted = noted, []
        if decoder.spliced:
            if before:
                yield _start_over(before, record)
            else:
                record.next_turn()
            events = decoder.read_on()
        else:
            events = before + events
        if restarts and decoder.progress.open and events and _is_restart(events[-1]):
            noted = [events.pop()]
        if b'"tool_result"' in frame:
            yield _with_results(events, record)
        else:
            record.add(events)
            yield events
        if decoder.error is not None:
            break
    if noted:
        record.add(noted)
        yield noted
    decoder.end()
    if decoder.error is not None:
        raise record.completed(decoder.error)


def _with_results(events: list[Any], record: Record) -> list[Any]:
    """
    The events, with the results that `tool_loop()` has told between them as what they were.
    """
    told = [_as_result(event) if event.type == ToolResult.type else event for event in events]
    for item in told:
        if isinstance(item, ToolResult):
            record.told(item)
        else:
            record.add([item])
    return told


def _as_result(event: Any) -> Any:
    fields = to_dict(event)
    for name, kind in _RESULT.items():
        if not isinstance(fields.get(name), kind):
            return event  # another program's
    return ToolResult(*(fields[name] for name in _RESULT))


def _is_restart(event: Any) -> bool:
    return event.type == Restarted.type and isinstance(event.get("attempt"), int)


def _start_over(noted: list[Any], record: Record) -> list[Restarted]:
    """
    What came before counts no more.
    """
    [event] = noted
    error = as_object(event.get("error")) or {}
    failure = StreamError(f"{error.get('type')}: {error.get('message')}", type="restarted")
    record.take_over(failure)
    return [Restarted(event["attempt"], failure)]
