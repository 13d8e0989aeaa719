"""
What Claude is sent of what a tool has given, or has failed with.

Nothing that the API refuses comes out of here: not what `sendable_content` names, and no half of a surrogate pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from streamkit._claude.protocol.plain_params import as_plain
from streamkit._claude.protocol.sendable_content import are_blocks, only_said, sendable
from streamkit._core.foreign_objects import attribute_of
from streamkit._core.json_text import JSONText
from streamkit._surrogates import legal, plain_text

if TYPE_CHECKING:
    from anthropic.types.tool_result_block_param import Content

__all__ = ["content_of", "content_of_error"]


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
        return legal(plain_text(value))
    kind = type(value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(
            f"the tool {name!r} gave {kind.__name__}, which Claude cannot be sent: return their text, as data.decode() "
            "gives it, or an image or a document, which has them as base64"
        )
    if isinstance(value, list | tuple | Iterator):
        items = list(cast("Iterable[object]", value))
        if are_blocks(items):
            return sendable(map(as_plain, items))
        value = items
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
    from anthropic.lib.tools import ToolError

    if isinstance(error, ToolError):
        content = attribute_of(error, "content")
        blocks = cast("list[object]", content) if isinstance(content, list) else None
        if blocks is not None and (not blocks or are_blocks(blocks)):
            return only_said(sendable(map(as_plain, blocks)))
        return only_said(legal(content if isinstance(content, str) else _message(error)))
    told = f"{type(error).__name__}: {_message(error)}".removesuffix(": ")
    return legal(told + "".join(f"\n{each}" for each in _misfits(error)))


def _misfits(error: Exception) -> Iterator[str]:
    """
    Which arguments do not fit a tool, and why. The SDK says only that there are some; pydantic, which.
    """
    from pydantic import ValidationError

    cause = error.__cause__
    if isinstance(cause, ValidationError):
        for each in cause.errors():
            yield f"{'.'.join(map(str, each['loc']))}: {each['msg']}"


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # it is somebody else's class
        return "its message cannot be told"
