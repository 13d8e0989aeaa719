"""
The SDK's raw events, as far as operators have to know how they join and are cut: by their `type`, as everywhere.
"""

from __future__ import annotations

from typing import Any

from streamkit._claude.protocol.message import TEXT_FIELDS
from streamkit._claude.protocol.retriable import retry_advice

__all__ = ["can_wait", "merged", "retry_advice", "text_of", "with_text"]


def can_wait(item: Any) -> bool:
    if getattr(item, "type", None) != "content_block_delta" or not hasattr(item, "model_copy"):
        return False
    # Fields that are not known here cannot be joined.
    delta = item.delta
    return delta.type in TEXT_FIELDS and not delta.model_extra and not item.model_extra


def merged(held: Any, item: Any) -> Any:
    kind = held.delta.type
    if not can_wait(item) or item.index != held.index or item.delta.type != kind:
        return None
    field = TEXT_FIELDS[kind]
    return with_text(held, getattr(held.delta, field) + getattr(item.delta, field))


def text_of(item: Any) -> str | None:
    if not can_wait(item) or item.delta.type == "input_json_delta":
        return None
    # As in `ContentBlockDelta.__text__`.
    if isinstance(getattr(item.delta, "estimated_tokens", None), int):
        return None
    text: str = getattr(item.delta, TEXT_FIELDS[item.delta.type])
    return text


def with_text(item: Any, text: str) -> Any:
    delta = item.delta.model_copy(update={TEXT_FIELDS[item.delta.type]: text})
    return item.model_copy(update={"delta": delta})
