"""
The two types of tool call: a complete one, which can be executed, and a broken one, which cannot be mistaken for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from streamkit._claude.protocol.sendable_content import only_said, sendable
from streamkit._claude.protocol.structs import PlainStruct

if TYPE_CHECKING:
    from anthropic.types import ToolResultBlockParam
    from anthropic.types.tool_result_block_param import Content

__all__ = ["BrokenToolCall", "Flaw", "ToolCall", "result_block"]

Flaw: TypeAlias = Literal["truncated", "invalid", "not_object", "extra_data", "no_name"]
"""Why a tool cannot be called."""


class ToolCall(PlainStruct, frozen=True):
    """
    A tool call that is complete: it can be executed.

    Attributes:
        id: Its id, which the result must name.
        name: The tool's name.
        input: The arguments. Where a name stands twice in the JSON, the last one counts, as in the SDK.
        index: The index of its content block.
    """

    id: str
    name: str
    input: dict[str, Any]
    index: int

    def result(self, content: str | Iterable[Content], is_error: bool = False) -> ToolResultBlockParam:
        """
        The `tool_result` block that answers this call, for the next user message.

        The API would refuse a text block with nothing in it, and of a tool that has failed anything but texts, or nothing at all.
        So the first is left out, and a text stands for the others.

        Args:
            content: A text, or content blocks.
            is_error: Whether the tool has failed, and `content` says why.

        Raises:
            TypeError: `content` is neither.
        """
        return result_block(self.id, content, is_error)


def result_block(
    call_id: str, content: str | Iterable[Content], is_error: bool = False
) -> ToolResultBlockParam:
    """
    The `tool_result` block that answers a call.

    Args:
        call_id: The id of the call.
        content: A text, or content blocks.
        is_error: Whether the tool has failed, and `content` says why.

    Raises:
        TypeError: `content` is neither.
    """
    said = content if isinstance(content, str) else sendable(_blocks(content))
    if is_error:
        return {"type": "tool_result", "tool_use_id": call_id, "content": only_said(said), "is_error": True}
    return {"type": "tool_result", "tool_use_id": call_id, "content": said}


def _blocks(content: object) -> list[Content]:
    kind = type(content).__name__
    if isinstance(content, (bytes, Mapping)) or not isinstance(content, Iterable):
        raise TypeError(
            f"a tool's result is a string or a list of content blocks, not {kind}: "
            "write json.dumps(value) or str(value)"
        )
    return list(cast("Iterable[Content]", content))


class BrokenToolCall(PlainStruct, frozen=True):
    """
    A tool call that cannot be executed, because its input is not a whole JSON object, or because it names no tool.

    Attributes:
        id: Its id.
        name: The tool's name; empty where none has come.
        raw: The text of its input, as far as it came.
        reason: `"truncated"`: the text ends too early; `"invalid"`: it is not JSON; `"not_object"`: it is
            JSON, but not an object; `"extra_data"`: something follows the value; `"no_name"`: the input is whole, and nothing
            says which tool it is for.
        index: The index of its content block.
    """

    id: str
    name: str
    raw: str
    reason: Flaw
    index: int
