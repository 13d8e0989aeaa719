"""
The message that a stream's events add up to, at any time.

Usage counts are totals: what is not null replaces what was. What this version does not know is kept where it belongs: events
and the unknown fields of known ones in the message's `unknown_events`, the unknown fields of `message_delta` and of its `delta`
in the message itself, and those of deltas in their block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from streamkit._claude.protocol.block import Block, unknown_fields
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.events import CLASSES, ContentBlockDelta, to_dict
from streamkit._claude.protocol.kinds import start_of
from streamkit._claude.protocol.pieces import PIECES_BY_CLASS
from streamkit._claude.protocol.usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.usage import Usage

__all__ = ["MessageBuilder"]

_APPENDED: dict[type, tuple[str, str]] = {
    cls: (piece.field, piece.into) for cls, piece in PIECES_BY_CLASS.items()
}
"""For each delta that only adds text: the field that has the text, and the field of the block that it belongs to."""


class MessageBuilder:
    """
    Accumulates the events of one message: this library's, or the SDK's raw ones.

    Attributes:
        started: Whether it has seen `message_start`.
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
        self._unknown: list[dict[str, Any]] = []

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
        by_index, appended = self._by_index, _APPENDED
        for event in events:
            if event.__class__ is ContentBlockDelta and (block := by_index.get(event.index)) is not None:
                delta = event.delta
                try:
                    field, into = appended[delta.__class__]
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
        match event.type:
            case "content_block_delta":
                self._add_delta(event)
            case "message_delta":
                self._change(to_dict(event))
            case "content_block_start":
                self._begin_block(event.index, to_dict(event.content_block))
                self._keep_unknown(event)
            case "message_start":
                self._start(event)
                self._keep_unknown(event)
            case kind:
                if kind == "content_block_stop" and event.index in self._by_index:
                    self._by_index[event.index].closed = True
                self.ended = self.ended or kind == "message_stop"
                self._keep_unknown(event)

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
        self._message = to_dict(event.message)
        self._usage = self._message.pop("usage", None) or {}
        for index, block in enumerate(self._message.get("content") or []):
            self._begin_block(index, block).closed = True

    def _begin_block(self, index: int, fields: dict[str, Any]) -> Block:
        block = self._by_index[index] = Block(index, fields)
        block.continues = self.continued
        self._blocks.append(block)
        # A fallback names the model that goes on, as the message does when it is not streamed.
        if block.type == "fallback" and isinstance(to := fields.get("to"), dict) and "model" in to:
            self._message["model"] = to["model"]
        return block

    def _add_delta(self, event: Any) -> None:
        block = self._by_index.get(event.index)
        if block is None:
            start = start_of(event.delta.type)
            if start is None:
                self._unknown.append(to_dict(event))
                return
            block = self._begin_block(event.index, start)
        block.add(event.delta)
        self._keep_unknown(event)

    def _change(self, event: dict[str, Any]) -> None:
        self.changed = True
        _update(self._usage, event.pop("usage", None) or {})
        _update(self._message, event.pop("delta", None) or {})
        # The SDK's helper leaves it so, and the API's whole messages have it.
        self._message.setdefault("stop_details", None)
        del event["type"]
        _update(self._message, event)

    def _keep_unknown(self, event: Any) -> None:
        known = CLASSES.get(event.type)
        if known is None:
            self._unknown.append(to_dict(event))
        elif extra := unknown_fields(event, known):
            index = {"index": event.index} if "index" in known.__struct_fields__ else {}
            self._unknown.append({"type": event.type, **index, **extra})


def _update(target: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if value is not None or name not in target:
            target[name] = value
