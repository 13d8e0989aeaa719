"""
What an event says: the content blocks in it, its piece of the message's text or thinking, and why the message stops.

Everything here goes by `type`, never by class: the SDK's own raw events are read like this library's. Where the type is left
out, it is the one that the fields tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.content_blocks import TextBlock
from streamkit._claude.protocol.deltas import TextDelta
from streamkit._claude.protocol.events import MessageStop
from streamkit._claude.protocol.reading import as_list, text_of_field
from streamkit._claude.protocol.told_types import type_of_block, type_of_delta

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_blocks", "blocks_in", "content_of", "stop_reason_told", "text_in", "thinking_in"]


def text_in(event: Any) -> str | None:
    """
    The piece of the message's text in an event; None if there is none.
    """
    if event.type == "content_block_delta":
        try:
            delta = event.delta
            if delta.__class__ is TextDelta:  # nearly all are, and then it has its text
                return delta.text
        except AttributeError:
            return None
        if type_of_delta(delta) != "text_delta":
            return None
        return text_of_field(delta, "text")
    return _begun(event, "text", "text")


def thinking_in(event: Any) -> str | None:
    """
    The piece of the model's thinking in an event; None if there is none.
    """
    if event.type == "content_block_delta":
        delta: object = getattr(event, "delta", None)
        if type_of_delta(delta) != "thinking_delta":
            return None
        return text_of_field(delta, "thinking")
    return _begun(event, "thinking", "thinking")


def blocks_in(event: Any) -> Sequence[Any]:
    """
    The content blocks in an event: the one that begins with it, or those of a message that a gateway sends whole.
    """
    kind = event.type
    if kind == "content_block_start":
        return (getattr(event, "content_block", None),)
    return content_of(getattr(event, "message", None)) if kind == "message_start" else ()


def content_of(message: object) -> list[Any]:
    """
    The content blocks in a message that a gateway sends whole; none in one that only begins.
    """
    return as_blocks(getattr(message, "content", None)) or []


def as_blocks(content: object) -> list[Any] | None:
    """
    The content of a message as blocks: text may stand there alone, as in a request. None if it is something else.
    """
    if isinstance(content, str):
        content = [content] if content else []
    blocks = as_list(content)
    return blocks and [TextBlock(each) if isinstance(each, str) else each for each in blocks]


def stop_reason_told(event: Any) -> str:
    """
    The stop reason in an event of the message itself; empty if it tells none. Where a message ends, a gateway may leave out the
    object around it.
    """
    if event.__class__ is MessageStop:  # nearly all are, and have no field
        return ""
    if event.type == "message_start":
        return text_of_field(getattr(event, "message", None), "stop_reason")
    delta: object = getattr(event, "delta", None)
    return text_of_field(delta, "stop_reason") or text_of_field(event, "stop_reason")


def _begun(event: Any, block_type: str, field: str) -> str | None:
    """
    The text that blocks of a type begin with. Nearly always it is empty, but a gateway may send all of it so.
    """
    blocks = blocks_in(event)
    return "".join(text_of_field(each, field) for each in blocks if type_of_block(each) == block_type) or None
