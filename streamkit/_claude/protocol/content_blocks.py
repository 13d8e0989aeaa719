"""
The content blocks, as they begin in `content_block_start`.

Which deltas fill each of them, and what else follows from its type, is its row in `kinds.BLOCKS`. The results of tools are in
`result_blocks.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from msgspec import UNSET, UnsetType, field

from streamkit._claude.protocol.codec import Unknown  # noqa: TC001 -- msgspec evaluates the annotations
from streamkit._claude.protocol.structs import TaggedObject

__all__ = [
    "CompactionBlock",
    "ContainerUploadBlock",
    "FallbackBlock",
    "MCPToolListingBlock",
    "MCPToolUseBlock",
    "RedactedThinkingBlock",
    "ServerToolUseBlock",
    "TextBlock",
    "ThinkingBlock",
    "ToolUseBlock",
]


class TextBlock(TaggedObject, frozen=True, tag="text"):
    """
    A content block of text.
    """

    type: ClassVar[Literal["text"]] = "text"
    text: str
    citations: list[Unknown] | UnsetType | None = UNSET


class ThinkingBlock(TaggedObject, frozen=True, tag="thinking"):
    """
    A content block of the model's thinking.
    """

    type: ClassVar[Literal["thinking"]] = "thinking"
    thinking: str
    signature: str | UnsetType = UNSET


class RedactedThinkingBlock(TaggedObject, frozen=True, tag="redacted_thinking"):
    """
    A thinking block whose text is withheld.
    """

    type: ClassVar[Literal["redacted_thinking"]] = "redacted_thinking"
    data: str


class ToolUseBlock(TaggedObject, frozen=True, tag="tool_use"):
    """
    A call of one of the caller's tools. Its `input` arrives in deltas, so here it is usually empty.
    """

    type: ClassVar[Literal["tool_use"]] = "tool_use"
    id: str
    name: str
    input: dict[str, Any]
    caller: Unknown | UnsetType | None = UNSET
    toolset_name: str | UnsetType | None = UNSET


class ServerToolUseBlock(TaggedObject, frozen=True, tag="server_tool_use"):
    """
    A call of a tool that Anthropic runs, such as web search.
    """

    type: ClassVar[Literal["server_tool_use"]] = "server_tool_use"
    id: str
    name: str
    input: dict[str, Any]
    caller: Unknown | UnsetType | None = UNSET


class MCPToolUseBlock(TaggedObject, frozen=True, tag="mcp_tool_use"):
    """
    A call of a tool of an MCP server.
    """

    type: ClassVar[Literal["mcp_tool_use"]] = "mcp_tool_use"
    id: str
    name: str
    input: dict[str, Any]
    server_name: str


class CompactionBlock(TaggedObject, frozen=True, tag="compaction"):
    """
    The summary that stands for the conversation so far.
    """

    type: ClassVar[Literal["compaction"]] = "compaction"
    content: str | UnsetType | None = UNSET
    encrypted_content: str | UnsetType | None = UNSET
    signature: str | UnsetType | None = UNSET
    tool_changes: list[Unknown] | UnsetType | None = UNSET


class ContainerUploadBlock(TaggedObject, frozen=True, tag="container_upload"):
    """
    A file that was written in the container of a tool that runs code.
    """

    type: ClassVar[Literal["container_upload"]] = "container_upload"
    file_id: str


class FallbackBlock(TaggedObject, frozen=True, tag="fallback"):
    """
    Another model takes over, and goes on with the message. On the wire `from_` is `from`.
    """

    type: ClassVar[Literal["fallback"]] = "fallback"
    from_: Unknown = field(name="from")
    to: Unknown
    trigger: Unknown


class MCPToolListingBlock(TaggedObject, frozen=True, tag="mcp_tool_listing"):
    """
    The tools that an MCP server offers.
    """

    type: ClassVar[Literal["mcp_tool_listing"]] = "mcp_tool_listing"
    mcp_server_name: str
    tools: list[Unknown]
