"""
The chunks of tools: their calls, and what they have given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.reading import as_list, as_object, json_text, plain, type_of
from streamkit._claude.protocol.tool_call import ToolCall
from streamkit.ui.ai_sdk._provider_metadata import call_metadata, result_metadata

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.tool_call import BrokenToolCall
    from streamkit.ui.ai_sdk._data import Chunk

__all__ = ["call_end", "call_start", "result_block", "server_result", "tool_result", "untold_call"]

_WHY = {
    "truncated": "The input of this call was cut off.",
    "invalid": "The input of this call is not JSON.",
    "not_object": "The input of this call is not an object.",
    "extra_data": "The input of this call is followed by something else.",
    "no_name": "This call does not name its tool.",
}
_WHY_NOT = "This call cannot be executed."


def call_start(call_id: str, name: str, block_type: str) -> Chunk:
    """
    A call begins.
    """
    return {"type": "tool-input-start", "toolCallId": call_id, "toolName": name, **_who_runs(block_type)}


def call_end(call: ToolCall | BrokenToolCall, call_id: str, block: Block) -> Chunk:
    """
    A call is complete, or cannot become so.

    Args:
        call: The call.
        call_id: Its id in the protocol, which is another one where it has none.
        block: Its content block.
    """
    chunk: Chunk = {
        "type": "tool-input-available",
        "toolCallId": call_id,
        "toolName": call.name,
        **_who_runs(block.type),
    }
    if (metadata := call_metadata(block)) is not None:
        chunk["providerMetadata"] = metadata
    if isinstance(call, ToolCall):
        return {**chunk, "input": call.input}
    return {
        **chunk,
        "type": "tool-input-error",
        "input": call.raw,
        "errorText": _WHY.get(call.reason, _WHY_NOT),
    }


def untold_call(block: dict[str, Any]) -> Chunk:
    """
    The call that a result answers, where nobody has told of it: its input is null.
    """
    name = str(block["type"]).removesuffix("_tool_result")
    who = _who_runs("mcp_tool_use" if name == "mcp" else "server_tool_use")
    return {
        "type": "tool-input-available",
        "toolCallId": block.get("tool_use_id"),
        "toolName": name,
        **who,
        "input": None,
    }


def _who_runs(block_type: str) -> dict[str, bool]:
    match block_type:
        case "server_tool_use":
            return {"providerExecuted": True}
        case "mcp_tool_use":  # its tools are known to nobody before
            return {"providerExecuted": True, "dynamic": True}
        case _:
            return {}


def server_result(block: dict[str, Any], *, dynamic: bool, later: int | None) -> Chunk:
    """
    What a tool has given that Anthropic or an MCP server has run.

    Args:
        block: The content block of the result.
        dynamic: Whether its call is of a tool that nobody knows before.
        later: In the how manieth step after that of its call it has come; None where the client takes no metadata with it.
    """
    content = block.get("content")
    chunk = _output(str(block["tool_use_id"]), content, is_error=_is_error(block))
    chunk["providerExecuted"] = True
    if dynamic:
        chunk["dynamic"] = True
    if later is not None:
        chunk["providerMetadata"] = result_metadata(block, later)
    return chunk


def result_block(item: object) -> dict[str, Any] | None:
    """
    The `tool_result` block that an item is or has as its `block`; None if there is none.
    """
    for part in (getattr(item, "block", None), item):
        kind = cast("Mapping[str, Any]", part).get("type") if isinstance(part, Mapping) else type_of(part)
        if kind == "tool_result":
            return as_object(plain(part))
    return None


def tool_result(block: dict[str, Any]) -> Chunk:
    """
    What one of the application's own tools has given.

    Args:
        block: Its `tool_result` block.
    """
    content = block.get("content", "")
    is_error = block.get("is_error") is True
    parts = as_list(content)
    if is_error and parts is not None and len(parts) == 1 and (text := _text_in(parts[0])) is not None:
        content = text
    return _output(str(block["tool_use_id"]), content, is_error=is_error)


def _output(call_id: str, content: Any, *, is_error: bool) -> Chunk:
    if is_error:
        return {"type": "tool-output-error", "toolCallId": call_id, "errorText": json_text(content)}
    return {"type": "tool-output-available", "toolCallId": call_id, "output": content}


def _is_error(block: dict[str, Any]) -> bool:
    """
    Whether a tool could not do its work, as `ServerToolResult.is_error` tells it.
    """
    kind = (as_object(block.get("content")) or {}).get("type")
    return block.get("is_error") is True or (isinstance(kind, str) and kind.endswith("_error"))


def _text_in(part: object) -> str | None:
    fields = as_object(part) or {}
    text = cast("object", fields.get("text"))
    return text if fields.get("type") == "text" and isinstance(text, str) else None
