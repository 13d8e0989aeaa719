"""
Stitching: the events of a continuation as the rest of the message that was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.events import (
    CitationsDelta,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    MessageChanges,
    MessageDelta,
    TextDelta,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streamkit._claude.exchange.continuation import Continuation
    from streamkit._claude.protocol.events import Event, Usage
    from streamkit._claude.protocol.record import Attempt

__all__ = ["Stitching"]


class Stitching:
    """
    Makes one legal message of two responses: blocks are numbered on, a text block that was cut goes on, and its repetition
    is left out.

    Args:
        continuation: What was asked for.
        attempt: The request that answers it; told the text that was left out.
        cost: Gives what all requests of the message have cost so far.
    """

    def __init__(self, continuation: Continuation, attempt: Attempt, cost: Callable[[], Usage]) -> None:
        self._continuation = continuation
        self._attempt = attempt
        self._cost = cost
        self._offset = 0
        self._begun = False  # whether its first block has come
        self._ended = False
        self._seam: list[ContentBlockDelta] | None = []  # text of which it is not known whether it repeats
        self._seam_text = ""  # all of that

    def take(self, events: Iterable[Event]) -> list[Event]:
        """
        What these events of the response are in the message.
        """
        return [made for event in events for made in self._made_of(event)]

    def give_up(self) -> list[Event]:
        """
        The text that was held back, where no more comes.
        """
        return list(self._decide(final=True))

    def _made_of(self, event: Any) -> Iterator[Event]:
        kind: str = event.type
        if self._ended:
            yield event  # of another message
        elif kind == "content_block_start":
            yield from self._start(event)
        elif kind == "content_block_delta":
            yield from self._delta(event)
        elif kind == "message_start":
            yield from self._whole(event.message)
        elif kind in {"message_delta", "message_stop"}:
            yield from self._end_blocks()
            self._ended = kind == "message_stop"
            yield event if self._ended else _with(event, usage=self._cost())
        elif kind.startswith("content_block_"):
            yield from self._decide(final=True)
            yield self._numbered(event)
        else:
            yield event

    def _start(self, event: ContentBlockStart) -> Iterator[Event]:
        yield from self._decide(final=True)
        joins, block = False, event.content_block
        if not self._begun:
            joins = self._continuation.open is not None and block.type == "text"
            yield from self._begin(event.index, joins)
        if block.type != "text" or self._seam is None:
            if not joins:
                yield self._numbered(event)
            return
        # What a gateway puts into the start may be a repetition too.
        citations: Any = getattr(block, "citations", None) if joins else None
        if not joins:
            yield self._numbered(_with(event, content_block=_with(block, text="")))
        if block.text:
            yield from self._made_of(ContentBlockDelta(event.index, TextDelta(block.text)))
        for citation in citations or ():
            yield from self._made_of(ContentBlockDelta(event.index, CitationsDelta(citation)))

    def _delta(self, event: ContentBlockDelta) -> Iterator[Event]:
        is_text = event.delta.type == "text_delta"
        if not self._begun:  # a gateway leaves out the start
            yield from self._begin(event.index, is_text and self._continuation.open is not None)
        if is_text and self._seam is not None:
            self._seam.append(self._numbered(event))
            if more := _text(event):
                self._seam_text += more
                yield from self._decide(final=False)
        else:
            yield from self._decide(final=True)
            yield self._numbered(event)

    def _begin(self, index: int, joins: bool) -> Iterator[Event]:
        """
        The first block of the response: it goes on with the one that was cut, or follows it.
        """
        self._begun = True
        cut = self._continuation
        if joins and cut.open is not None:
            self._offset = cut.open - index
            return
        self._offset = cut.next - index
        left = cut.unclosed if cut.open is None else cut.open
        if left is not None:
            yield ContentBlockStop(left)

    def _end_blocks(self) -> Iterator[Event]:
        yield from self._decide(final=True)
        if not self._begun:
            yield from self._begin(0, joins=False)

    def _whole(self, message: Any) -> Iterator[Event]:
        """
        What stands in `message_start` already, from a gateway that streams nothing.
        """
        for index, block in enumerate(message.content or ()):
            yield from self._made_of(ContentBlockStart(index, block))
            yield from self._made_of(ContentBlockStop(index))
        if message.stop_reason:
            yield from self._made_of(
                MessageDelta(MessageChanges(message.stop_reason, message.stop_sequence), message.usage)
            )

    def _decide(self, *, final: bool) -> Iterator[Event]:
        held = self._seam
        if not held:
            return
        text, self._seam_text = self._seam_text, ""
        repeated = self._continuation.repetition(text, final=final)
        if repeated is None:
            self._seam_text = text
            return
        # Nothing at all says nothing of what follows it in another block.
        self._seam = None if text else []
        self._attempt.overlap = text[:repeated]
        for event in held:
            rest = _text(event)[repeated:]
            repeated -= len(_text(event)) - len(rest)
            if rest or not _is_plain(event):
                yield _with(event, delta=_with(event.delta, text=rest))

    def _numbered(self, event: Any) -> Any:
        # An unknown event may have something else in this place.
        index: object = event.get("index") if isinstance(event, Unknown) else event.index
        return _with(event, index=index + self._offset) if isinstance(index, int) else event


def _with(part: Any, **changes: Any) -> Any:
    """
    The same with other fields, also where it is of no class.
    """
    return Unknown({**part, **changes}) if isinstance(part, Unknown) else replace(part, **changes)


def _is_plain(event: ContentBlockDelta) -> bool:
    """
    Whether it has nothing but text that is all left out.
    """
    return bool(_text(event)) and event.__class__ is ContentBlockDelta and event.delta.__class__ is TextDelta


def _text(event: Any) -> str:
    text: str = event.delta.text
    return text
