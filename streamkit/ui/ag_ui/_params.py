"""
A front-end's request as parameters of `sk.messages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._serving.bad_request import BadRequest
from streamkit._serving.request import MOST_BYTES
from streamkit.ui.ag_ui._history import History
from streamkit.ui.ag_ui._reading import field, listed, object_at, request, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ag_ui.core import RunAgentInput

__all__ = ["params"]


def params(
    run_input: RunAgentInput | Mapping[str, Any] | str | bytes, *, limit: int = MOST_BYTES
) -> dict[str, Any]:
    """
    What a `RunAgentInput` says to Claude, as parameters of `sk.messages`: `messages`, and `system` and `tools` if there are any.

    It is the inverse of `events`: what that has made of Claude's messages comes back as these messages, with thinking and its
    signatures, the calls of tools and their results, and citations, byte for byte. What Claude cannot take is left out, as the
    protocol wants it: audio, video, other kinds of file. So is what the API refuses: thinking without a signature, a call whose
    input was cut, a call that has no result, a file with nothing in it. A tool's result, and calls with one id, are made legal as
    `ToolCall.result` and `tool_loop` do it.

    `system` is a list of text blocks, one for each system and developer message and for each entry of `context`. Whoever can send
    a request can write them: put your own before them. `tools` are the front-end's own. `state` and `forwardedProps` are not
    looked at.

    Args:
        run_input: The request: a model, a dict as it is on the wire, or the JSON text.
        limit: Bytes that it may have.

    Returns:
        The parameters, as plain JSON.

    Raises:
        BadRequest: A `ValueError` with `status` 400, or 413 if it is too large, and one line that quotes nothing of it.
        TypeError: It is something else.
    """
    given = request(run_input, limit)
    if given.get("resume"):
        raise wrong("resume", "answers an interrupt, and none was raised")
    history = History()
    for place, message in listed(given, "messages"):
        history.add(message, place)
    messages = history.messages()
    if not messages:
        raise BadRequest("the request has no message that Claude can answer")
    system = [*history.system, *_context(given)]
    tools = [_tool(tool, place) for place, tool in listed(given, "tools")]
    found: dict[str, Any] = {"messages": messages}
    if system:
        found["system"] = [{"type": "text", "text": text} for text in system if text.strip()]
    if tools:
        found["tools"] = tools
    return found


def _context(given: dict[str, Any]) -> list[str]:
    """
    What the application wants Claude to know besides the conversation.
    """
    texts: list[str] = []
    for place, entry in listed(given, "context"):
        description = field(entry, "description", str, place) or ""
        value = field(entry, "value", str, place) or ""
        texts.append(f"{description}: {value}" if description else value)
    return texts


def _tool(tool: dict[str, Any], place: str) -> dict[str, Any]:
    name = field(tool, "name", str, place)
    if not name:
        raise wrong(f"{place}.name", "is missing")
    schema = object_at(tool.get("parameters") or {}, f"{place}.parameters")
    made: dict[str, Any] = {"name": name, "input_schema": {"type": "object", **schema}}
    if description := field(tool, "description", str, place):
        made["description"] = description
    return made
