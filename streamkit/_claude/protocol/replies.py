"""
What answers one message: the results of its calls, and what the user has said. It is for the next request, and for a
conversation that ends before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.protocol.tool_call import result_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamkit._claude.protocol.message import MessageBuilder
    from streamkit._claude.protocol.tool_result import ToolResult

__all__ = ["NOT_RUN", "STOPPED", "Replies", "answered_turns"]

STOPPED: Final = (
    "The tool was stopped before it had ended. It may have done its work, a part of it, or nothing."
)
"""What Claude is told of a call whose tool had begun."""

NOT_RUN: Final = "The tool was not run, because the conversation was stopped before."
"""What Claude is told of a call whose tool had not begun."""


class Replies:
    """
    The results of one message's calls, and what the user has said meanwhile.

    Attributes:
        due: Whether the message has ended and waits for them. Until then its calls may still turn out void.
        begun: The ids of the calls whose tools have begun.
        results: The results, by the ids of the calls.
        said: What the user has said, which comes behind the results.
        continues: Whether the message continues one that the API has paused.
        container: The id of the container in which the API's tools work, for the next request; empty without one.
    """

    def __init__(self) -> None:
        self.container: str = ""
        self.continues: bool = False
        self.said: list[str] = []
        self.due: bool = False
        self.begun: set[str] = set()
        self.results: dict[str, ToolResult] = {}

    def clear(self) -> None:
        """
        The message has started over.
        """
        self.due = False
        self.begun.clear()
        self.results.clear()

    def block(self, call_id: str) -> dict[str, Any]:
        """
        The `tool_result` block for a call: one that says why there is no result, where there is none.
        """
        result = self.results.get(call_id)
        if result is not None:
            return dict(result.block)
        return dict(result_block(call_id, STOPPED if call_id in self.begun else NOT_RUN, is_error=True))


def answered_turns(
    messages: Iterable[MessageBuilder], results: Mapping[str, ToolResult]
) -> Iterator[tuple[list[MessageBuilder], Replies]]:
    """
    The turns of a tool loop of which only the events and the results are known: the messages of each, and what answers it.

    Args:
        messages: The messages. One that the API has paused, and those that continue it, are one turn.
        results: The results, by the ids of the calls.
    """
    turn: list[MessageBuilder] = []
    for message in messages:
        turn.append(message)
        reason = stop_reason(message.stop_reason)
        if not reason.pauses:
            yield turn, _replies_to(turn, results, due=reason.awaits_results)
            turn = []
    if turn:
        yield turn, _replies_to(turn, results, due=False)


def _replies_to(turn: list[MessageBuilder], results: Mapping[str, ToolResult], *, due: bool) -> Replies:
    replies = Replies()
    replies.due = due
    replies.results.update(results)
    # Nobody knows whether a tool without a result had begun.
    replies.begun.update(block.id for block in turn[-1].blocks if block.id)
    return replies
