"""
The parts of a message's content, between AG-UI and Claude.

A part that Claude cannot take is left out, as the protocol wants it: a run does not fail because of it.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final, cast

from streamkit._surrogates import legal
from streamkit.ui.ag_ui._wire import PROVIDER

__all__ = ["block_of", "content_of_result", "part_of"]

_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF: Final = "application/pdf"

_Json = dict[str, Any]


# -- to Claude ----------------------------------------------------------------------------------------------


def block_of(part: _Json) -> _Json | None:
    """
    The content block for a part; None where Claude cannot take it.
    """
    kind = part.get("type")
    if kind == "text":
        text = part.get("text")
        return {"type": "text", "text": text} if isinstance(text, str) and text.strip() else None
    if kind == "binary":
        part = _as_media(part)
        kind = part["type"]
    source = part.get("source")
    if not (kind == "image" or kind == "document") or not isinstance(source, dict):
        return None
    given = _source(kind, cast("_Json", source))
    return None if given is None else {"type": kind, "source": given}


def _as_media(part: _Json) -> _Json:
    """
    A part of version 0 of the protocol, as version 1 has it.
    """
    mime_type = part.get("mimeType")
    kind = "image" if isinstance(mime_type, str) and mime_type.startswith("image/") else "document"
    for name, source in (("data", "data"), ("url", "url"), ("id", "file")):
        if part.get(name):
            return {"type": kind, "source": {"type": source, "value": part[name], "mimeType": mime_type}}
    return {"type": kind}


def _source(kind: str, source: _Json) -> _Json | None:
    value, provider = source.get("value"), source.get("provider")
    given: object = source.get("mimeType")
    mime_type = given if isinstance(given, str) else ""
    if not isinstance(value, str) or not value:
        return None
    match source.get("type"):
        case "url" if value[:8].lower().startswith(("https://", "http://")):
            return {"type": "url", "url": value}
        case "file" if provider is None or provider == PROVIDER:
            return {"type": "file", "file_id": value}
        case "data" if mime_type in _IMAGES if kind == "image" else mime_type == _PDF:
            is_whole = _decoded(value) is not None
            return {"type": "base64", "media_type": mime_type, "data": value} if is_whole else None
        case "data" if kind == "document" and mime_type.startswith("text/"):
            text = _text(_decoded(value))
            return None if text is None else {"type": "text", "media_type": "text/plain", "data": text}
        case _:
            return None


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:  # also where it is not ASCII
        return None


def _text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


# -- from Claude --------------------------------------------------------------------------------------------


def content_of_result(content: object) -> str | list[_Json]:
    """
    What a tool has given, as a tool message has it: a text, or parts where there is more than one text in it.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    blocks = cast("list[Any]", content) if isinstance(content, list | tuple) else [content]
    parts = [part_of(block) for block in blocks]
    if len(parts) <= 1 and all(part["type"] == "text" for part in parts):
        return parts[0]["text"] if parts else ""
    return parts


def part_of(block: Any) -> _Json:
    """
    The part for a content block of a tool's result. What the protocol has no part for is JSON in a text.
    """
    match block:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {
            "type": "image" | "document" as kind,
            "source": {"type": "base64", "data": str(data), "media_type": str(mime_type)},
        }:
            return {"type": kind, "source": {"type": "data", "value": data, "mimeType": mime_type}}
        case {"type": "image" | "document" as kind, "source": {"type": "url", "url": url}}:
            return {"type": kind, "source": {"type": "url", "value": url}}
        case {"type": "image" | "document" as kind, "source": {"type": "file", "file_id": file_id}}:
            return {"type": kind, "source": {"type": "file", "value": file_id, "provider": PROVIDER}}
        case {"type": "document", "source": {"type": "text", "data": str(text)}}:
            value = base64.b64encode(legal(text).encode()).decode()
            return {
                "type": "document",
                "source": {"type": "data", "value": value, "mimeType": "text/plain"},
            }
        case _:
            return {"type": "text", "text": json.dumps(block, ensure_ascii=False, default=str)}
