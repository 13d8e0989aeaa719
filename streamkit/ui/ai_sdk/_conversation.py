"""
The conversation on a page as the API has it: each step of an answer is a message, and the results of its calls are the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.protocol.history import OpenCalls, answered
from streamkit._claude.protocol.names import Names
from streamkit._claude.protocol.reading import as_object
from streamkit._serving.bad_request import BadRequest
from streamkit.ui.ai_sdk._content import Block, answered_in, asked_in
from streamkit.ui.ai_sdk._tool_parts import ToolPart, is_tool, read_tool
from streamkit.ui.ai_sdk._ui_messages import parts_in, text_in

if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

__all__ = ["Conversation"]


class Conversation:
    """
    The conversation, as the API has it.
    """

    def __init__(self, results: dict[str, Block], asked: Container[str] | None) -> None:
        self._results = results
        self._asked = asked
        self._messages: list[tuple[str, list[Block]]] = []
        self._open: list[ToolPart] = []  # calls of the last step that have no result
        self._names = Names()
        self._unsaid = ""  # where the user has said nothing, and nothing stands behind it

    def ask(self, place: str, parts: list[tuple[str, Block]]) -> None:
        """
        Add a message of the user's.
        """
        self._close()
        blocks = [block for at, part in parts for block in asked_in(part, at)]
        self._unsaid = "" if blocks else place
        _add(self._messages, "user", blocks)

    def answer(self, place: str, parts: list[tuple[str, Block]]) -> None:
        """
        Add a message of the assistant's.
        """
        self._close()
        steps: list[list[Block | ToolPart]] = [[]]
        for at, part in parts:
            match part["type"]:
                case "step-start":
                    steps.append([])
                case "steering-message":
                    self._steps(steps)
                    steps = [[]]
                    self.ask(at, parts_in(part, at))
                case _ if is_tool(part):
                    if (tool := read_tool(part, at, self._asked)) is not None:
                        steps[-1].append(self._named(tool))
                case _:
                    steps[-1] += answered_in(part, at)
        self._steps(steps)
        self._unsaid = ""

    def _named(self, tool: ToolPart) -> ToolPart:
        """
        A call, with its result, under an id that no call before it has: the API refuses one that comes twice.
        """
        wanted = tool.call["id"]
        result = tool.result or (None if tool.by_server else self._results.get(wanted))
        call_id = self._names.free(wanted)
        return tool._replace(
            call={**tool.call, "id": call_id},
            result=None if result is None else {**result, "tool_use_id": call_id},
        )

    def _steps(self, steps: list[list[Block | ToolPart]]) -> None:
        late: dict[int, list[Block]] = {}
        last_called = _last_step_of_callers(steps)
        for number, step in enumerate(steps):
            content = late.pop(number, [])
            results: list[Block] = []
            if step or content:
                self._close()
            for part in step:
                if not isinstance(part, ToolPart):
                    content.append(part)
                    continue
                content.append(part.call)
                result = part.result
                if result is None:
                    if not part.by_server:
                        self._open.append(part)
                elif not part.by_server:
                    results.append(result)
                elif (step_of := _step_of_result(part, number, last_called, len(steps) - 1)) == number:
                    content.append(result)
                else:
                    late.setdefault(step_of, []).append(result)
            _add(self._messages, "assistant", content)
            _add(self._messages, "user", results)

    def _close(self) -> None:
        """
        The conversation goes on: calls that have no result get one that says why.
        """
        calls, self._open = self._open, []
        _add(self._messages, "user", [_result_instead(call) for call in calls])

    def sendable(self) -> list[dict[str, Any]]:
        """
        The messages, without what the API would refuse.

        Raises:
            BadRequest: The last message says nothing. One before it is only left out, because a page sends it again and again.
        """
        if self._unsaid:
            raise BadRequest(f"{self._unsaid} is empty")
        if any(not call.approved for call in self._open):  # of a page that has sent it as it is
            self._open, rest = (
                [call for call in self._open if call.approved],
                [call for call in self._open if not call.approved],
            )
            _add(self._messages, "user", [_result_instead(call) for call in rest])
        made: list[tuple[str, list[Block]]] = []
        open_calls = OpenCalls()
        for number, (role, blocks) in enumerate(self._messages):
            if role == "assistant":
                following = self._messages[number + 1][1] if number + 1 < len(self._messages) else []
                waits = all(block["type"] == "tool_result" for block in following)
                blocks = answered(blocks, open_calls, waits=waits)
                open_calls.follow({"role": role, "content": blocks})
            _add(made, role, blocks)
        return [{"role": role, "content": _plainly(blocks)} for role, blocks in made]


def _add(messages: list[tuple[str, list[Block]]], role: str, blocks: list[Block]) -> None:
    if not blocks:
        return
    if messages and messages[-1][0] == role:
        messages[-1][1].extend(blocks)
    else:
        messages.append((role, list(blocks)))


def _last_step_of_callers(steps: list[list[Block | ToolPart]]) -> dict[str, int]:
    """
    For each tool that has called tools of the caller's, by the id of its call: the last step in which it has.
    """
    return {
        text_in(as_object(part.call.get("caller")) or {}, "tool_id"): number
        for number, step in enumerate(steps)
        for part in step
        if isinstance(part, ToolPart)
    }


def _step_of_result(part: ToolPart, number: int, last_called: dict[str, int], last: int) -> int:
    """
    The step in which a result has come: that of the call, unless it is told, or the tool has called tools of the caller's.
    """
    if part.later:
        return min(number + part.later, last)
    called = last_called.get(part.call["id"], -1)
    return min(called + 1, last) if called >= number else number


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
