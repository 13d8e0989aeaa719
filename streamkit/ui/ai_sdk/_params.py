"""
Params: the request of a `useChat` page as the parameters of `messages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.history import answered
from streamkit._claude.protocol.kinds import THINKING, TOOLS
from streamkit._claude.protocol.reading import as_list, as_object
from streamkit._claude.protocol.tool_call import ToolCall
from streamkit._serving.bad_request import BadRequest
from streamkit.ui.ai_sdk._files import file_block
from streamkit.ui.ai_sdk._provider_metadata import value_of
from streamkit.ui.ai_sdk._request import MOST_BYTES, read_request
from streamkit.ui.ai_sdk._tool_parts import ToolPart, is_tool, read_tool

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

__all__ = ["approved", "params"]

Block = dict[str, Any]


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
    input was cut, texts with nothing in them; and what is only for the page: sources, data parts. A call that was denied, or
    that nobody has run although the conversation goes on, gets a result that says so.

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
    conversation = _Conversation({block["tool_use_id"]: block for block in map(dict, results)}, asked)
    told: list[str] = []
    void = _void_messages(request)
    for place, message in _messages(request):
        if _text_in(message, "id") in void and message.get("role") == "assistant":
            continue
        match message.get("role"):
            case "user":
                conversation.ask(place, _parts(message, place))
            case "assistant":
                conversation.answer(place, _parts(message, place))
            case "system" if system:
                told += [
                    str(part.get("text", "")) for _, part in _parts(message, place) if part["type"] == "text"
                ]
            case "system":
                raise BadRequest(f"{place}: a message of the role system is not taken from a page")
            case _:
                raise BadRequest(f"{place}: the role is neither user nor assistant")
    made: dict[str, Any] = {"messages": conversation.sendable()}
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
    place, message = list(_messages(read_request(body, most_bytes)))[-1]
    if message.get("role") != "assistant":
        return []
    tools = [read_tool(part, at, asked) for at, part in _parts(message, place) if is_tool(part)]
    return [
        ToolCall(tool.call["id"], tool.call["name"], tool.call["input"], index)
        for index, tool in enumerate(tools)
        if tool is not None and tool.approved
    ]


def _messages(request: Mapping[str, Any]) -> Iterator[tuple[str, Block]]:
    """
    The messages of a request, each with its place.
    """
    messages = as_list(request.get("messages"))
    if not messages:
        raise BadRequest("the request has no messages")
    for number, message in enumerate(messages):
        fields = as_object(message)
        if fields is None:
            raise BadRequest(f"messages[{number}] is not an object")
        yield f"messages[{number}]", fields


def _parts(message: Block, place: str) -> list[tuple[str, Block]]:
    """
    The parts of a message, each with its place. What a restart has made void is not among them.
    """
    parts = as_list(message.get("parts"))
    if parts is None:
        raise BadRequest(f"{place} has no parts")
    found: list[tuple[str, Block]] = []
    for number, part in enumerate(parts):
        fields = as_object(part)
        if fields is None or not isinstance(fields.get("type"), str):
            raise BadRequest(f"{place}.parts[{number}] is not an object with a type")
        if fields["type"] == "data-restarted":
            found.clear()
        found.append((f"{place}.parts[{number}]", fields))
    return found


def _text_in(fields: Block, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _void_messages(request: Mapping[str, Any]) -> set[str]:
    """
    The ids of the messages in whose place another has come.
    """
    return {
        _text_in(as_object(part.get("data")) or {}, "void")
        for _, message in _messages(request)
        for each in as_list(message.get("parts")) or ()
        if (part := as_object(each)) and part.get("type") == "data-restarted"
    } - {""}


class _Conversation:
    """
    The conversation, as the API has it.
    """

    def __init__(self, results: dict[str, Block], asked: Container[str] | None) -> None:
        self._results = results
        self._asked = asked
        self._messages: list[tuple[str, list[Block]]] = []
        self._open: list[ToolPart] = []  # calls of the last step that have no result

    def ask(self, place: str, parts: list[tuple[str, Block]]) -> None:
        """
        Add a message of the user's.
        """
        self._close()
        blocks = [block for at, part in parts for block in _asked_in(part, at)]
        if not blocks:
            raise BadRequest(f"{place} is empty")
        self._add("user", blocks)

    def answer(self, place: str, parts: list[tuple[str, Block]]) -> None:
        """
        Add a message of the assistant's.
        """
        steps: list[list[Block | ToolPart]] = [[]]
        for at, part in parts:
            match part["type"]:
                case "step-start":
                    steps.append([])
                case "steering-message":
                    self._steps(steps)
                    steps = [[]]
                    self.ask(at, _parts(part, at))
                case _ if is_tool(part):
                    if (tool := read_tool(part, at, self._asked)) is not None:
                        steps[-1].append(tool)
                case _:
                    steps[-1] += _answered_in(part, at)
        self._steps(steps)

    def _steps(self, steps: list[list[Block | ToolPart]]) -> None:
        late: dict[int, list[Block]] = {}
        for number, step in enumerate(steps):
            content = late.pop(number, [])
            results: list[Block] = []
            if step:
                self._close()
            for part in step:
                if not isinstance(part, ToolPart):
                    content.append(part)
                    continue
                content.append(part.call)
                result = part.result or self._results.get(part.call["id"])
                if result is None:
                    if not part.by_server:
                        self._open.append(part)
                elif not part.by_server:
                    results.append(result)
                elif (step_of := _step_of_result(part, number, steps)) == number:
                    content.append(result)
                else:
                    late.setdefault(step_of, []).append(result)
            self._add("assistant", content)
            self._add("user", results)

    def _close(self) -> None:
        """
        The conversation goes on: calls that have no result get one that says why.
        """
        calls, self._open = self._open, []
        self._add("user", [_result_instead(call) for call in calls])

    def _add(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if self._messages and self._messages[-1][0] == role:
            self._messages[-1][1].extend(blocks)
        else:
            self._messages.append((role, list(blocks)))

    def sendable(self) -> list[dict[str, Any]]:
        """
        The messages, without what the API would refuse.
        """
        if any(not call.approved for call in self._open):  # of a page that has sent it as it is
            self._open, rest = (
                [call for call in self._open if call.approved],
                [call for call in self._open if not call.approved],
            )
            self._add("user", [_result_instead(call) for call in rest])
        made: list[dict[str, Any]] = []
        for number, (role, blocks) in enumerate(self._messages):
            if role == "assistant":
                following = self._messages[number + 1][1] if number + 1 < len(self._messages) else []
                waits = all(block["type"] == "tool_result" for block in following)
                blocks = answered(blocks, made, waits=waits)
            if not blocks:
                continue
            if made and made[-1]["role"] == role:
                made[-1]["content"] = [*_as_blocks(made[-1]["content"]), *blocks]
            else:
                made.append({"role": role, "content": _plainly(blocks)})
        return made


def _asked_in(part: Block, place: str) -> list[Block]:
    kind = part["type"]
    if kind == "text":
        return _text(part, place)
    if kind == "file":
        return [file_block(part, place)]
    if kind.startswith("data-"):
        return []
    raise BadRequest(f"{place}: a part of this type does not stand in a message of the user's")


def _answered_in(part: Block, place: str) -> list[Block]:
    match part["type"]:
        case "text":
            return _text(part, place)
        case "reasoning":
            return _thinking(part, place)
        case "custom" | "data-anthropic-block":
            return _other_block(part)
        case "source-url" | "source-document" | "file" | "reasoning-file":
            return []
        case str(kind) if kind.startswith("data-"):
            return []
        case _:
            raise BadRequest(f"{place}: a part of this type does not stand in a message of the assistant's")


def _text(part: Block, place: str) -> list[Block]:
    text = part.get("text")
    if not isinstance(text, str):
        raise BadRequest(f"{place}: a text part has no text")
    if value_of(part, "type") == "compaction":  # as the SDK's own provider has it
        signature = value_of(part, "signature")
        signed = {"signature": signature} if isinstance(signature, str) else {}
        return [{"type": "compaction", "content": text, **signed}] if text else []
    if not text.strip():
        return []
    citations = as_list(value_of(part, "citations"))
    return [{"type": "text", "text": text, **({"citations": citations} if citations else {})}]


def _thinking(part: Block, place: str) -> list[Block]:
    text = part.get("text")
    if not isinstance(text, str):
        raise BadRequest(f"{place}: a reasoning part has no text")
    if isinstance(data := value_of(part, "redactedData"), str) and data:
        return [{"type": "redacted_thinking", "data": data}]
    if isinstance(signature := value_of(part, "signature"), str) and signature:
        return [{"type": "thinking", "thinking": text, "signature": signature}]
    return []


def _other_block(part: Block) -> list[Block]:
    """
    A block that the protocol has no part for, as `chunks()` has sent it.
    """
    if part["type"] == "custom":
        metadata = as_object(part.get("providerMetadata")) or {}
        block = as_object(metadata.get("anthropic")) or {}
    else:
        block = as_object(part.get("data")) or {}
    kind = block.get("type")
    if not isinstance(kind, str) or kind in _SENT_OTHERWISE or kind.endswith("_result"):
        return []
    return (
        []
        if kind == "compaction" and not (block.get("content") or block.get("encrypted_content"))
        else [block]
    )


_SENT_OTHERWISE: Final = frozenset({"text", "image", "document", *THINKING, *TOOLS})


def _step_of_result(part: ToolPart, number: int, steps: list[list[Block | ToolPart]]) -> int:
    """
    The step in which a result has come: that of the call, unless it is told, or the tool has called tools of the caller's.
    """
    if part.later:
        return min(number + part.later, len(steps) - 1)
    callers = [
        later
        for later, step in enumerate(steps)
        if later >= number
        and any(
            isinstance(each, ToolPart)
            and (as_object(each.call.get("caller")) or {}).get("tool_id") == part.call["id"]
            for each in step
        )
    ]
    return min(callers[-1] + 1, len(steps) - 1) if callers else number


def _result_instead(part: ToolPart) -> Block:
    return {
        "type": "tool_result",
        "tool_use_id": part.call["id"],
        "content": part.instead,
        "is_error": True,
    }


def _plainly(blocks: list[Block]) -> str | list[Block]:
    """
    The content of a message: a text alone as a string.
    """
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} else blocks


def _as_blocks(content: str | list[Block]) -> list[Block]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
