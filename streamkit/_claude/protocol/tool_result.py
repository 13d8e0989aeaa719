"""
The results of tools: of those that an application has run, and of those that Anthropic or an MCP server has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import Struct

from streamkit._claude.protocol.reading import plain
from streamkit._claude.protocol.structs import PlainStruct
from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall, result_block
from streamkit._core.plain import PlainValue

if TYPE_CHECKING:
    from anthropic.types import ToolResultBlockParam
    from anthropic.types.tool_result_block_param import Content
else:
    Content = Any  # for whoever evaluates the annotations, because the SDK is not imported for them

__all__ = ["ServerToolResult", "ToolResult"]


class ToolResult(PlainStruct, frozen=True, tag_field="type", tag="tool_result"):
    """
    What one of the application's own tools has given, as `tool_loop()` hands it on between Claude's events. This item is not an
    event of the wire.

    Attributes:
        id: The id of the call that it answers.
        name: The tool's name.
        content: What Claude is sent: a text, or content blocks.
        is_error: Whether the tool has not done what it was called for; then `content` says why.
        seconds: How long the tool has run; 0.0 where it has not.
    """

    type: ClassVar[Literal["tool_result"]] = "tool_result"
    __aside__: ClassVar[bool] = True
    id: str
    name: str
    content: str | list[Content]
    is_error: bool = False
    seconds: float = 0.0

    @property
    def tool_use_id(self) -> str:
        """
        `id`, by the name that it has in a `tool_result` block.
        """
        return self.id

    @property
    def block(self) -> ToolResultBlockParam:
        """
        The `tool_result` block for the next user message.
        """
        return result_block(self.id, self.content, self.is_error)


class ServerToolResult(PlainValue, Struct, frozen=True):
    """
    What a tool has given that Anthropic or an MCP server has run, such as a web search.

    Attributes:
        call: The call that it answers. None where that is not in this stream, but in a message of an earlier request.
        block: The content block of the result, as it came: a `web_search_tool_result`, `mcp_tool_result`, …
        index: The index of that block.
    """

    call: ToolCall | BrokenToolCall | None
    block: Any
    index: int

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects.
        """
        call = None if self.call is None else self.call.to_dict()
        return {"call": call, "block": plain(self.block), "index": self.index}

    @property
    def content(self) -> Any:
        """
        What the tool has given: `block.content`. Its form depends on the tool; of one that has failed it says why.
        """
        return getattr(self.block, "content", None)

    @property
    def is_error(self) -> bool:
        """
        Whether the tool could not do its work. A program that ran and ended with an error of its own has done it.
        """
        kind = getattr(self.content, "type", None)
        return getattr(self.block, "is_error", None) is True or (
            isinstance(kind, str) and kind.endswith("_error")
        )

    @property
    def error_code(self) -> str | None:
        """
        Why it could not, such as `"max_uses_exceeded"`; None where the API gives no code.
        """
        code = getattr(self.content, "error_code", None)
        return code if isinstance(code, str) else None
