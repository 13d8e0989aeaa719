"""
What of a content block the protocol has no field for, and travels in `providerMetadata`, there and back.

The names are those that the SDK's own provider for Anthropic uses, so that a conversation can move between it and this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block

__all__ = [
    "call_fields",
    "call_metadata",
    "provider_metadata",
    "result_fields",
    "result_metadata",
    "steps_later",
    "value_of",
]

_MCP: Final = "mcp-tool-use"


def provider_metadata(**fields: Any) -> dict[str, dict[str, Any]]:
    """
    Fields of a block's as `providerMetadata` has them.
    """
    return {"anthropic": fields}


def value_of(part: dict[str, Any], name: str, carrier: str = "providerMetadata") -> Any:
    """
    A field in the metadata of a message's part; None without one.
    """
    metadata = part.get(carrier)
    ours = cast("dict[str, Any]", metadata).get("anthropic") if isinstance(metadata, dict) else None
    return cast("dict[str, Any]", ours).get(name) if isinstance(ours, dict) else None


# -- calls ---------------------------------------------------------------------------------------------------


def call_metadata(block: Block) -> dict[str, dict[str, Any]] | None:
    """
    The metadata of a tool's call; None where there is none.
    """
    fields: dict[str, Any] = {}
    if block.type == "mcp_tool_use":
        fields = {"type": _MCP, "serverName": block.told("server_name")}
    if isinstance(caller := block.told("caller"), dict):
        fields["caller"] = _renamed(cast("dict[str, Any]", caller), "tool_id", "toolId")
    if isinstance(toolset := block.told("toolset_name"), str):
        fields["toolsetName"] = toolset
    return provider_metadata(**fields) if fields else None


def call_fields(part: dict[str, Any]) -> dict[str, Any]:
    """
    What a call's block has besides its id, its name and its input: its type first.
    """
    if part.get("providerExecuted") is not True:
        fields: dict[str, Any] = {"type": "tool_use"}
    elif value_of(part, "type", "callProviderMetadata") == _MCP:
        fields = {
            "type": "mcp_tool_use",
            "server_name": value_of(part, "serverName", "callProviderMetadata"),
        }
    else:
        fields = {"type": "server_tool_use"}
    if isinstance(caller := value_of(part, "caller", "callProviderMetadata"), dict):
        fields["caller"] = _renamed(cast("dict[str, Any]", caller), "toolId", "tool_id")
    if isinstance(toolset := value_of(part, "toolsetName", "callProviderMetadata"), str):
        fields["toolset_name"] = toolset
    return fields


def _renamed(fields: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in fields.items()}


# -- results -------------------------------------------------------------------------------------------------

_RESULT: Final = "resultProviderMetadata"
_TOLD_OTHERWISE: Final = frozenset({"type", "tool_use_id", "content", "is_error"})
_TELL_CALLERS: Final = frozenset({"web_search", "web_fetch"})

_RESULT_TYPES: Final = {
    "tool_search_tool_regex": "tool_search_tool_result",
    "tool_search_tool_bm25": "tool_search_tool_result",
}
"""The type of a result's block, where it is not the tool's name and `_tool_result`."""


def result_metadata(block: dict[str, Any], later: int) -> dict[str, dict[str, Any]]:
    """
    The metadata of what a tool has given that Anthropic or an MCP server has run.

    Args:
        block: Its block.
        later: In the how manieth step after that of its call it has come.
    """
    more = {name: value for name, value in block.items() if name not in _TOLD_OTHERWISE}
    fields = {"type": block["type"], "later": later, "more": more}
    return provider_metadata(**{name: value for name, value in fields.items() if value})


def result_fields(part: dict[str, Any], name: str) -> dict[str, Any]:
    """
    What the block of such a result has besides its content and the id of its call: its type first.

    Args:
        part: The part of the message.
        name: The tool's name.
    """
    call = call_fields(part)
    told = value_of(part, "type", _RESULT)
    if isinstance(told, str) and told.endswith("_result") and told != "tool_result":
        more = value_of(part, "more", _RESULT)
        return {"type": told, **(cast("dict[str, Any]", more) if isinstance(more, dict) else {})}
    if call["type"] == "mcp_tool_use":
        return {"type": "mcp_tool_result"}
    fields = {"type": _RESULT_TYPES.get(name, f"{name}_tool_result")}
    return {**fields, "caller": call["caller"]} if "caller" in call and name in _TELL_CALLERS else fields


def steps_later(part: dict[str, Any]) -> int:
    """
    In the how manieth step after that of its call a result has come, where that is told.
    """
    later = value_of(part, "later", _RESULT)
    return later if type(later) is int and later > 0 else 0
