"""
What Claude is sent of that which a tool of an MCP server has given.

The Messages API takes texts, four kinds of images, and PDF. What it does not take is named in a text, with its size, so that
Claude knows what it was not shown.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

from streamkit._core.json_text import JSONText

if TYPE_CHECKING:
    from anthropic.types.tool_result_block_param import Content
    from mcp.types import BlobResourceContents, CallToolResult, ContentBlock, TextResourceContents

__all__ = ["mcp_content"]

_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def mcp_content(result: CallToolResult) -> str | list[Content]:
    """
    The content of a result: its only text as it is, or else its blocks. Where it has no text, its structured content is one.
    """
    blocks = [block for each in result.content if (block := _block(each)) is not None]
    has_text = any(each.type == "text" and each.text for each in result.content)
    if result.structured_content is not None and not has_text:
        blocks.append(_text(JSONText("mcp", error=str).encode(result.structured_content).decode()))
    match blocks:
        case []:
            return ""
        case [{"type": "text", "text": str() as only}]:
            return only
        case _:
            return blocks


def _block(block: ContentBlock) -> Content | None:
    match block.type:
        case "text":
            return _text(block.text) if block.text else None  # the API refuses an empty one
        case "image":
            return _data(block.data, block.mime_type, "an image")
        case "audio":
            return _left_out("a sound", block.mime_type, block.data)
        case "resource":
            return _resource(block.resource)
        case "resource_link":
            link = {"uri", "name", "title", "description", "mime_type", "size"}
            return _text(
                f"Link to a resource: {block.model_dump_json(include=link, by_alias=True, exclude_none=True)}"
            )


def _resource(resource: TextResourceContents | BlobResourceContents) -> Content:
    # A text and not a document, because a request that has cited documents takes no others.
    named = f"Resource {resource.uri}"
    text = getattr(resource, "text", None)
    if isinstance(text, str):
        return _text(f"{named}:\n{text}")
    blob: str = getattr(resource, "blob", "")
    kind = _plain(resource.mime_type)
    if kind.startswith("text/"):
        try:
            return _text(f"{named}:\n{b64decode(blob).decode()}")
        except ValueError:
            return _left_out(named, kind, blob)
    return _data(blob, kind, named)


def _data(data: str, mime_type: str | None, what: str) -> Content:
    kind: Any = _plain(mime_type)
    if kind in _IMAGES:
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}
    if kind == "application/pdf":
        return {"type": "document", "source": {"type": "base64", "media_type": kind, "data": data}}
    return _left_out(what, kind, data)


def _left_out(what: str, mime_type: str | None, data: str) -> Content:
    size = len(data.rstrip("=")) * 3 // 4
    return _text(
        f"[{what} of type {_plain(mime_type) or 'unknown'} and {size} bytes, which cannot be shown to you]"
    )


def _text(text: str) -> Content:
    return {"type": "text", "text": text}


def _plain(mime_type: str | None) -> str:
    """
    A media type without its parameters.
    """
    return (mime_type or "").partition(";")[0].strip().lower()
