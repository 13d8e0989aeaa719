"""
Turns the events of a continuation into the rest of the message that was cut, so that both are one legal message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET
from msgspec.structs import replace

from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.content import content_of
from streamkit._claude.protocol.deltas import CitationsDelta, TextDelta
from streamkit._claude.protocol.events import (
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    MessageChanges,
    MessageDelta,
)
from streamkit._claude.protocol.reading import Places, index_of, list_in, text_of_field
from streamkit._claude.protocol.told_types import type_of_block, type_of_delta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streamkit._claude.exchange.continuation import Continuation
    from streamkit._claude.protocol.attempt import Attempt
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.usage import TotalUsage

__all__ = ["Stitching"]


class Stitching:
    """
    Rewrites the events of one response as the rest of a message.

    Blocks are numbered on from those of the message, a text block that was cut is continued, and text that repeats the end of
    the message is left out.

    Args:
        continuation: What was asked for.
        attempt: The request that the response answers. The text that is left out is noted there.
        cost: Gives what all requests for the message have cost so far.
    """

    def __init__(self, continuation: Continuation, attempt: Attempt, cost: Callable[[], TotalUsage]) -> None:
        self._continuation = continuation
        self._attempt = attempt
        self._cost = cost
        self._offset = 0
        self._places = Places()
        self._begun = False  # whether the first block has come
        self._ended = False
        # Deltas of text that may be a repetition, held until that is known; None once it is.
        self._seam: list[ContentBlockDelta] | None = []
        self._seam_text = ""  # the text of all of them

    def add(self, events: Iterable[Event]) -> list[Event]:
        """
        The events of the message that these events of the response become.
        """
        return [rewritten for event in events for rewritten in self._rewrite(event)]

    def finish(self) -> list[Event]:
        """
        The text that is still held back, when no more comes.
        """
        return list(self._close_seam(final=True))

    def _rewrite(self, event: Any) -> Iterator[Event]:
        kind: str = event.type
        if self._ended:
            yield event  # it belongs to another message
        elif kind == "content_block_start":
            yield from self._start(event)
        elif kind == "content_block_delta":
            yield from self._delta(event)
        elif kind == "message_start":
            yield from self._content_of(getattr(event, "message", None))
        elif kind in {"message_delta", "message_stop"}:
            yield from self._end_blocks()
            self._ended = kind == "message_stop"
            yield event if self._ended else _with(event, usage=self._cost())
        elif kind.startswith("content_block_"):
            yield from self._close_seam(final=True)
            yield self._numbered(event)
        else:
            yield event

    def _start(self, event: ContentBlockStart) -> Iterator[Event]:
        yield from self._close_seam(final=True)
        joins, block = False, getattr(event, "content_block", None)
        is_text = type_of_block(block) == "text"
        index = self._places.begin(event)
        if not self._begun:
            joins = self._continuation.open is not None and is_text
            yield from self._begin(index, joins)
        if not is_text or self._seam is None:
            if not joins:
                yield self._numbered(event)
            return
        # A gateway may put text into the start, and that may be a repetition too.
        citations = list_in(block, "citations") if joins else []
        if not joins:
            yield self._numbered(_with(event, content_block=_with(block, text="")))
        if text := text_of_field(block, "text"):
            yield from self._rewrite(ContentBlockDelta(index, TextDelta(text)))
        for citation in citations:
            yield from self._rewrite(ContentBlockDelta(index, CitationsDelta(citation)))

    def _delta(self, event: ContentBlockDelta) -> Iterator[Event]:
        is_text = type_of_delta(getattr(event, "delta", None)) == "text_delta"
        if not self._begun:  # a gateway has left out the start
            yield from self._begin(self._places.begin(event), is_text and self._continuation.open is not None)
        if is_text and self._seam is not None:
            self._seam.append(self._numbered(event))
            if more := _text(event):
                self._seam_text += more
                yield from self._close_seam(final=False)
        else:
            yield from self._close_seam(final=True)
            yield self._numbered(event)

    def _begin(self, index: int, joins: bool) -> Iterator[Event]:
        """
        Place the first block of the response: it continues the block that was cut, or follows it.
        """
        self._begun = True
        cut = self._continuation
        if joins and cut.open is not None:
            self._offset = cut.open - index
            return
        self._offset = cut.next - index
        still_open = cut.unclosed if cut.open is None else cut.open
        if still_open is not None:
            yield ContentBlockStop(still_open)

    def _end_blocks(self) -> Iterator[Event]:
        yield from self._close_seam(final=True)
        if not self._begun:
            yield from self._begin(0, joins=False)

    def _content_of(self, message: Any) -> Iterator[Event]:
        """
        The content that stands in `message_start` already, from a gateway that does not stream.
        """
        for index, block in enumerate(content_of(message)):
            yield from self._rewrite(ContentBlockStart(index, block))
            yield from self._rewrite(ContentBlockStop(index))
        if reason := text_of_field(message, "stop_reason"):
            sequence: Any = getattr(message, "stop_sequence", UNSET)
            usage: Any = getattr(message, "usage", UNSET)
            yield from self._rewrite(MessageDelta(MessageChanges(reason, sequence), usage))

    def _close_seam(self, *, final: bool) -> Iterator[Event]:
        """
        The held text without what repeats the end of the message; nothing while that cannot be told.

        Args:
            final: Whether no more of the text comes, so that it has to be told now.
        """
        held = self._seam
        if not held:
            return
        text, self._seam_text = self._seam_text, ""
        repeated = self._continuation.repetition(text, final=final)
        if repeated is None:
            self._seam_text = text
            return
        # An empty block does not tell whether the next one repeats.
        self._seam = None if text else []
        self._attempt.overlap = text[:repeated]
        for event in held:
            kept = _text(event)[repeated:]
            repeated -= len(_text(event)) - len(kept)
            if kept or not _is_plain(event):
                yield _with(event, delta=_with(event.delta, text=kept))

    def _numbered(self, event: Any) -> Any:
        """
        The event with its block's index in the message.
        """
        # The `index` of an unknown event may be anything.
        index = index_of(event)
        return event if index is None else _with(event, index=index + self._offset)


def _with(part: Any, **changes: Any) -> Any:
    """
    An event, or a part of one, with other values in some fields; also where its type is unknown here.
    """
    return Unknown({**part, **changes}) if isinstance(part, Unknown) else replace(part, **changes)


def _is_plain(event: ContentBlockDelta) -> bool:
    """
    Whether a delta has nothing but its text, so that nothing is lost with it when all of that is left out.
    """
    return bool(_text(event)) and event.__class__ is ContentBlockDelta and event.delta.__class__ is TextDelta


def _text(event: Any) -> str:
    return text_of_field(event.delta, "text")
