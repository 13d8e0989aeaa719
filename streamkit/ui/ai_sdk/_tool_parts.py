"""
The tool parts of a message that `useChat` sends: the call and what has become of it, in one part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamkit._claude.protocol.reading import as_list, as_object, json_text
from streamkit._claude.protocol.sendable_content import are_blocks, only_said, sendable
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.request import parsed
from streamkit.ui.ai_sdk._provider_metadata import call_fields, result_fields, steps_later

if TYPE_CHECKING:
    from collections.abc import Container

    from anthropic.types.tool_result_block_param import Content

__all__ = ["ToolPart", "is_tool", "read_tool"]

_STATES: Final = frozenset(
    {
        "input-streaming",
        "input-available",
        "approval-requested",
        "approval-responded",
        "output-available",
        "output-error",
        "output-denied",
    }
)

_MAY_HAVE_APPROVAL: Final = _STATES - {"input-streaming", "input-available"}

_DENIED: Final = "The user has denied this call."
_NOT_APPROVED: Final = "The user has not approved this call."
_NOT_RUN: Final = "This call was not run."


class ToolPart(NamedTuple):
    """
    A tool part.

    Attributes:
        call: The block of the call.
        result: The block of its result; None if there is none yet.
        instead: What is said in place of a result where the conversation goes on without one.
        by_server: Whether Anthropic or an MCP server runs the tool.
        approved: Whether the user has approved it, and it has not run.
        later: In the how manieth step after this one the result has come.
    """

    call: dict[str, Any]
    result: dict[str, Any] | None
    instead: str
    by_server: bool
    approved: bool = False
    later: int = 0


def is_tool(part: dict[str, Any]) -> bool:
    """
    Whether a part of a message is a tool part.
    """
    kind: str = part["type"]
    return kind == "dynamic-tool" or kind.startswith("tool-")


def read_tool(part: dict[str, Any], place: str, asked: Container[str] | None) -> ToolPart | None:
    """
    A tool part; None if the call cannot be sent back, because its input was cut or is not an object.

    Args:
        part: The part.
        place: Where it stands, for an error.
        asked: The ids of the approvals that were asked for; None if nobody knows.

    Raises:
        BadRequest: There is an output without its call, an approval that was not asked for, or a state that is not known.
    """
    call_id, state, kind = part.get("toolCallId"), part.get("state"), part["type"]
    name = part.get("toolName") if kind == "dynamic-tool" else kind.removeprefix("tool-")
    if not isinstance(call_id, str) or not call_id:
        raise BadRequest(f"{place}: a tool part has no toolCallId, so its output answers no call")
    if not isinstance(state, str) or state not in _STATES:
        raise BadRequest(f"{place}: a tool part has a state that is not known")
    approved = _approval(part, state, place, asked)
    if state == "input-streaming":
        return None
    by_server = part.get("providerExecuted") is True
    given = as_object(part.get("input"))
    if part.get("input") is None and state == "output-available" and not by_server:
        raise BadRequest(f"{place}: a tool's output is there without the input of its call")
    if given is None or not isinstance(name, str) or not name:
        return None
    fields = call_fields(part)
    if fields["type"] == "mcp_tool_use" and not isinstance(fields["server_name"], str):
        return None
    # The order is that of the API, so that what it has cached fits.
    call = {"type": fields.pop("type"), "id": call_id, "name": name, "input": given, **fields}
    has_result = state == "output-error" or (
        state == "output-available" and part.get("preliminary") is not True
    )
    if by_server:
        result = _server_result(part, state, name) if has_result else None
        return ToolPart(call, result, "", by_server=True, later=steps_later(part))
    result = _result(part, state, call_id) if has_result else None
    instead = _instead(part, state, approved=approved)
    return ToolPart(call, result, instead, by_server=False, approved=approved is True and result is None)


def _approval(part: dict[str, Any], state: str, place: str, asked: Container[str] | None) -> bool | None:
    """
    What the user has said; None if nothing was asked, or nothing is said yet.
    """
    approval = part.get("approval")
    if approval is None:
        if state.startswith("approval-"):
            raise BadRequest(f"{place}: an approval was never asked for")
        return None
    fields = as_object(approval) or {}
    approval_id, approved = fields.get("id"), fields.get("approved")
    if not isinstance(approval_id, str) or not approval_id or state not in _MAY_HAVE_APPROVAL:
        raise BadRequest(f"{place}: an approval was never asked for")
    if state != "approval-responded":
        return None
    if not isinstance(approved, bool):
        raise BadRequest(f"{place}: an approval says neither yes nor no")
    # Only what is still to be run has to be known: what was asked in earlier requests need not be kept.
    if approved and asked is not None and approval_id not in asked:
        raise BadRequest(f"{place}: an approval was never asked for")
    return approved


def _instead(part: dict[str, Any], state: str, *, approved: bool | None) -> str:
    if state == "output-denied" or approved is False:
        reason = (as_object(part.get("approval")) or {}).get("reason")
        return reason if isinstance(reason, str) and reason.strip() else _DENIED
    return _NOT_APPROVED if state == "approval-requested" else _NOT_RUN


def _result(part: dict[str, Any], state: str, call_id: str) -> dict[str, Any]:
    if state == "output-error":
        text = _error_text(part)
        said = only_said(_content(_parsed(text), text))
        return {"type": "tool_result", "tool_use_id": call_id, "content": said, "is_error": True}
    output = part.get("output")
    text = output if isinstance(output, str) else json_text(output) or "null"
    return {"type": "tool_result", "tool_use_id": call_id, "content": _content(output, text)}


def _server_result(part: dict[str, Any], state: str, name: str) -> dict[str, Any]:
    fields = result_fields(part, name)
    is_error = state == "output-error"
    output = _parsed(_error_text(part)) if is_error else part.get("output")
    if fields["type"] == "mcp_tool_result":
        fields["is_error"] = is_error
    kind = fields.pop("type")
    return {"type": kind, "tool_use_id": part["toolCallId"], "content": output, **fields}


def _content(value: object, text: str) -> str | list[Content]:
    """
    A tool's output as the content of its result: content blocks where it is a list of such, else text.
    """
    blocks = as_list(value)
    return sendable(blocks) if blocks is not None and are_blocks(blocks) else text


def _error_text(part: dict[str, Any]) -> str:
    text = part.get("errorText")
    return text if isinstance(text, str) else ""


def _parsed(text: str) -> Any:
    try:
        return parsed(text)
    except BadRequest:
        return text
