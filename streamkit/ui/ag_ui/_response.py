"""
The response that sends a run of AG-UI, and the same for frameworks that take a generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from streamkit._serving.ending import describe_error, json_for
from streamkit._serving.framing import Framing, frames as framed
from streamkit._serving.response import FramedResponse, checked_silence, checked_stream
from streamkit.ui.ag_ui._usage import token_usage
from streamkit.ui.ag_ui._wire import as_wire

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamkit._core.algebra import Stream
    from streamkit._core.outcome import Outcome
    from streamkit.ui.ag_ui._wire import WireEvent

__all__ = ["Frames", "Response", "frames"]


class Response(FramedResponse):
    """
    An ASGI response that sends a stream of AG-UI events while it runs: `data: {…}` for each, and a blank line.

    It opens the run inside its own call, and closes it before that returns. When the client goes, the run is stopped, and its
    request to Claude is closed. A client that reads slowly slows the stream down; nothing is buffered. An error before the
    first byte has its own HTTP status: 429 and 503 with `retry-after`, 400, 413, 504, 502, or 500 for a bug. A later one is a
    `RUN_ERROR`, whose `code` is the error's type and whose message may be shown to anybody. A run that is stopped on purpose,
    such as by `run.cancel()`, ends with the outcome `cancelled`.

    Args:
        stream: What to send, with `ag_ui.events(…)` as its last operator but for those that hand on its events.
        wait_for_first: True waits for the first item before anything is sent, so that an error before it has its own status. A
            number waits that many seconds, and False does not wait: the response then begins with 200.
        heartbeat: Seconds of silence after which a comment is sent, so that no proxy closes the connection; None for never.
        status_code: The status where nothing has failed.
        headers: Further headers.
        background: Starlette's background task, which is run at the end.

    Raises:
        TypeError: `stream` is not a stream, or a setting is of another type. Later: an item is not an AG-UI event.
        ValueError: A number of seconds is not above 0, or not finite; a status without a body; a header that cannot be sent.
    """

    def __init__(
        self,
        stream: Stream[Any],
        *,
        wait_for_first: bool | float = True,
        heartbeat: float | None = 15.0,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: Any = None,
    ) -> None:
        super().__init__(
            stream,
            Frames,
            name="ag_ui.Response",
            wait_for_first=wait_for_first,
            heartbeat=heartbeat,
            status_code=status_code,
            headers=headers,
            background=background,
        )


def frames(stream: Stream[Any], *, heartbeat: float | None = 15.0) -> AsyncGenerator[bytes, None]:
    """
    The same as bytes, for frameworks that send an async generator.

    The run begins with the first read and ends with the generator, wherever that is left. An error of the stream is a
    `RUN_ERROR`, and is not raised; a bug is raised behind that. The response needs the content type `text/event-stream`.

    Args:
        stream: As for `Response`.
        heartbeat: Seconds of silence after which a comment is sent; None for never.

    Raises:
        TypeError: `stream` is not a stream, or a setting is of another type. Later: an item is not an AG-UI event.
        ValueError: A number of seconds is not above 0, or not finite.
    """
    return framed(
        checked_stream("ag_ui.frames", stream), Frames(), checked_silence("ag_ui.frames", heartbeat)
    )


_JSON: Final = json_for("ag_ui")

_OPENS: Final = {
    "TEXT_MESSAGE_START": ("TEXT_MESSAGE_END", "messageId"),
    "TOOL_CALL_START": ("TOOL_CALL_END", "toolCallId"),
    "REASONING_START": ("REASONING_END", "messageId"),
    "REASONING_MESSAGE_START": ("REASONING_MESSAGE_END", "messageId"),
    "STEP_STARTED": ("STEP_FINISHED", "stepName"),
}
"""The events that open something: what closes it, and the field that says what."""

_CLOSES: Final = dict(_OPENS.values())

_IDS: Final = ("threadId", "runId")

_PIECES: Final = ("TEXT_MESSAGE_CONTENT", "REASONING_MESSAGE_CONTENT", "TOOL_CALL_ARGS")

_FOLLOWED: Final = frozenset({*_OPENS, *_CLOSES, "RUN_STARTED", "RUN_FINISHED", "RUN_ERROR"})
"""The events that change what is open."""


class Frames(Framing):
    """
    Writes each event, and what is missing at the end.

    The end of a run waits until that of the stream: only then is it known what the run has used. A request that was retried
    before anything was seen has cost something too.
    """

    media_type: ClassVar[str] = "text/event-stream"  # as the protocol's own encoder has it

    def __init__(self) -> None:
        self._run: dict[str, str] | None = None  # its ids, as long as it goes on
        self._runs = 0
        self._finished: WireEvent | None = None
        self._open: dict[tuple[str, str], WireEvent] = {}  # what closes what is open

    def item(self, item: Any) -> bytes:
        if item.__class__ is dict and item.get("type") in _PIECES:  # nearly all are
            return _frame(item)
        event: WireEvent = item if item.__class__ is dict else as_wire(item) or {}
        kind = event.get("type")
        if not isinstance(kind, str) or not kind.isupper():
            raise TypeError(
                f"ag_ui sends AG-UI events, not {type(item).__name__}: put ag_ui.events(thread_id, run_id) behind "
                "the stream"
            )
        if kind not in _FOLLOWED:
            return _frame(event)
        before, self._finished = self._finished, None
        self._follow(kind, event)
        now = b"" if kind == "RUN_FINISHED" else _frame(event)
        return _frame(before) + now if before else now

    def _follow(self, kind: str, event: WireEvent) -> None:
        if kind in _OPENS:
            end, field = _OPENS[kind]
            name = _told(event, field)
            self._open[end, name] = {"type": end, field: name}
        elif kind in _CLOSES:
            self._open.pop((kind, _told(event, _CLOSES[kind])), None)
        elif kind == "RUN_STARTED":
            self._run = {name: _told(event, name) for name in _IDS}
            self._runs += 1
        else:
            self._run = None
            self._finished = event if kind == "RUN_FINISHED" else None

    def end(self, outcome: Outcome) -> bytes:
        if self._finished is not None:
            return _frame({**self._finished, **(_usage(outcome) if self._runs == 1 else {})})
        if self._run is None:
            return b""
        finished = {
            "type": "RUN_FINISHED",
            **self._run,
            "outcome": {"type": "success" if outcome.kind == "complete" else "cancelled"},
            **_usage(outcome),
        }
        closed = [*reversed(self._open.values())]
        return b"".join(map(_frame, [*closed, finished]))

    def failure(self, error: Exception, outcome: Outcome) -> bytes:
        told = describe_error(error)
        return _frame(
            {"type": "RUN_ERROR", "message": told["message"], "code": told["type"], **_usage(outcome)}
        )


def _told(event: WireEvent, field: str) -> str:
    value = event.get(field)
    if not isinstance(value, str):
        raise TypeError(f"ag_ui.Response sends AG-UI events, and a {event['type']} needs the text {field!r}")
    return value


def _frame(event: WireEvent) -> bytes:
    try:
        return b"data: " + _JSON.strict(event) + b"\n\n"
    except UnicodeEncodeError:  # half of a character
        return b"data: " + _JSON.encode(event) + b"\n\n"


def _usage(outcome: Outcome) -> dict[str, Any]:
    """
    What the run has cost so far, where its source knows.
    """
    by_model: object = getattr(outcome, "usage_by_model", None)
    if not isinstance(by_model, Mapping):
        return {}
    usage = token_usage(cast("Mapping[str, Any]", by_model))
    return {"usage": usage} if usage else {}
