"""
The message that a stream's events add up to, at any time.

Usage counts are totals: what is neither null nor zero replaces what was. What this version does not know is kept where it
belongs: events and the unknown fields of known ones in the message's `unknown_events`, the unknown fields of `message_delta` and
of its `delta` in the message itself, and those of deltas in their block. Nothing that comes is an error here but another message:
what does not fit is kept like what is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._claude.protocol.block import Block, unknown_fields
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.events import CLASSES, ContentBlockDelta, to_dict
from streamkit._claude.protocol.kinds import DELTAS, EVENTS, FILLED_BY_DELTAS, arrives_whole, start_of
from streamkit._claude.protocol.reading import Places, as_list, as_object, plain, type_of
from streamkit._claude.protocol.usage import updated, usage_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.usage import Usage

__all__ = ["MessageBuilder"]

_UNTOLD = {"id": "", "type": "message", "role": "assistant", "model": ""}
"""What a message has that never told how it starts."""

_BUILT = frozenset({"content", "usage", "unknown_events"})
"""The fields of a message that are put together here, so that no event can set them."""


class MessageBuilder:
    """
    Accumulates the events of one message: this library's, or the SDK's raw ones.

    Attributes:
        started: Whether it has begun, with `message_start` or without.
        changed: Whether it has seen `message_delta`, after which no content comes.
        ended: Whether it has seen `message_stop`.
        continued: Whether what comes is from a request that continues the message.
    """

    def __init__(self) -> None:
        self.started: bool = False
        self.changed: bool = False
        self.ended: bool = False
        self.continued: bool = False
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: list[Block] = []
        self._by_index: dict[int, Block] = {}
        self._places = Places()
        self._unknown: list[Any] = []

    @property
    def blocks(self) -> list[Block]:
        """
        The content blocks so far, by index.
        """
        return sorted(self._blocks, key=lambda block: block.index)

    @property
    def usage(self) -> Usage:
        """
        The usage so far.
        """
        return usage_of(self._usage)

    @property
    def stop_reason(self) -> str | None:
        """
        Why the message ended, once it is known.
        """
        return cast("str | None", self._message.get("stop_reason"))

    @property
    def model(self) -> str | None:
        """
        The model that has answered; where one took over from another, the last one. None if nobody has told.
        """
        for each in reversed(as_list(self._usage.get("iterations")) or []):
            match each:
                case {"type": "message" | "fallback_message", "model": str(model)} if model:
                    return model
                case _:
                    pass
        own = self._message.get("model")
        return own if isinstance(own, str) and own else None

    def charge(self, usage: Usage) -> None:
        """
        Say what the message has cost so far, where its events do not tell all of it.
        """
        self._usage = to_dict(usage)

    def take(self, events: Iterator[Any]) -> Any | None:
        """
        Take events, in order, up to one that begins another message, which is returned.
        """
        # Nearly all events are pieces of text, so these are added here, without a call for each.
        by_index = self._by_index
        for event in events:
            if event.__class__ is ContentBlockDelta and (block := by_index.get(event.index)) is not None:
                delta = event.delta
                try:
                    field, into = block.pieces[delta.__class__]
                except KeyError:
                    pass
                else:
                    block.texts[into].write(getattr(delta, field))
                    continue
            elif self.started and event.type == "message_start":
                return event
            self.add(event)
        return None

    def add(self, event: Any) -> None:
        """
        Take one event.

        Raises:
            StreamSpliced: Another message begins.
        """
        if event.__class__ is ContentBlockDelta and (block := self._by_index.get(event.index)) is not None:
            delta = event.delta
            if (piece := block.pieces.get(delta.__class__)) is not None:
                block.texts[piece[1]].write(getattr(delta, piece[0]))
                return
        kind = event.type
        if not self.started and kind != "message_start":
            self._start_untold(kind)
        match kind:
            case "content_block_delta":
                self._add_delta(event)
            case "message_delta":
                self._change(to_dict(event))
            case "content_block_start":
                block = plain(getattr(event, "content_block", None))
                self._begin_block(self._places.begin(event), block)
                self._keep_unknown(event)
            case "message_start":
                self._start(event)
                self._keep_unknown(event)
            case kind:
                if kind == "content_block_stop" and (block := self.block_of(event)) is not None:
                    block.closed = True
                self.ended = self.ended or kind == "message_stop"
                self._keep_unknown(event)

    def block_of(self, event: Any) -> Block | None:
        """
        The block that an event speaks of, or None.
        """
        index = self._places.of(event)
        return None if index is None else self._by_index.get(index)

    def to_dict(self) -> dict[str, Any]:
        """
        The message so far, as it is when it is not streamed.
        """
        message = cast("dict[str, Any]", msgspec.to_builtins(self._message))
        message["content"] = [block.to_dict() for block in self.blocks]
        if self._usage:
            message["usage"] = msgspec.to_builtins(self._usage)
        if self._unknown:
            message["unknown_events"] = list(self._unknown)
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
        self._charge(message, "message_start")
        content = message.pop("content", None)
        self._update(message, "message_start")
        blocks = as_list(content)
        if blocks is None:
            self._keep_odd("message_start", "content", content)
        for block in blocks or ():
            self._begin_block(self._places.take(len(self._blocks)), block).closed = True

    def _start_untold(self, kind: str) -> None:
        if kind == "message_delta" or (kind in EVENTS and EVENTS[kind].is_content):
            self.started = True
            self._message = {**_UNTOLD, "stop_reason": None, "stop_sequence": None}

    def _charge(self, carrier: dict[str, Any], kind: str) -> None:
        given = carrier.pop("usage", None)
        if (usage := as_object(given)) is not None:
            self._usage = updated(self._usage, usage)
        else:
            self._keep_odd(kind, "usage", given)

    def _begin_block(self, index: int, given: Any) -> Block:
        fields = as_object(given)
        if fields is None:
            self._keep_odd("content_block_start", "content_block", given)
        block = self._by_index[index] = Block(index, fields or {})
        block.continues = self.continued
        self._blocks.append(block)
        # A fallback names the model that goes on, as the message does when it is not streamed.
        if block.type == "fallback" and fields is not None:
            to = as_object(fields.get("to")) or {}
            if isinstance(model := to.get("model"), str):
                self._message["model"] = model
        return block

    def _add_delta(self, event: Any) -> None:
        delta: Any = getattr(event, "delta", None)
        kind = type_of(delta)
        index = self._places.of(event)
        block = None if index is None else self._by_index.get(index)
        if block is None and (start := start_of(kind)) is not None:
            block = self._begin_block(self._places.begin(event), start)
        elif block is not None and not _fits(kind, block):
            block = self._other_block(kind)
        if block is None or delta is None:
            self._unknown.append(plain(event))
            return
        block.add(delta)
        self._keep_unknown(event)

    def _other_block(self, kind: str) -> Block | None:
        """
        The block for a delta that has the index of a block of another kind: the last one of its own kind, if it is open. Text
        can be added to one that is closed, too.
        """
        fits = DELTAS[kind].fits
        last = next((block for block in reversed(self._blocks) if block.type in fits), None)
        return None if last is None or (last.closed and last.type != "text") else last

    def _change(self, event: dict[str, Any]) -> None:
        self.changed = True
        self._charge(event, "message_delta")
        given = event.pop("delta", None)
        del event["type"]
        if (delta := as_object(given)) is not None:
            self._update(delta, "message_delta")
        else:
            self._keep_odd("message_delta", "delta", given)
        # The SDK's helper leaves it so, and the API's whole messages have it.
        self._message.setdefault("stop_details", None)
        self._update(event, "message_delta")

    def _update(self, changes: dict[str, Any], kind: str) -> None:
        for name, value in changes.items():
            if name in _BUILT or (name == "stop_reason" and not isinstance(value, str | None)):
                self._keep_odd(kind, name, value)
            elif value is not None or name not in self._message:
                self._message[name] = value

    def _keep_odd(self, kind: str, name: str, value: Any) -> None:
        if value is not None:
            self._unknown.append({"type": kind, name: value})

    def _keep_unknown(self, event: Any) -> None:
        known = CLASSES.get(event.type)
        if known is None:
            self._unknown.append(to_dict(event))
        elif extra := unknown_fields(event, known):
            index = {"index": self._places.of(event)} if "index" in known.__struct_fields__ else {}
            self._unknown.append({"type": event.type, **index, **extra})


def _fits(kind: str, block: Block) -> bool:
    """
    Whether a delta may stand in a block. It is known only of a known delta, and of a block whose type says how it is filled.
    """
    if kind not in DELTAS or block.type in DELTAS[kind].fits:
        return True
    return block.type not in FILLED_BY_DELTAS and not arrives_whole(block.type)
