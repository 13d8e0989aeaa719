"""
The message that a stream's events add up to, at any time.

What this version does not know is kept where it
belongs: events and the unknown fields of known ones in the message's `unknown_events`, the unknown fields of `message_delta` and
of its `delta` in the message itself, and those of deltas in their block. Nothing that comes is an error here but another message:
what does not fit is kept like what is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._claude.protocol.block import unknown_fields
from streamkit._claude.protocol.block_table import BlockTable
from streamkit._claude.protocol.content import as_blocks, stop_reason_told
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.events import CLASSES, ContentBlockDelta, to_dict
from streamkit._claude.protocol.kinds import EVENTS
from streamkit._claude.protocol.message_head import MessageHead
from streamkit._claude.protocol.reading import as_object, index_of, plain
from streamkit._claude.protocol.stop_reasons import stop_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.block import Block

__all__ = ["MessageBuilder"]

_UNTOLD = {"id": "", "type": "message", "role": "assistant", "model": ""}
"""What a message has that never told how it starts."""

_KNOWN = frozenset(CLASSES.values())
"""The classes of events without anything that this version does not know."""


class MessageBuilder(MessageHead):
    """
    Accumulates the events of one message: this library's, or the SDK's raw ones.

    Attributes:
        started: Whether it has begun, with `message_start` or without.
        changed: Whether it has seen `message_delta`, after which no content comes.
        ended: Whether it has seen `message_stop`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.started: bool = False
        self.changed: bool = False
        self.ended: bool = False
        self._table = BlockTable()
        self._unknown: list[Any] = []

    def note_continuation(self) -> None:
        """
        Note that what comes from now on is from another request, which continues the message.
        """
        self._table.continued = True

    @property
    def blocks(self) -> list[Block]:
        """
        The content blocks so far, by index.

        White space that was sent for a block of another kind is not among them, because it would be a block that the API refuses,
        nor is a call that was said again.
        """
        kept = [
            block for block in self._table.blocks if not (block.repeats or (block.stray and block.is_blank))
        ]
        return sorted(kept, key=lambda block: block.index)

    @property
    def odd_calls(self) -> int:
        """
        How many calls have come under an id that another one has, or under none.
        """
        return self._table.odd_calls

    def take(self, events: Iterator[Any]) -> Any | None:
        """
        Take events, in order, up to one that begins another message, which is returned.
        """
        # Nearly all events are pieces of the same text as the one before them, so these are added here, without a call for each.
        by_index = self._table.by_index
        index, kind, field = -1, None, ""
        write: Any = None
        for event in events:
            if event.__class__ is ContentBlockDelta:
                delta = event.delta
                if delta.__class__ is kind and event.index == index:
                    write(getattr(delta, field))
                    continue
                block = by_index.get(event.index)
                if block is not None and (piece := block.pieces.get(delta.__class__)) is not None:
                    index, kind, field = event.index, delta.__class__, piece[0]
                    write = block.texts[piece[1]].writer()
                    write(getattr(delta, field))
                    continue
            elif self.started and event.type == "message_start":
                return event
            kind = None
            self.add(event)
        return None

    def add(self, event: Any) -> None:
        """
        Take one event.

        Raises:
            StreamSpliced: Another message begins.
        """
        if (
            event.__class__ is ContentBlockDelta
            and (block := self._table.by_index.get(event.index)) is not None
        ):
            delta = event.delta
            if (piece := block.pieces.get(delta.__class__)) is not None:
                block.texts[piece[1]].write(getattr(delta, piece[0]))
                return
        kind = event.type
        if not self.started and kind != "message_start":
            self._start_untold(kind)
        match kind:
            case "content_block_delta":
                if not self._add_delta(event):
                    return
            case "content_block_stop":
                self._table.close(event)
            case "content_block_start":
                given = plain(getattr(event, "content_block", None))
                self._take_fields(given, self._table.begin(event, as_object(given) or {})[0])
            case "message_start":
                self._start(event)
            case "message_delta":
                self._change(to_dict(event))
                self._stop(event)
                return
            case "message_stop":
                self.ended = True
                self._stop(event)
                self._table.end()
            case _:
                pass
        if event.__class__ not in _KNOWN:
            self._keep_unknown(event)

    def restore(self, unknown: Iterable[Any]) -> None:
        """
        Keep what earlier events have told and no block has, as `unknown_events` of the message that they made.
        """
        self._unknown += unknown

    def to_dict(self) -> dict[str, Any]:
        """
        The message so far, as it is when it is not streamed.
        """
        message = cast("dict[str, Any]", msgspec.to_builtins(self._message))
        message["content"] = [block.to_dict() for block in self.blocks]
        if self._usage:
            message["usage"] = msgspec.to_builtins(self._usage)
        if unknown := [*self._unknown, *self._blank_strays()]:
            message["unknown_events"] = unknown
        return message

    def build(self, beta: bool | None = None) -> Message | BetaMessage:
        """
        The message so far, as the SDK's type; what the SDK does not know survives in it.

        Args:
            beta: Whether it is a `BetaMessage`; by default where something in it is known to that type only.
        """
        from streamkit._claude.protocol.sdk_message import sdk_message

        return sdk_message(self.to_dict(), beta=beta)

    def _start(self, event: Any) -> None:
        if self.started:
            raise StreamSpliced
        self.started = True
        given = plain(getattr(event, "message", None))
        message = as_object(given)
        if message is None:
            self._keep_odd("message_start", "message", given)
            self._message = {**_UNTOLD, "stop_reason": None, "stop_sequence": None}
            return
        if isinstance(own_id := message.get("id"), str):
            self._table.message_id = own_id
        self._charge(message, "message_start")
        content = message.pop("content", None)
        self._update(message, "message_start")
        blocks = as_blocks(content)
        if blocks is None:
            self._keep_odd("message_start", "content", content)
        for index, block in enumerate(map(plain, blocks or ())):
            self._take_fields(block, self._table.take_whole(index, as_object(block) or {})[0])
        self._stop(event)

    def _start_untold(self, kind: str) -> None:
        if kind == "message_delta" or (kind in EVENTS and EVENTS[kind].is_content):
            self.started = True
            self._message = {**_UNTOLD, "stop_reason": None, "stop_sequence": None}

    def _take_fields(self, given: Any, block: Block) -> None:
        fields = as_object(given)
        if fields is None:
            self._keep_odd("content_block_start", "content_block", given)
        elif block.type == "fallback":
            self.hand_over(fields)

    def _add_delta(self, event: Any) -> bool:
        """
        Add a delta to its block.

        Returns:
            Whether it has one. Otherwise the whole event is kept.
        """
        block = self._table.find(event)
        if block is None:
            self._unknown.append(plain(event))
            self._table.lose(event)
            return False
        block.add(event.delta)
        return True

    def _blank_strays(self) -> list[dict[str, Any]]:
        return [
            {
                "type": "content_block_delta",
                "index": block.index,
                "delta": {"type": "text_delta", "text": block.to_dict()["text"]},
            }
            for block in self._table.blocks
            if block.stray and block.is_blank
        ]

    def _change(self, event: dict[str, Any]) -> None:
        self.changed = True
        super()._change(event)
        # The SDK's helper leaves it so, and the API's whole messages have it.
        self._message.setdefault("stop_details", None)

    def _stop(self, event: Any) -> None:
        """
        Take the stop reason that an event tells, if it does: all blocks end with it.
        """
        super()._stop(event)
        if reason := stop_reason_told(event):
            self._table.end(cut=stop_reason(reason).cuts)

    def _keep_odd(self, kind: str, name: str, value: Any) -> None:
        if value is not None:
            self._unknown.append({"type": kind, name: value})

    def _keep_unknown(self, event: Any) -> None:
        known = CLASSES.get(event.type)
        if known is None:
            self._unknown.append(to_dict(event))
        elif extra := unknown_fields(event, known):
            index = {"index": index_of(event)} if "index" in known.__struct_fields__ else {}
            self._unknown.append({"type": event.type, **index, **extra})
