"""
Decodes the bytes of a Claude stream, which are server-sent events and may be split anywhere, into events.

The framing is WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end with LF,
CR or CRLF, a blank line ends a frame, and a frame that the end of the bytes cuts is never dispatched.

JSON that stands there without any framing is read too, as some gateways write an error so, or a whole message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from streamkit._claude.protocol.codec import Unknown, parse
from streamkit._claude.protocol.error_forms import is_error, read_error
from streamkit._claude.protocol.errors import GrammarError, StreamSpliced, StreamTruncated
from streamkit._claude.protocol.events import READER, ContentBlockDelta, MessageStop
from streamkit._claude.protocol.kinds import EVENTS
from streamkit._claude.protocol.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamkit._claude.protocol.events import Event
    from streamkit._core.errors import StreamError

__all__ = ["MAX_FRAME", "EventDecoder"]

MAX_FRAME = 64 * 1024 * 1024
"""The largest frame that is accepted by default, in bytes."""

_LF, _CR = b"\n\r"
_BOM = b"\xef\xbb\xbf"
_LINES = re.compile(rb"[^\n]+").finditer
# Nearly every frame begins so, and has no other line.
_DELTA = b"event: content_block_delta\ndata: "
_START = len(_DELTA)

_strict = READER.strict.decode


class EventDecoder:
    """
    Turns the chunks of a response body into events.

    Args:
        max_frame: The largest frame that is accepted, in bytes.
        pings: Whether pings are among the events.
        until_stop: Whether a message is open until its `message_stop`, as in the answer to a request.

    Attributes:
        error: Why the stream cannot go on, once it cannot: an error event, a frame that cannot be decoded, or
            (after `end`) a message that did not end. What came before it has been returned by `feed`.
        over: Whether nothing more is expected, or can be decoded.
        progress: How far the message has come.
    """

    def __init__(self, *, max_frame: int = MAX_FRAME, pings: bool = True, until_stop: bool = False) -> None:
        self.error: StreamError | None = None
        self.over: bool = False
        self._pings = pings
        self.progress: Progress = Progress(until_stop=until_stop)
        self._max_frame = max_frame
        self._head: bytes | None = b""  # until it is clear whether there is a BOM
        self._after_cr = False
        self._pending = bytearray()  # the beginning of a frame; it grows without being copied at each chunk
        self._between_frames = False
        self._frames = 0
        self._left: Iterator[bytes] = iter(())  # frames that have come and are not decoded yet
        self._begins: Event | None = None  # what has begun inside another message

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
        self._between_frames = not (self._pending or self._after_cr or self._head is not None or self.error)
        return events

    def _feed(self, chunk: bytes) -> list[Event]:
        if self.error is not None:
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
        self._left = iter(frames)
        events = self._decode()
        if rest and (self.spliced or self.error is None):
            self._keep(rest)
        return events

    @property
    def spliced(self) -> bool:
        """
        Whether a message has begun inside another one, which is the `error`. `read_on` goes on with it.
        """
        return self._begins is not None

    def read_on(self) -> list[Event]:
        """
        The events from there on, as far as they have come, without those of the message that had not ended.
        """
        assert self._begins is not None, "only where it is spliced"
        begins, self._begins, self.error = self._begins, None, None
        return self._as_far([begins, *self._decode()])

    def _as_far(self, events: list[Event]) -> list[Event]:
        self.over = self.error is not None or self.progress.finished
        return events

    def end(self, broken: StreamError | None = None) -> Sequence[Event]:
        """
        Say that no more bytes come; sets `error` if a message was open, or none had begun.

        Args:
            broken: What is known of a bad end; it matters only while something is missing.

        Returns:
            The events of a whole message that is JSON and not a stream.
        """
        events: Sequence[Event] = ()
        if self.error is None and not self.progress.finished:
            text = bytes(self._pending or self._head or b"")
            events = self._decode_bare(text)
            for event in events:
                self._follow(event)
            if not self.progress.begun and broken is None and _is_cut(text):
                broken = StreamTruncated("the response ended inside a JSON document")
        if self.error is None:
            self.error = self.progress.failure(broken)
        return events

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
        self.error = GrammarError(f"frame {self._frames + 1} is larger than {self._max_frame} bytes")

    def _decode(self) -> list[Event]:
        events: list[Event] = []
        append, strict, start, max_frame = events.append, _strict, _START, self._max_frame
        for frame in self._left:
            if frame.startswith(_DELTA) and frame.find(b"\n", start) < 0 and len(frame) <= max_frame:
                try:
                    event = strict(frame[start:])
                except (ValueError, RecursionError):
                    pass  # it says more than the structs know, or is not JSON: `_decode_frame` tells
                else:
                    if event.__class__ is ContentBlockDelta:
                        self._frames += 1
                        append(event)
                        continue
            for other in self._decode_frame(frame):
                try:
                    self._follow(other)
                except StreamSpliced as error:
                    self.error, self._begins = error, other
                    return events
                append(other)
            if self.error is not None:
                break
        return events

    def _decode_frame(self, frame: bytes) -> Sequence[Event]:
        """
        The events in any frame; none if it has none, if it is a ping that nobody wants, or if `error` is set.
        """
        if len(frame) > self._max_frame:
            self._refuse_size()
            return ()
        self._frames += 1
        name, body = _fields(frame)
        if name == b"error":
            self.error = read_error(body)
            return ()
        if not body:
            return () if name else self._decode_bare(frame)
        try:
            events = self._read(name, body)
        except GrammarError as error:
            self.error = GrammarError(f"frame {self._frames}: {error}")
            return ()
        return () if len(events) == 1 and events[0].type == "ping" and not self._pings else events

    def _read(self, name: bytes, body: bytes) -> Sequence[Event]:
        try:
            return (_strict(body),)
        except (ValueError, RecursionError):
            value = parse(body)
        events = self._read_other(value, name.decode("utf-8", "replace"))
        return (READER.convert(_typed(value, name)),) if events is None else events

    def _decode_bare(self, text: bytes) -> Sequence[Event]:
        """
        The events in text that is no frame: those of a whole message, where it is one as JSON. Sets `error` where it is one.
        """
        if not text.lstrip().startswith((b"{", b"[")):
            return ()
        try:
            value = parse(text)
            events = self._read_other(value)
        except GrammarError:
            return ()
        return events or ()

    def _read_other(self, value: object, name: str = "") -> Sequence[Event] | None:
        """
        The events in JSON that is a whole message or an error, which sets `error`; None if it is neither.
        """
        if isinstance(value, list) and value:  # some wrap an error so
            value = cast("list[object]", value)[0]
        if not isinstance(value, dict):
            return None
        obj = cast("dict[str, object]", value)
        if is_error(obj, name):
            self.error = read_error(obj, name=name)
            return ()
        if not self.progress.begun and _is_whole_message(obj):
            return (READER.convert({"type": "message_start", "message": obj}), MessageStop())
        return None

    def _follow(self, event: Event) -> None:
        # Content alone does not begin a message here: a body has all of its message, or has lost the beginning.
        if not isinstance(event, Unknown) and not EVENTS[event.type].is_content:
            self.progress.follow(event)


def _is_whole_message(obj: Mapping[str, object]) -> bool:
    """
    Whether a JSON object is a message as a request without `stream=True` gets it.
    """
    return isinstance(obj.get("content"), list) and (
        obj.get("type") == "message" or obj.get("role") == "assistant"
    )


def _is_cut(text: bytes) -> bool:
    """
    Whether a text begins as a JSON document, and does not end as one.
    """
    text = text.strip()
    return text.startswith(b"{") and not text.endswith(b"}")


def _typed(value: object, name: bytes) -> object:
    """
    The object with the frame's name as its type, where it does not have one.
    """
    if not isinstance(value, dict):
        return value
    obj = cast("dict[str, object]", value)
    return {"type": name.decode("utf-8", "replace"), **obj} if name and "type" not in obj else obj


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
