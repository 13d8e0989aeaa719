"""
The rules by which the Messages API refuses a conversation, the signatures of thinking, and a server that keeps to both.

A signature says what stood before the thinking: the newest models refuse a request in which any of that has changed.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit.testing import Reply, Request

__all__ = ["answers", "check_conversation", "signature_for"]

_SERVER_TOOLS: Final = {"server_tool_use", "mcp_tool_use"}


def signature_for(before: list[Any], content: list[Any], thought: str) -> str:
    """
    Sign a thought.

    Args:
        before: The messages before the one that it stands in.
        content: The blocks before it in its own message.
        thought: The thought.
    """
    # As the API reads it: an answer that it has paused, and what continues it, are one.
    blocks = [[message["role"], block] for message in before for block in _blocks(message)]
    blocks += [["assistant", block] for block in content]
    signed = json.dumps([blocks, thought], sort_keys=True)
    return hashlib.sha256(signed.encode()).hexdigest()[:16]


def check_conversation(
    messages: list[Any], *, paused: bool = False, signed: bool = False, in_order: bool = True
) -> None:
    """
    Refuse what the API refuses.

    Args:
        messages: The messages of a request.
        paused: Whether the last one may be an answer that the API has paused.
        signed: Whether thinking is signed as `signature_for` does it.
        in_order: Whether results stand in the order of their calls. The API does not ask for it; what it has cached fits then.

    Raises:
        AssertionError: It says why.
    """
    assert messages, "no messages"
    called: set[str] = set()
    server_calls: set[str] = set()
    due: list[str] = []
    for number, message in enumerate(messages):
        role, content = message["role"], _blocks(message)
        assert role == ("user", "assistant")[number % 2], f"message {number} is of the {role}"
        assert content, f"message {number} is empty"
        for at, block in enumerate(content):
            match block["type"]:
                case "text":
                    assert block["text"].strip(), f"message {number} has an empty text"
                case "thinking":
                    assert block.get("signature"), f"message {number} has thinking without a signature"
                    if signed:
                        valid = signature_for(messages[:number], content[:at], block["thinking"])
                        assert block["signature"] == valid, f"something before thinking in {number} changed"
                case "tool_use":
                    assert role == "assistant"
                    assert isinstance(block["input"], dict)
                    assert block["id"] not in called, "a call twice"
                    called.add(block["id"])
                case "tool_result":
                    assert role == "user"
                    _check_result(block)
                case "image" | "document":
                    assert block["source"].get("data") != "", f"message {number} has an empty file"
                case kind if kind in _SERVER_TOOLS:
                    assert block["id"] not in called, "a call twice"
                    called.add(block["id"])
                    server_calls.add(block["id"])
                case kind if kind.endswith("_tool_result"):
                    assert block["tool_use_id"] in server_calls, "a result of the API's without its call"
                    server_calls.remove(block["tool_use_id"])
                case _:
                    pass
        if role == "user":
            answers = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
            if not in_order:
                answers.sort()
                due.sort()
            assert answers == due, f"message {number} answers {answers} and not {due}"
            first = [block["type"] for block in content[: len(due)]]
            assert first == ["tool_result"] * len(due), "something stands before the results"
            waits = bool(due) and len(due) == len(content)  # with results alone the API goes on where it was
            due = []
            assert waits or not server_calls, "a call of the API's own without its result"
        else:
            due = [block["id"] for block in content if block["type"] == "tool_use"]
            assert content[-1]["type"] != "thinking", f"message {number} ends with thinking"
    if paused:
        return
    assert not due, f"no results for {due}"
    assert messages[-1]["role"] == "user", "the last message is an answer"


_OF_BLOCKS: Final = {"text": "text", "image": "source", "document": "source"}
"""What each block of a result has to have."""


def _check_result(block: dict[str, Any]) -> None:
    content = block.get("content", "")
    is_error = block.get("is_error") is True
    assert content or not is_error, "an error says nothing"
    if isinstance(content, str):
        assert content.strip() or not is_error, "an error says nothing"
        return
    for part in content:
        assert part.get(_OF_BLOCKS.get(part["type"], "type")), (
            f"a result has a {part['type']} with nothing in it"
        )
        assert part["type"] == "text" or not is_error, f"an error has a {part['type']}"


def _blocks(message: Any) -> list[Any]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def answers(*replies: Reply, paused: Iterable[int] = ()) -> list[Callable[[Request], Reply]]:
    """
    Replies of a server that first checks that the API would take the request.
    """

    def checked(number: int, answer: Reply) -> Callable[[Request], Reply]:
        def answering(request: Request) -> Reply:
            check_conversation(request.body["messages"], paused=number in paused)
            return answer

        return answering

    return [checked(number, answer) for number, answer in enumerate(replies)]
