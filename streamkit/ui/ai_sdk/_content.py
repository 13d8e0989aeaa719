"""
The parts of a page's messages as content blocks of the API's; tools have a module of their own.
"""

from __future__ import annotations

from typing import Any, Final

from streamkit._claude.protocol.kinds import THINKING, TOOLS
from streamkit._claude.protocol.reading import as_list, as_object
from streamkit._serving.bad_request import BadRequest
from streamkit.ui.ai_sdk._files import file_block
from streamkit.ui.ai_sdk._provider_metadata import value_of

__all__ = ["Block", "answered_in", "asked_in"]

Block = dict[str, Any]


def asked_in(part: Block, place: str) -> list[Block]:
    """
    The blocks of a part of what a user has said.

    Args:
        part: The part.
        place: Where it stands, for an error.

    Raises:
        BadRequest: It does not stand there, or lacks what it is made of.
    """
    kind = part["type"]
    if kind == "text":
        return _text(part, place)
    if kind == "file":
        block = file_block(part, place)
        return [] if block is None else [block]
    if kind.startswith("data-"):
        return []
    raise BadRequest(f"{place}: a part of this type does not stand in a message of the user's")


def answered_in(part: Block, place: str) -> list[Block]:
    """
    The same for a part of an answer, other than a tool's.
    """
    match part["type"]:
        case "text":
            return _text(part, place)
        case "reasoning":
            return _thinking(part, place)
        case "custom" | "data-anthropic-block":
            return _other_block(part)
        case "source-url" | "source-document" | "file" | "reasoning-file":
            return []
        case str(kind) if kind.startswith("data-"):
            return []
        case _:
            raise BadRequest(f"{place}: a part of this type does not stand in a message of the assistant's")


def _text(part: Block, place: str) -> list[Block]:
    text = part.get("text")
    if not isinstance(text, str):
        raise BadRequest(f"{place}: a text part has no text")
    if value_of(part, "type") == "compaction":  # as the SDK's own provider has it
        signature = value_of(part, "signature")
        signed = {"signature": signature} if isinstance(signature, str) else {}
        return [{"type": "compaction", "content": text, **signed}] if text else []
    if not text.strip():
        return []
    citations = as_list(value_of(part, "citations"))
    return [{"type": "text", "text": text, **({"citations": citations} if citations else {})}]


def _thinking(part: Block, place: str) -> list[Block]:
    text = part.get("text")
    if not isinstance(text, str):
        raise BadRequest(f"{place}: a reasoning part has no text")
    if isinstance(data := value_of(part, "redactedData"), str) and data:
        return [{"type": "redacted_thinking", "data": data}]
    if isinstance(signature := value_of(part, "signature"), str) and signature:
        return [{"type": "thinking", "thinking": text, "signature": signature}]
    return []


def _other_block(part: Block) -> list[Block]:
    """
    A block that the protocol has no part for, as `chunks()` has sent it.
    """
    if part["type"] == "custom":
        metadata = as_object(part.get("providerMetadata")) or {}
        block = as_object(metadata.get("anthropic")) or {}
    else:
        block = as_object(part.get("data")) or {}
    kind = block.get("type")
    if not isinstance(kind, str) or kind in _SENT_OTHERWISE or kind.endswith("_result"):
        return []
    return (
        []
        if kind == "compaction" and not (block.get("content") or block.get("encrypted_content"))
        else [block]
    )


_SENT_OTHERWISE: Final = frozenset({"text", "image", "document", *THINKING, *TOOLS})
