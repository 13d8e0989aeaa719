"""
Params: the request of a `useChat` page as the parameters of `messages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.tool_call import ToolCall
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.request import MOST_BYTES, read_request
from streamkit.ui.ai_sdk._conversation import Conversation
from streamkit.ui.ai_sdk._tool_parts import is_tool, read_tool
from streamkit.ui.ai_sdk._ui_messages import messages_in, parts_in, text_in, void_messages

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

__all__ = ["approved", "params"]


def params(
    body: Mapping[str, Any] | str | bytes,
    *,
    results: Iterable[Any] = (),
    asked: Container[str] | None = None,
    system: bool = False,
    most_bytes: int = MOST_BYTES,
) -> dict[str, Any]:
    """
    The parameters of `messages` for a request of `useChat`: its messages, as the API has them.

    It has the user's texts and files, and of the answers texts, signed thoughts as they came, calls and their results; each step
    of an answer is a message of its own. Left out is what the API refuses: thoughts that were cut or are not signed, calls whose
    input was cut, texts and files with nothing in them; and what is only for the page: sources, data parts. A call that was
    denied, or that nobody has run although the conversation goes on, gets a result that says so. A tool's result, and calls with
    one id, are made legal as `ToolCall.result` and `tool_loop` do it.

    The whole request comes from the page, the answers and results in it too. Where that matters, keep the conversation on the
    server, and take only the last message from the page.

    Args:
        body: The request, as a JSON object or as its text.
        results: `tool_result` blocks, such as `ToolCall.result()` makes, for the calls that `approved()` gives.
        asked: The ids of the approvals that the server has asked for, to refuse others. None: each is taken.
        system: Whether messages of the role `system` are taken, and become the parameter `system`. By default they are refused,
            because anybody can send one.
        most_bytes: The size at most; by default the API's own limit.

    Returns:
        `{"messages": […]}`, of plain dicts and lists.

    Raises:
        BadRequest: The request cannot be answered: it has no messages, or an unknown role or part, a tool's output for no call,
            an approval that was not asked for; or it is too large, or nested too deeply.
    """
    request = read_request(body, most_bytes)
    conversation = Conversation({block["tool_use_id"]: block for block in map(dict, results)}, asked)
    told: list[str] = []
    void = void_messages(request)
    for place, message in messages_in(request):
        if text_in(message, "id") in void and message.get("role") == "assistant":
            continue
        match message.get("role"):
            case "user":
                conversation.ask(place, parts_in(message, place))
            case "assistant":
                conversation.answer(place, parts_in(message, place))
            case "system" if system:
                said = [
                    text_in(part, "text") for _, part in parts_in(message, place) if part["type"] == "text"
                ]
                told += filter(str.strip, said)
            case "system":
                raise BadRequest(f"{place}: a message of the role system is not taken from a page")
            case _:
                raise BadRequest(f"{place}: the role is neither user nor assistant")
    messages = conversation.sendable()
    if not messages:
        raise BadRequest("the request has no message that Claude can answer")
    made: dict[str, Any] = {"messages": messages}
    if told:
        made["system"] = "\n\n".join(told)
    return made


def approved(
    body: Mapping[str, Any] | str | bytes,
    *,
    asked: Container[str] | None = None,
    most_bytes: int = MOST_BYTES,
) -> list[ToolCall]:
    """
    The calls in a request of `useChat` that the user has approved, and that are still to be run.

    Args:
        body: The request, as a JSON object or as its text.
        asked: The ids of the approvals that the server has asked for, to refuse others. None: each is taken.
        most_bytes: The size at most; by default the API's own limit.

    Raises:
        BadRequest: As for `params`.
    """
    place, message = list(messages_in(read_request(body, most_bytes)))[-1]
    if message.get("role") != "assistant":
        return []
    tools = [read_tool(part, at, asked) for at, part in parts_in(message, place) if is_tool(part)]
    return [
        ToolCall(tool.call["id"], tool.call["name"], tool.call["input"], index)
        for index, tool in enumerate(tools)
        if tool is not None and tool.approved
    ]
