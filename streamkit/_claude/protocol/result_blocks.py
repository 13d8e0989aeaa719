"""
The content blocks with the result of a tool that Anthropic or an MCP server runs. Each arrives whole in its
`content_block_start`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from streamkit._claude.protocol.codec import AnyValue, Unknown
from streamkit._claude.protocol.structs import TaggedObject

if TYPE_CHECKING:
    ListOrObject: TypeAlias = list[Unknown] | Unknown
else:  # msgspec has no union of a custom type and a list
    ListOrObject = AnyValue

__all__ = [
    "AdvisorToolResultBlock",
    "BashCodeExecutionToolResultBlock",
    "CodeExecutionToolResultBlock",
    "MCPToolResultBlock",
    "TextEditorCodeExecutionToolResultBlock",
    "ToolSearchToolResultBlock",
    "WebFetchToolResultBlock",
    "WebSearchToolResultBlock",
]


class WebSearchToolResultBlock(TaggedObject, frozen=True, tag="web_search_tool_result"):
    """
    What a web search has found, or why it has failed.
    """

    type: ClassVar[Literal["web_search_tool_result"]] = "web_search_tool_result"
    tool_use_id: str
    content: ListOrObject
    caller: Unknown | UnsetType | None = UNSET


class WebFetchToolResultBlock(TaggedObject, frozen=True, tag="web_fetch_tool_result"):
    """
    The page that was fetched, or why that has failed.
    """

    type: ClassVar[Literal["web_fetch_tool_result"]] = "web_fetch_tool_result"
    tool_use_id: str
    content: Unknown
    caller: Unknown | UnsetType | None = UNSET


class CodeExecutionToolResultBlock(TaggedObject, frozen=True, tag="code_execution_tool_result"):
    """
    What a program has written, or why it could not be run.
    """

    type: ClassVar[Literal["code_execution_tool_result"]] = "code_execution_tool_result"
    tool_use_id: str
    content: Unknown


class BashCodeExecutionToolResultBlock(TaggedObject, frozen=True, tag="bash_code_execution_tool_result"):
    """
    What a shell command has written, or why it could not be run.
    """

    type: ClassVar[Literal["bash_code_execution_tool_result"]] = "bash_code_execution_tool_result"
    tool_use_id: str
    content: Unknown


class TextEditorCodeExecutionToolResultBlock(
    TaggedObject, frozen=True, tag="text_editor_code_execution_tool_result"
):
    """
    What a file has in it, or how it was changed, or why that has failed.
    """

    type: ClassVar[Literal["text_editor_code_execution_tool_result"]] = (
        "text_editor_code_execution_tool_result"
    )
    tool_use_id: str
    content: Unknown


class ToolSearchToolResultBlock(TaggedObject, frozen=True, tag="tool_search_tool_result"):
    """
    The tools that were found, or why the search has failed.
    """

    type: ClassVar[Literal["tool_search_tool_result"]] = "tool_search_tool_result"
    tool_use_id: str
    content: Unknown


class AdvisorToolResultBlock(TaggedObject, frozen=True, tag="advisor_tool_result"):
    """
    What another model advises, or why it does not.
    """

    type: ClassVar[Literal["advisor_tool_result"]] = "advisor_tool_result"
    tool_use_id: str
    content: Unknown


class MCPToolResultBlock(TaggedObject, frozen=True, tag="mcp_tool_result"):
    """
    What a tool of an MCP server has given.
    """

    type: ClassVar[Literal["mcp_tool_result"]] = "mcp_tool_result"
    tool_use_id: str
    is_error: bool
    content: str | list[Unknown]
