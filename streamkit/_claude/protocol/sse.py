"""
Decodes the bytes of a Claude stream, which are server-sent events and may be split anywhere, into events.

The framing is WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end with LF,
CR or CRLF, a blank line ends a frame, and a frame that the end of the bytes cuts is never dispatched.

Gateways put other things between Claude's events, such as OpenAI's `[DONE]`. A frame that cannot be one of the events is
skipped, and counted in `oddities`. One that must be, and cannot be decoded, is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.codec import MAX_DEPTH, is_too_deep, parse
from streamkit._claude.protocol.errors import GrammarError, from_error_event
from streamkit._claude.protocol.events import READER, ContentBlockDelta
from streamkit._claude.protocol.kinds import EVENTS
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.protocol.progress import Progress
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamkit._claude.protocol.events import Event

__all__ = ["MAX_FRAME", "EventDecoder"]

MAX_FRAME = 64 * 1024 * 1024
"""The largest frame that is accepted by default, in bytes."""

_LF, _CR = b"\n\r"
_BOM = b"\xef\xbb\xbf"
_LINES = re.compile(rb"[^\n]+").finditer
# Nearly every frame begins so, and has no other line.
_DELTA = b"event: content_block_delta\ndata: "
_START = len(_DELTA)
# Without them a message cannot be told. A ping says the same whatever its data is.
_EVENT_NAMES = frozenset(name.encode() for name in EVENTS) - {b"ping"}
_NO_NAME = frozenset({b"", b"message"})  # the latter is the name of a frame that has none

_SHALLOW = 2 * MAX_DEPTH
"""Bytes that JSON needs to be nested too deeply."""

_strict = READER.strict.decode


class EventDecoder:
    """
    Turns the chunks of a response body into events.

    Args:
        max_frame: The largest frame that is accepted, in bytes.
        pings: Whether pings are among the events.
        oddities: Where to count what is forgiven.

    Attributes:
        error: Why the stream cannot go on, once it cannot: an error event, a frame that cannot be decoded, or
            (after `end`) a message that did not end. What came before it has been returned by `feed`.
        over: Whether nothing more is expected, or can be decoded.
        progress: How far the message has come.
    """

    def __init__(
        self, *, max_frame: int = MAX_FRAME, pings: bool = True, oddities: Oddities | None = None
    ) -> None:
        self.error: StreamError | None = None
        self.over: bool = False
        self.oddities: Oddities = Oddities() if oddities is None else oddities
        self._pings = pings
        self.progress: Progress = Progress()
        self._max_frame = max_frame
        self._head: bytes | None = b""  # until it is clear whether there is a BOM
        self._after_cr = False
        self._pending = bytearray()  # the beginning of a frame; it grows without being copied at each chunk
        self._between_frames = False
        self._frames = 0
        self._is_deaf = False  # behind a whole message came a frame that is too large

    def feed(self, chunk: bytes) -> list[Event]:
        """
        The events that are complete with these bytes; none once `error` is set.
        """
        # A live connection brings one whole frame at a time: there is nothing to join or to split.
        if (
            self._between_frames
            and chunk.startswith(_DELTA)
            and chunk.find(b"\n", _START) == len(chunk) - 2 < self._max_frame
            and chunk[-1] == _LF
            and _CR not in chunk
        ):
            try:
                event = _strict(chunk[_START:])
            except (ValueError, RecursionError):
                pass
            else:
                if event.__class__ is ContentBlockDelta:
                    self._frames += 1
                    return [event]
        events = self._feed(chunk)
        self.over = self.error is not None or self.progress.finished
        self._between_frames = self.progress.in_content and not (
            self._pending or self._after_cr or self._head is not None or self.error
        )
        return events

    def _feed(self, chunk: bytes) -> list[Event]:
        if self.error is not None or self._is_deaf:
            return []
        if self._head is not None:
            chunk = self._without_bom(chunk)
        if self._after_cr or _CR in chunk:
            chunk = self._with_lf(chunk)
        if not chunk:
            return []
        crossing = self._pending and chunk[0] == _LF and self._pending[-1] == _LF
        if not crossing and b"\n\n" not in chunk:
            self._keep(chunk)
            return []
        frames = b"".join((self._pending, chunk)).split(b"\n\n") if self._pending else chunk.split(b"\n\n")
        rest = frames.pop()
        self._pending.clear()
        events = self._decode(frames)
        if rest and self.error is None:
            self._keep(rest)
        return events

    def end(self, broken: StreamError | None = None) -> None:
        """
        Say that no more bytes come; sets `error` if a message was open, or none had begun.

        Args:
            broken: What is known of a bad end; it matters only while something is missing.
        """
        self.error = self.error or self.progress.failure(broken)

    def _without_bom(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _with_lf(self, chunk: bytes) -> bytes:
        # A CR that ends a chunk ends its line at once; an LF that begins the next one belongs to it.
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
            self._after_cr = False
        if chunk:
            self._after_cr = chunk[-1] == _CR
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, chunk: bytes) -> None:
        self._pending += chunk
        if len(self._pending) > self._max_frame + 1:  # the last line's own end may be in it
            self._refuse_size()

    def _refuse_size(self) -> None:
        self._pending.clear()
        if self.progress.complete:
            self._is_deaf = True
            self.oddities.count("after_end")
            return
        self.error = GrammarError(f"frame {self._frames + 1} is larger than {self._max_frame} bytes")

    def _decode(self, frames: list[bytes]) -> list[Event]:
        events: list[Event] = []
        append, strict, start, max_frame = events.append, _strict, _START, self._max_frame
        in_content = self.progress.in_content
        for frame in frames:
            if (
                in_content
                and frame.startswith(_DELTA)
                and frame.find(b"\n", start) < 0
                and len(frame) <= max_frame
            ):
                try:
                    event = strict(frame[start:])
                except (ValueError, RecursionError):
                    pass  # it says more than the structs know, or is not JSON: `_decode_frame` tells
                else:
                    if event.__class__ is ContentBlockDelta:
                        self._frames += 1
                        append(event)
                        continue
            try:
                events.extend(self._decode_frame(frame))
            except GrammarError as error:
                self.error = GrammarError(f"frame {self._frames}: {error}")
            except StreamError as error:
                self.error = error
            if self.error is not None or self._is_deaf:
                break
            in_content = self.progress.in_content
        return events

    def _decode_frame(self, frame: bytes) -> Iterable[Event]:
        """
        The events in any frame: one, or none, or several that lack the blank lines between them.
        """
        if len(frame) > self._max_frame:
            self._refuse_size()
            return ()
        self._frames += 1
        name, body = _fields(frame)
        if name != b"error" and (len(body) < _SHALLOW or not is_too_deep(body)):
            try:
                event = _strict(body)
            except (ValueError, RecursionError):
                pass
            else:
                return (event,) if self._counts(event) else ()
        if b"\n" in body and not _is_json(body) and any(_is_typed(line) for _, line in _data_lines(frame)):
            self.oddities.count("joined_frames")
            # One after another, so that those before an error are handed on.
            return (event for own_name, line in _data_lines(frame) for event in self._events(own_name, line))
        return self._events(name, body) if body or name == b"error" else ()

    def _events(self, name: bytes, body: bytes) -> Iterable[Event]:
        """
        The event in a frame's data, or nothing.

        Raises:
            StreamError: It is an error, or an event that cannot be read. Behind a whole message nothing is.
        """
        try:
            if name == b"error":
                raise from_error_event(body)
            found = self._object(name, body)
            if found is not None:
                event = READER.convert(found, self.oddities.count)
                return (event,) if self._counts(event) else ()
            self.oddities.count("skipped_frame")
        except StreamError as error:
            if not self.progress.forgives(error):
                raise
            self.oddities.count("after_end")
        return ()

    def _object(self, name: bytes, body: bytes) -> object:
        """
        The JSON object in a frame, with the frame's name as its type where it does not have one; None if the frame is not an
        event.
        """
        try:
            value = parse(body)
        except GrammarError as error:
            value = self._with_any_number(name, body, error)
        if not isinstance(value, dict):
            return None
        obj = cast("dict[str, Any]", value)
        if isinstance(obj.get("type"), str):
            return obj
        if name not in _NO_NAME:
            if "type" in obj:
                self.oddities.count("event.type")
            return {**obj, "type": name.decode("utf-8", "replace")}
        if obj.get("error"):
            raise from_error_event(obj)
        return None

    def _with_any_number(self, name: bytes, body: bytes, error: GrammarError) -> object:
        """
        The object in data that is JSON but for a number, such as NaN; None for data that need not be an event.

        Raises:
            GrammarError: It must be an event.
        """
        try:
            value = parse(body, any_number=True)
        except GrammarError:
            if name in _EVENT_NAMES or b'"type"' in body:
                raise error from None
            return None
        self.oddities.count("number")
        return value

    def _counts(self, event: Any) -> bool:
        """
        Follow an event, and tell whether it is handed on: not where it says nothing new, or is a ping that nobody wants.
        """
        kind: str = event.type
        if kind not in EVENTS:
            if kind == "error":
                raise from_error_event(event)
            return True
        had_begun = self.progress.begun
        counts = self.progress.follow(event)
        if not counts:
            self.oddities.count("repeated_start")
        elif not had_begun and self.progress.begun and kind != "message_start":
            self.oddities.count("missing_start")
        return counts and (self._pings or kind != "ping")


def _is_json(body: bytes) -> bool:
    try:
        parse(body)
    except GrammarError:
        return False
    return True


def _is_typed(line: bytes) -> bool:
    """
    Whether a line of data is a whole event by itself.
    """
    try:
        value = parse(line)
    except GrammarError:
        return False
    return isinstance(value, dict) and isinstance(cast("dict[str, object]", value).get("type"), str)


def _fields(frame: bytes) -> tuple[bytes, bytes]:
    """
    A frame's event name and data; either may be empty, as in a comment that keeps the connection alive.
    """
    name = b""
    data: bytearray | None = None
    # One by one, because a list of short lines would be many times as large as the frame.
    for line in _LINES(frame):
        field, _, value = line[0].partition(b":")
        if field == b"data":
            if data is None:
                data = bytearray()
            else:
                data += b"\n"
            data += value.removeprefix(b" ")
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, bytes(data or b"")


def _data_lines(frame: bytes) -> Iterator[tuple[bytes, bytes]]:
    """
    Each line of a frame's data, with the name that stands before it.
    """
    name = b""
    for line in _LINES(frame):
        field, _, value = line[0].partition(b":")
        if field == b"data":
            yield name, value.removeprefix(b" ")
            name = b""
        elif field == b"event":
            name = value.removeprefix(b" ")
