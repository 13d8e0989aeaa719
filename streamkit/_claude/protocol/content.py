"""
What an event says: the content blocks in it, and its piece of the message's text or thinking.

Everything here goes by `type`, never by class: the SDK's own raw events are read like this library's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.deltas import TextDelta
from streamkit._claude.protocol.reading import list_in, text_of_field, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["blocks_in", "text_in", "thinking_in"]


def text_in(event: Any) -> str | None:
    """
    The piece of the message's text in an event; None if there is none.
    """
    if event.type == "content_block_delta":
        try:
            delta = event.delta
            if delta.__class__ is TextDelta:  # nearly all are, and then it has its text
                return delta.text
            if delta.type != "text_delta":
                return None
        except AttributeError:
            return None
        return text_of_field(delta, "text")
    return _begun(event, "text", "text")


def thinking_in(event: Any) -> str | None:
    """
    The piece of the model's thinking in an event; None if there is none.
    """
    if event.type == "content_block_delta":
        try:
            delta = event.delta
            if delta.type != "thinking_delta":
                return None
        except AttributeError:
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
    return list_in(getattr(event, "message", None), "content") if kind == "message_start" else ()


def _begun(event: Any, block_type: str, field: str) -> str | None:
    """
    The text that blocks of a type begin with. Nearly always it is empty, but a gateway may send all of it so.
    """
    blocks = blocks_in(event)
    return "".join(text_of_field(each, field) for each in blocks if type_of(each) == block_type) or None
