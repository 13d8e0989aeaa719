"""
Decodes the bytes of a Claude stream, which are server-sent events and may be split anywhere, into events.

The framing is WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end with LF,
CR or CRLF, a blank line ends a frame, and a frame that the end of the bytes cuts is never dispatched.

Gateways put other things between Claude's events, such as OpenAI's `[DONE]`. A frame that cannot be one of the events is
skipped, and counted in `oddities`. One that must be, and cannot be decoded, is an error. JSON that stands there without any
framing is read too, as some write an error so, or a whole message.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.admission import Admission
from streamkit._claude.protocol.delta_frames import DELTA, deltas_in, one_delta
from streamkit._claude.protocol.error_forms import read_error
from streamkit._claude.protocol.errors import GrammarError, StreamSpliced, StreamTruncated
from streamkit._claude.protocol.events import READER
from streamkit._claude.protocol.frames import (
    NO_NAME,
    bare_value,
    begun_inside,
    data_lines,
    fields_of,
    is_cut,
    is_json,
    is_typed,
    objects_in,
    unseparated,
    with_odd_number,
    wrapped_in,
)
from streamkit._claude.protocol.json_text import MAX_DEPTH, is_too_deep, parse
from streamkit._claude.protocol.kinds import EVENTS
from streamkit._claude.protocol.line_ends import LineEnds
from streamkit._claude.protocol.oddities import Oddities
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.progress import Progress

__all__ = ["MAX_FRAME", "EventDecoder"]

MAX_FRAME = 64 * 1024 * 1024
"""The largest frame that is accepted by default, in bytes."""

_LF, _CR = b"\n\r"
_START = len(DELTA)
# Without them a message cannot be told. A ping says the same whatever its data is.
_EVENT_NAMES = frozenset(name.encode() for name in EVENTS) - {b"ping"}
_SHALLOW = 2 * MAX_DEPTH  # bytes that JSON needs to be nested too deeply

_strict = READER.strict.decode


class EventDecoder:
    """
    Turns the chunks of a response body into events.

    Args:
        max_frame: The largest frame that is accepted, in bytes.
        pings: Whether pings are among the events.
        until_stop: Whether a message is open until its `message_stop`, as in the answer to a request.
        kept: Whether the events were admitted once before, and then kept in a file.
        oddities: Where to count what is forgiven.

    Attributes:
        error: Why the stream cannot go on, once it cannot: an error event, a frame that cannot be decoded, or
            (after `end`) a message that did not end. What came before it has been returned by `feed`.
        over: Whether nothing more is expected, or can be decoded.
        progress: How far the message has come.
    """

    def __init__(
        self,
        *,
        max_frame: int = MAX_FRAME,
        pings: bool = True,
        until_stop: bool = False,
        kept: bool = False,
        oddities: Oddities | None = None,
    ) -> None:
        self.error: StreamError | None = None
        self.over: bool = False
        self.oddities: Oddities = Oddities() if oddities is None else oddities
        self._admission = Admission(pings=pings, until_stop=until_stop, oddities=self.oddities, kept=kept)
        self.progress: Progress = self._admission.progress
        self._max_frame = max_frame
        self._lines = LineEnds()
        self._pending = bytearray()  # the beginning of a frame; it grows without being copied at each chunk
        self._between_frames = False
        self._frames = 0
        self._left: Iterator[bytes] = iter(())  # frames that have come and are not decoded yet
        self._begins: list[Event] = []  # what has begun inside another message
        self._is_deaf = False  # behind a whole message came a frame that is too large
        self._torn: GrammarError | None = None  # a frame that was cut; what follows it tells what that means

    def feed(self, chunk: bytes) -> list[Event]:
        """
        The events that are complete with these bytes; none once `error` is set.
        """
        # A live connection brings one whole frame at a time: there is nothing to join or to split.
        if (
            self._between_frames
            and chunk.startswith(DELTA)
            and chunk.find(b"\n", _START) == len(chunk) - 2 < self._max_frame
            and chunk[-1] == _LF
            and _CR not in chunk
        ):
            try:
                delta = one_delta(chunk[_START:])
            except (ValueError, RecursionError):
                pass
            else:
                self._frames += 1
                return [delta]
        events = self._feed(chunk)
        if self.error is not None and not self.spliced:
            events += self._admission.rest()
        self.over = self.error is not None or self.progress.finished
        waits = self._pending or self._lines.unsettled or self.error or self._torn
        self._between_frames = self.progress.in_content and not waits
        return events

    def _feed(self, chunk: bytes) -> list[Event]:
        if self.error is not None or self._is_deaf:
            return []
        if self._lines.unsettled or _CR in chunk:
            chunk = self._lines.normalized(chunk)
        if not chunk:
            return []
        crossing = self._pending and chunk[0] == _LF and self._pending[-1] == _LF
        if not crossing and b"\n\n" not in chunk:
            self._keep(chunk)
            return []
        text = b"".join((self._pending, chunk)) if self._pending else chunk
        frames, _, rest = text.rpartition(b"\n\n")
        self._pending.clear()
        events = self._only_deltas(frames)
        if events is None:
            self._left = iter(frames.split(b"\n\n"))
            events = self._decode()
        if rest and (self.spliced or self.error is None):
            self._keep(rest)
        return events

    @property
    def spliced(self) -> bool:
        """
        Whether a message has begun inside another one, which is the `error`. `read_on` goes on with it.
        """
        return bool(self._begins)

    def read_on(self) -> list[Event]:
        """
        The events from there on, as far as they have come, without those of the message that had not ended.
        """
        assert self._begins, "only where it is spliced"
        begins, self._begins = self._begins, []
        if isinstance(self.error, StreamSpliced):  # not where what has come behind it is too large
            self.error = None
        events = [*begins, *self._decode()]
        self.over = self.error is not None or self.progress.finished
        return events

    def end(self, broken: StreamError | None = None) -> Sequence[Event]:
        """
        Say that no more bytes come; sets `error` if a message was open, or none had begun.

        Args:
            broken: What is known of a bad end; it matters only while something is missing.

        Returns:
            The events that have come nevertheless, such as those of a whole message that is JSON and not a stream.
        """
        if self.error is not None:
            return ()
        events: Sequence[Event] = ()
        if not self.progress.finished:
            text = bytes(self._pending or self._lines.head)
            self._left = iter(unseparated(text))
            events = self._decode()
            try:
                if not events and self.error is None:
                    events = self._events(b"", text, is_bare=True)
            except StreamError as error:
                self.error = error
            if text.strip() and not self.progress.begun and broken is None and is_cut(text):
                broken = StreamTruncated("the response ended inside a JSON document")
        events = [*events, *self._admission.end()]
        self.error = self.error or self.progress.failure(broken)
        return events

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

    @property
    def _in_content(self) -> bool:
        """
        Whether more content changes nothing here.
        """
        return self.progress.in_content and self._torn is None

    def _only_deltas(self, frames: bytes) -> list[Event] | None:
        if not self._in_content or len(frames) > self._max_frame or (deltas := deltas_in(frames)) is None:
            return None
        self._frames += len(deltas)
        return [*deltas]

    def _decode(self) -> list[Event]:
        events: list[Event] = []
        append, start, max_frame = events.append, _START, self._max_frame
        in_content = self._in_content
        for frame in self._left:
            if (
                in_content
                and frame.startswith(DELTA)
                and frame.find(b"\n", start) < 0
                and len(frame) <= max_frame
            ):
                try:
                    append(one_delta(frame[start:]))
                except (ValueError, RecursionError):
                    pass  # it says more than the structs know, or is not JSON: `_decode_frame` tells
                else:
                    self._frames += 1
                    continue
            try:
                events.extend(self._decode_frame(frame))
            except GrammarError as error:
                self.error = error if error is self._torn else self._at_frame(error)
            except StreamError as error:
                self.error = error
            if self.error is not None or self._is_deaf:
                break
            in_content = self._in_content
        return events

    def _decode_frame(self, frame: bytes) -> Iterable[Event]:
        """
        The events in any frame: one, or none, or several that lack the blank lines between them.
        """
        if len(frame) > self._max_frame:
            self._refuse_size()
            return ()
        self._frames += 1
        name, body = fields_of(frame)
        if name != b"error" and (len(body) < _SHALLOW or not is_too_deep(body)):
            try:
                event = _strict(body)
            except (ValueError, RecursionError):
                pass
            else:
                return self._admitted(event)
        if b"\n" in body and not is_json(body) and any(is_typed(line) for _, line in data_lines(frame)):
            self.oddities.count("joined_frames")
            return self._joined(data_lines(frame))
        if not (body or name):
            return self._events(b"", frame, is_bare=True)
        return self._events(name, body) if body or name == b"error" else ()

    def _joined(self, lines: Iterator[tuple[bytes, bytes]]) -> Iterator[Event]:
        """
        The events of several frames in one, each when it is asked for, so that those before an error are handed on.
        """
        for name, line in lines:
            yield from self._events(name, line)
            if self.spliced:
                rest = (b"event: " + name + b"\ndata: " + line for name, line in lines)
                self._left = chain(rest, self._left)
                return

    def _events(self, name: bytes, body: bytes, *, is_bare: bool = False) -> Sequence[Event]:
        """
        The event in a frame's data, or nothing; those of a whole message where it is one as JSON.

        Args:
            name: The event that the frame names.
            body: Its data.
            is_bare: Whether it is not a frame, but text without any framing.

        Raises:
            StreamError: It is an error, or an event that cannot be read. Behind a whole message nothing is.
        """
        try:
            if name == b"error":
                raise read_error(body)
            objects = self._bare_objects(body) if is_bare else self._objects(name, body)
            if objects:
                events = (READER.convert(each, self.oddities.count) for each in objects)
                return [admitted for event in events for admitted in self._admitted(event)]
            if not is_bare:
                self.oddities.count("skipped_frame")
        except StreamError as error:
            if not self.progress.forgives(error):
                if not (isinstance(error, GrammarError) and self._torn is None and body and is_cut(body)):
                    raise
                self._torn = self.progress.lose(self._at_frame(error))
            else:
                self.oddities.count("after_end")
        return ()

    def _at_frame(self, error: GrammarError) -> GrammarError:
        return GrammarError(f"frame {self._frames}: {error}")

    def _objects(self, name: bytes, body: bytes) -> Sequence[dict[str, Any]]:
        """
        The JSON object in a frame, with the frame's name as its type where it does not have one; nothing if the frame is not an
        event.

        Raises:
            StreamError: It is an error, or must be an event and is not JSON.
        """
        try:
            value = parse(body)
        except GrammarError as error:
            if whole := objects_in(body):
                self.oddities.count("joined_frames")
                return whole
            if (later := begun_inside(body)) is not None:
                if later["type"] == "message_start":
                    self._torn = self.progress.lose(self._at_frame(error))
                    return (later,)
                raise read_error(later) from None
            if (value := with_odd_number(body)) is not None:
                self.oddities.count("number")
            elif name in _EVENT_NAMES or b'"type"' in body:
                raise
        if (others := wrapped_in(value, name, is_first=not self.progress.begun)) or not isinstance(
            value, dict
        ):
            return others
        obj = cast("dict[str, Any]", value)
        if isinstance(obj.get("type"), str):
            return (obj,)
        if name in NO_NAME:
            return ()
        if "type" in obj:
            self.oddities.count("event.type")
        return ({**obj, "type": name.decode("utf-8", "replace")},)

    def _bare_objects(self, text: bytes) -> Sequence[dict[str, Any]]:
        """
        As `_objects`, of text without any framing. It need not be anything.
        """
        if (later := begun_inside(text)) is not None and later["type"] != "message_start":
            raise read_error(later)
        return wrapped_in(bare_value(text), is_first=not self.progress.begun)

    def _admitted(self, event: Any) -> Sequence[Event]:
        """
        What is handed on with an event. Nothing where it begins another message or says an error, which sets `error`.
        """
        if self._torn is not None and event.type != "ping":
            self._mend(event)
        try:
            events = self._admission.admit(event)
        except StreamSpliced as error:
            self.error, self._begins = error, self.progress.beginning
            return ()
        self.error = self.error or self._admission.failure
        return events

    def _mend(self, event: Any) -> None:
        """
        Take the first event behind a frame that was cut. Where it begins another message, only a void one has lost something.
        The next one tells, where it is the `message_start` of the open message.

        Raises:
            GrammarError: The message goes on, and what the frame had said is missing from it.
        """
        begins = self.progress.can_begin(event)
        if begins is None:
            return
        if self._torn is not None and not begins:
            raise self._torn
        self._torn = None
        self.oddities.count("cut_frame")
