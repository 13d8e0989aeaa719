"""
What of an answer can be sent back to the API, and the conversation with it.

A response may hold what a request must not: a call whose input was cut, thinking without its signature, text with nothing in it
(https://docs.claude.com/en/docs/build-with-claude/extended-thinking#preserving-thinking-blocks). Thinking is signed for the
conversation before it. Where another request has continued the message, its conversation was another, and the API refuses what it
has signed under that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.events import to_dict
from streamkit._claude.protocol.kinds import SERVER_TOOLS, THINKING, TOOLS, arrives_whole
from streamkit._claude.protocol.stop_reasons import stop_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.message import MessageBuilder

__all__ = ["as_params", "history", "sendable", "with_answer"]


def history(asked: Iterable[Any], messages: Sequence[MessageBuilder]) -> list[dict[str, Any]]:
    """
    A conversation with the answer to it, as the next request can send it: plain dicts.

    Args:
        asked: The messages of the request; empty where they are not known.
        messages: The messages of the answer, as far as they have come.
    """
    conversation = [_plain(message) for message in asked]
    is_first = True
    for message in messages:
        if answer := sendable(message):
            conversation = with_answer(conversation, answer, joined=is_first)
            is_first = False
    if is_first or not conversation:
        return conversation
    pauses = stop_reason(messages[-1].stop_reason).pauses
    said = conversation.pop()
    content = (
        _answered(said["content"], keeps_calls=pauses)
        if isinstance(said["content"], list)
        else said["content"]
    )
    return [*conversation, {**said, "content": content}] if content else conversation


def sendable(message: MessageBuilder) -> list[dict[str, Any]]:
    """
    The blocks of a message that can be sent back, as a request has them.
    """
    blocks = message.blocks
    has_ended = message.changed or message.ended
    kept = [block for block in blocks if _is_sendable(block, is_whole=has_ended or block is not blocks[-1])]
    return [cast("dict[str, Any]", _plain(fields)) for fields in as_params(kept)]


def as_params(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """
    Blocks of an answer as they are sent back to the API.
    """
    params = [block.to_dict() for block in blocks]
    for fields in params:
        fields.pop("unknown_deltas", None)
        if not fields.get("citations", True):
            del fields["citations"]
    return params


def with_answer(messages: Iterable[Any], answer: list[dict[str, Any]], *, joined: bool = False) -> list[Any]:
    """
    A conversation with what the model has answered so far. Where it ends with a prefill, the answer is added to that.

    Args:
        messages: The conversation.
        answer: The blocks of the answer.
        joined: Whether the answer's first text continues the block of a prefill, instead of a block of its own.
    """
    conversation = list(messages)
    if conversation and conversation[-1]["role"] == "assistant":
        prefill = conversation.pop()["content"]
        blocks = (
            [{"type": "text", "text": prefill}] if isinstance(prefill, str) else list(map(to_dict, prefill))
        )
        if joined and blocks and blocks[-1]["type"] == answer[0]["type"] == "text":
            first = blocks.pop()
            answer = [{**first, **answer[0], "text": first["text"] + answer[0]["text"]}, *answer[1:]]
        answer = [*blocks, *answer]
    plain = len(answer) == 1 and answer[0].keys() == {"type", "text"}
    return [*conversation, {"role": "assistant", "content": answer[0]["text"] if plain else answer}]


def _is_sendable(block: Block, *, is_whole: bool) -> bool:
    """
    Whether the API takes a block back.

    Args:
        block: The block.
        is_whole: Whether nothing more can come of it, even if it was not closed.
    """
    is_whole = is_whole or block.closed or arrives_whole(block.type)
    if block.type in THINKING:
        fields = block.to_dict()
        signed = fields.get("data") if block.type == "redacted_thinking" else fields.get("signature")
        return is_whole and bool(signed) and not block.continues
    if block.type in TOOLS:
        is_named = bool(block.id and block.name)
        return is_whole and is_named and isinstance(block.input(), dict)
    if block.type == "text":
        return not block.is_blank
    return is_whole and bool(block.type)


def _answered(content: list[dict[str, Any]], *, keeps_calls: bool) -> list[dict[str, Any]]:
    """
    The blocks without results that lack their call, and without calls of the API's own tools that lack their result.

    Args:
        content: The blocks.
        keeps_calls: Whether those calls stay: where the API has paused, it goes on with them.
    """
    # Lists, because what has come may be of any type.
    called = [block.get("id") for block in content if block.get("type") in TOOLS]
    answered = [block.get("tool_use_id") for block in content]
    return [
        block
        for block in content
        if (block.get("tool_use_id") is None or block["tool_use_id"] in called)
        and (keeps_calls or block.get("type") not in SERVER_TOOLS or block.get("id") in answered)
    ]


def _plain(value: Any) -> Any:
    """
    The value as plain JSON: what an application may put into a message, the SDK's own objects too.
    """
    if isinstance(value, str):
        return _legal(value)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {_legal(name): _plain(each) for name, each in fields.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in cast("list[Any]", value)]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _plain(to_dict(value))


def _legal(text: str) -> str:
    """
    The text, with a mark in place of each half of a surrogate pair, which no request can carry.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
