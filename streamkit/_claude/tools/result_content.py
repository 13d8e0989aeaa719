"""
What Claude is sent of what a tool has given, or has failed with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from streamkit._claude.protocol.reading import type_of
from streamkit._core.json_text import JSONText

if TYPE_CHECKING:
    from anthropic.types.tool_result_block_param import Content

__all__ = ["content_of", "content_of_error"]

_BLOCKS: Final = frozenset({"text", "image", "document", "search_result", "tool_reference"})
"""The content blocks that a result may have."""


def content_of(value: object, name: str) -> str | list[Content]:
    """
    The content of a result: a text and content blocks as they are, other values as their JSON text.

    Args:
        value: What the tool has given.
        name: The tool's name.

    Raises:
        TypeError: JSON has no such value.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | Iterator):
        blocks = list(cast("Iterable[Any]", value))
        if blocks and all(_is_block(block) for block in blocks):
            return [cast("Content", block) for block in blocks]
        value = blocks
    json_text = JSONText(name, error=str)
    try:
        return json_text.encode(value).decode()
    except TypeError:
        raise TypeError(
            f"the tool {name!r} gave {type(value).__name__}, which JSON cannot hold: return a text, content blocks, or plain "
            "values"
        ) from None


def content_of_error(error: Exception) -> str | list[Content]:
    """
    The content of the result of a tool that has failed: what the exception says, and where the input does not fit, why.
    """
    content: object = getattr(error, "content", None)  # of the SDK's ToolError
    if isinstance(content, str) and type(error).__name__ == "ToolError":
        return content
    if isinstance(content, list) and all(_is_block(block) for block in cast("list[object]", content)):
        return cast("list[Content]", content)
    told = f"{type(error).__name__}: {_message(error)}".removesuffix(": ")
    # The SDK says only that some argument does not fit; pydantic, which which one and why.
    details = getattr(error.__cause__, "errors", None)
    if not callable(details):
        return told
    each = cast("Iterable[Mapping[str, Any]]", details())
    return told + "".join(f"\n{'.'.join(map(str, at['loc']))}: {at['msg']}" for at in each)


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # it is somebody else's class
        return "its message cannot be told"


def _is_block(value: object) -> bool:
    kind = cast("Mapping[str, object]", value).get("type") if isinstance(value, Mapping) else type_of(value)
    return kind in _BLOCKS
