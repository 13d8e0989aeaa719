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
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.checks import flag
from streamkit._core.items import is_named, is_restart
from streamkit._core.keyword_hints import keyword_hints
from streamkit._serving.ending import describe_end, describe_error, json_for
from streamkit._serving.framing import Framing, frames
from streamkit._serving.response import FramedResponse, checked_silence, checked_stream
from streamkit._surrogates import WholeCharacters, legal, plain_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from streamkit._core.algebra import Stream
    from streamkit._core.outcome import Outcome

__all__ = ["Response", "events"]


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


def _framing(name: str, raw: object) -> Callable[[], Framing]:
    text_as_it_is = flag(name, "raw", raw)
    try:
        from sse_starlette import ServerSentEvent
    except ModuleNotFoundError as error:
        raise ImportError(f'{name}() needs sse-starlette: pip install "claude-streamkit[sse]"') from error

    def frame(event: str, data: str) -> bytes:
        return ServerSentEvent(data, event=event, sep="\n").encode()

    return lambda: _Events(frame, raw=text_as_it_is)


_OWN_NAMES = {"restarted", "done", "error"}


class _Events(Framing):
    """
    Each item as one event.
    """

    def __init__(self, frame: Callable[[str, str], bytes], *, raw: bool) -> None:
        self._frame = frame
        self._raw = raw
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


def _text_of(value: object) -> str:
    return _JSON.encode(value).decode()


_JSON = json_for("sse")
