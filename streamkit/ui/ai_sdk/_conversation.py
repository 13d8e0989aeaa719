"""
The conversation on a page as the API has it: each step of an answer is a message, and the results of its calls are the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.protocol.history import answered
from streamkit._claude.protocol.reading import as_object
from streamkit._serving.bad_request import BadRequest
from streamkit.ui.ai_sdk._content import Block, answered_in, asked_in
from streamkit.ui.ai_sdk._tool_parts import ToolPart, is_tool, read_tool
from streamkit.ui.ai_sdk._ui_messages import parts_in

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

    def ask(self, place: str, parts: list[tuple[str, Block]]) -> None:
        """
        Add a message of the user's.
        """
        self._close()
        blocks = [block for at, part in parts for block in asked_in(part, at)]
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
                    self.ask(at, parts_in(part, at))
                case _ if is_tool(part):
                    if (tool := read_tool(part, at, self._asked)) is not None:
                        steps[-1].append(tool)
                case _:
                    steps[-1] += answered_in(part, at)
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
