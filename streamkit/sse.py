"""
Server-sent events: a stream for a browser's `EventSource` or `fetch`.

    return sk.sse.Response(chat | sk.split(text=sk.text(), calls=sk.tool_calls()))

`Response` is for Starlette, FastAPI and every other ASGI application; `events` gives the same bytes to any framework that sends
an async generator. Both need the extra `sse`.

What is sent, each with its data as JSON:

    event: <name>     a pair (name, value), as split() makes them: its value
    event: message    any other item
    event: restarted  the stream starts over, and what came before it is void
    event: done       the end: `kind`, `stop_reason` and `usage`
    event: error      the end of a stream that has failed: `type`, `retriable` and `message`

`resume` sends a run of a hub in the same way, from any of its records on. These alone have an `id:`, and a browser that has lost
its connection sends the last one back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.checks import flag
from streamkit._core.items import is_named, is_restart
from streamkit._core.keyword_hints import keyword_hints
from streamkit._serving.ending import describe_end, describe_error, json_for
from streamkit._serving.framing import Framing, frames
from streamkit._serving.response import FramedResponse, checked_silence, checked_stream
from streamkit._serving.resuming import FIRST_RECORD, ResumedResponse
from streamkit._surrogates import WholeCharacters, legal, plain_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from streamkit._core.algebra import Stream
    from streamkit._core.outcome import Outcome
    from streamkit.hub import Hub, Record

__all__ = ["Response", "events", "resume"]


class Response(FramedResponse):
    """
    An ASGI response that sends a stream as server-sent events while it runs.

    It opens the run inside its own call, and closes it before that returns. When the client goes, the run is stopped, and its
    request to Claude is closed. A client that reads slowly slows the stream down; nothing is buffered. An error before the
    first byte has its own HTTP status: 429 and 503 with `retry-after`, 400, 413, 504, 502, or 500 for a bug; its body is JSON,
    as the data of `event: error`. A bug is raised again behind that, for whoever logs bugs.

    Args:
        stream: What to send, with its operators.
        wait_for_first: True waits for the first item before anything is sent, so that an error before it has its own status. A
            number waits that many seconds, and False does not wait: the response then begins with 200.
        heartbeat: Seconds of silence after which a comment is sent, so that no proxy closes the connection; None for never.
        raw: Whether strings are sent as they are, and not as JSON. A line break in them, which may be CR, LF or both, arrives as
            one LF, also where two strings have a half of it each.
        status_code: The status where nothing has failed.
        headers: Further headers.
        background: Starlette's background task, which is run at the end.

    Raises:
        TypeError: `stream` is not a stream, or a setting is of another type.
        ValueError: A number of seconds is not above 0, or not finite; a status without a body; a header that cannot be sent.
        ImportError: sse-starlette is not installed.
    """

    def __init__(
        self,
        stream: Stream[Any],
        *,
        wait_for_first: bool | float = True,
        heartbeat: float | None = 15.0,
        raw: bool = False,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: Any = None,
    ) -> None:
        super().__init__(
            stream,
            _framing("sse.Response", raw),
            name="sse.Response",
            wait_for_first=wait_for_first,
            heartbeat=heartbeat,
            status_code=status_code,
            headers=headers,
            background=background,
        )


@keyword_hints
def events(
    stream: Stream[Any], *, heartbeat: float | None = 15.0, raw: bool = False
) -> AsyncGenerator[bytes, None]:
    """
    The same events as bytes, one or more in each piece, for frameworks that send an async generator.

    The run begins with the first read and ends with the generator, wherever that is left. An error of the stream is the last
    event, and is not raised. The content type is `text/event-stream`.

    Args:
        stream: What to send, with its operators.
        heartbeat: Seconds of silence after which a comment is sent; None for never.
        raw: Whether strings are sent as they are, and not as JSON.

    Raises:
        TypeError: `stream` is not a stream, or a setting is of another type.
        ValueError: A number of seconds is not above 0, or not finite.
        ImportError: sse-starlette is not installed.
    """
    silence = checked_silence("sse.events", heartbeat)
    return frames(checked_stream("sse.events", stream), _framing("sse.events", raw)(), silence)


@keyword_hints
def resume(
    hub: Hub,
    id: str,  # noqa: A002 -- the word for it
    last_event_id: str | None = None,
    *,
    wait: float = 0.0,
    heartbeat: float | None = 15.0,
    raw: bool = False,
    headers: Mapping[str, str] | None = None,
) -> ResumedResponse:
    """
    An ASGI response that shows a run of a hub, from any record on, and then what comes live.

        async def watch(request):
            return sk.sse.resume(hub, request.path_params["id"], request.headers.get("last-event-id"))

    Each record has its `id:`. What is no record has none: the heartbeat, `done` and `error`. A viewer that goes ends nothing;
    `hub.cancel(id)` does, and then the others get a `done` of kind `"cancelled"`.

    The status is 204 where the run has ended and the viewer has all of it; 400 where `id` or `last_event_id` cannot be one; 404
    where there is no such run, and 410 where it is not there any more; 409 where it was begun anew.

    Args:
        hub: An open hub.
        id: The run's id, as the client has sent it.
        last_event_id: The id of the last record that the client has, as it has sent it; None or empty for none.
        wait: Seconds to wait for a run that is not there yet.
        heartbeat: As for `Response`.
        raw: As for `Response`.
        headers: As for `Response`.

    Raises:
        TypeError: A setting is of another type.
        ValueError: A number of seconds is below 0, or not finite; a header that cannot be sent.
        ImportError: sse-starlette is not installed.
    """
    framing = _framing("sse.resume", raw)

    def respond(records: Stream[Record], _: int) -> FramedResponse:
        return FramedResponse(
            records,
            lambda: _Records(framing()),
            name="sse.resume",
            wait_for_first=FIRST_RECORD,
            heartbeat=heartbeat,
            headers=headers,
        )

    return ResumedResponse(hub, id, last_event_id, respond, wait=wait, name="sse.resume")


def _framing(name: str, raw: object) -> Callable[[], _Events]:
    text_as_it_is = flag(name, "raw", raw)
    try:
        from sse_starlette import ServerSentEvent
    except ModuleNotFoundError as error:
        raise ImportError(f'{name}() needs sse-starlette: pip install "claude-streamkit[sse]"') from error

    def frame(event: str, data: str, record_id: str | None) -> bytes:
        return ServerSentEvent(data, event=event, id=record_id, sep="\n").encode()

    return lambda: _Events(frame, raw=text_as_it_is)


_OWN_NAMES = {"restarted", "done", "error"}


class _Events(Framing):
    """
    Each item as one event.
    """

    def __init__(self, frame: Callable[[str, str, str | None], bytes], *, raw: bool) -> None:
        self._write = frame
        self._raw = raw
        self.record_id: str | None = None  # of the record whose item is written
        self._texts: dict[str, WholeCharacters] = {}
        self._returned: set[str] = set()  # the names of texts that end with CR, which an LF may follow

    def item(self, item: Any) -> bytes:
        name, value = item if is_named(item) else ("message", item)
        if not name.isprintable():  # an event's name is one line
            name = name.replace("\r", "").replace("\n", "")
        if name in _OWN_NAMES:
            raise ValueError(f"sse sends events named {name!r} itself: give these items another name")
        if is_restart(value):
            self._texts.clear()
            self._returned.clear()
            return self._frame("restarted", _text_of(value))
        if self._raw and isinstance(value, str):
            whole = self._whole(name, value)
            return self._frame(legal(name), whole) if whole or not value else b""
        return self._frame(legal(name), _text_of(value))

    def end(self, outcome: Outcome) -> bytes:
        return self._rest() + self._frame("done", _text_of(describe_end(outcome)))

    def failure(self, error: Exception, outcome: Outcome) -> bytes:
        return self._rest() + self._frame("error", _text_of(describe_error(error)))

    def _frame(self, event: str, data: str) -> bytes:
        return self._write(event, data, self.record_id)

    def _whole(self, name: str, piece: str) -> str:
        """
        The piece without half of a character, whose other half may come with the next of the same name, and without the LF of a
        CRLF whose CR has come with the last.
        """
        piece = plain_text(piece)
        ends_with_return = piece.endswith("\r")
        if name in self._returned:
            piece = piece.removeprefix("\n")
            self._returned.discard(name)
        if ends_with_return:
            self._returned.add(name)
        if piece.isascii() and name not in self._texts:
            return piece
        return legal(self._texts.setdefault(name, WholeCharacters()).feed(piece))

    def _rest(self) -> bytes:
        halves = {name: text.take() for name, text in self._texts.items()}
        return b"".join(self._frame(legal(name), legal(half)) for name, half in halves.items() if half)


class _Records(Framing):
    """
    The item of each record as one event, with the record's id.
    """

    def __init__(self, events: _Events) -> None:
        self._events = events

    def item(self, item: Record) -> bytes:
        self._events.record_id = item.id
        try:
            return self._events.item(item.data)
        finally:
            self._events.record_id = None

    def end(self, outcome: Outcome) -> bytes:
        return self._events.end(outcome)

    def failure(self, error: Exception, outcome: Outcome) -> bytes:
        return self._events.failure(error, outcome)


def _text_of(value: object) -> str:
    return _JSON.encode(value).decode()


_JSON = json_for("sse")
