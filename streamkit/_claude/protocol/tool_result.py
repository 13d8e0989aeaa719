"""
The result of a tool that Anthropic or an MCP server has run, with the call that it answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from streamkit._claude.protocol.reading import plain
from streamkit._core.plain import PlainValue

if TYPE_CHECKING:
    from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall

__all__ = ["ServerToolResult"]


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
