"""
What of an answer can be sent back to the API, and the conversation with it.

A response may hold what a request must not: a call whose input was cut, thinking without its signature or with nothing behind
it, text with nothing in it (https://docs.claude.com/en/docs/build-with-claude/extended-thinking#preserving-thinking-blocks).
Thinking is signed for the conversation before it. Where another request has continued the message, its conversation was another,
and the API refuses what it has signed under that.

Each call of the API's own tools needs its result, unless the API has not done it yet: where it has paused, or waits for the
results of the caller's tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from streamkit._claude.protocol.kinds import (
    APPLICATION_TOOLS,
    BLOCKS,
    SERVER_TOOLS,
    THINKING,
    TOOLS,
    arrives_whole,
)
from streamkit._claude.protocol.plain_params import as_plain, plain_messages
from streamkit._claude.protocol.stop_reasons import stop_reason

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.message import MessageBuilder
    from streamkit._claude.protocol.replies import Replies

__all__ = ["OpenCalls", "answered", "as_params", "called_in", "history", "sendable", "with_answer"]


def history(
    asked: Iterable[Any], messages: Sequence[MessageBuilder], replies: Replies | None = None
) -> list[dict[str, Any]]:
    """
    A conversation with the answer to it, as the next request can send it: plain dicts.

    Args:
        asked: The messages of the request; empty where they are not known.
        messages: The messages of the answer, as far as they have come; the last one may not have begun.
        replies: What answers its calls. Without it they are left to whoever sends the next request.
    """
    conversation = plain_messages(asked)
    waits = False
    if answer := _answer(messages, replies):
        conversation = with_answer(conversation, answer, joined=replies is None or not replies.continues)
        said = conversation.pop()
        if isinstance(said["content"], list):
            # Where a request has continued a pause and nothing has come of it, `outcome.stop_reason` tells of no pause either.
            reason = stop_reason(messages[-1].stop_reason)
            waits = reason.pauses or (reason.awaits_results and bool(_calls_in(said["content"])))
            said["content"] = answered(said["content"], OpenCalls(conversation), waits=waits)
        if said["content"]:
            conversation.append(said)
    return conversation if replies is None else _with_replies(conversation, replies, waits=waits)


def _answer(messages: Sequence[MessageBuilder], replies: Replies | None) -> list[dict[str, Any]]:
    """
    The blocks of the answer. Where the loop replies, calls that it will not answer are left out.
    """
    wrapped = replies is not None and replies.due
    answer = [block for message in messages for block in sendable(message, wrapped=wrapped)]
    return answer if replies is None or replies.due else _without_calls(answer)


def _with_replies(
    conversation: list[dict[str, Any]], replies: Replies, *, waits: bool
) -> list[dict[str, Any]]:
    """
    A conversation with the results of its last calls, in their order, and what the user has said behind them.

    Args:
        conversation: The conversation.
        replies: What there is.
        waits: Whether the API waits for something that only it, or the results, can give.
    """
    last = conversation[-1] if conversation else {"role": "", "content": ""}
    content: str | list[dict[str, Any]] = last["content"]
    blocks: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    if last["role"] == "assistant" and not isinstance(content, str):
        calls = [block for block in content if _type(block) in APPLICATION_TOOLS]
        blocks = [replies.block(_text_in(call, "id")) for call in calls]
    # A program of the API's that has called the tools takes nothing but their results.
    if replies.said and not (waits and not calls) and not any(map(_caller, calls)):
        blocks += [{"type": "text", "text": text} for text in replies.said]
    if not blocks:
        return conversation
    if last["role"] == "user":
        before = [{"type": "text", "text": content}] if isinstance(content, str) else content
        return [*conversation[:-1], {**last, "content": [*before, *blocks]}]
    is_text = len(blocks) == 1 and _type(blocks[0]) == "text"
    return [*conversation, {"role": "user", "content": blocks[0]["text"] if is_text else blocks}]


def _calls_in(content: Iterable[dict[str, Any]]) -> list[str]:
    """
    The ids of the calls of the caller's tools.
    """
    return [_text_in(block, "id") for block in content if _type(block) in APPLICATION_TOOLS]


def _without_calls(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    The blocks without the calls of the caller's tools, and without the thinking behind one: that was signed for what came before
    it.
    """
    kept: list[dict[str, Any]] = []
    is_changed = False
    for block in blocks:
        if _type(block) in APPLICATION_TOOLS:
            is_changed = True
        elif not (is_changed and _type(block) in THINKING):
            kept.append(block)
    return kept


def sendable(message: MessageBuilder, *, wrapped: bool = False) -> list[dict[str, Any]]:
    """
    The blocks of a message that can be sent back, as a request has them.

    Args:
        message: The message.
        wrapped: Whether calls of the caller's tools stay whose input is not a JSON object: its text is wrapped in one.
    """
    blocks = message.blocks
    has_ended = message.changed or message.ended
    kept: list[Block | dict[str, Any]] = []
    is_changed = False  # and so what was signed behind that would be refused
    for block in blocks:
        if _is_sendable(block, is_whole=has_ended or block is not blocks[-1]):
            if not (is_changed and block.type in THINKING):
                kept.append(block)
        elif block.type in TOOLS:
            is_changed = True
            if wrapped and block.type in APPLICATION_TOOLS and block.id and block.name and not block.repeats:
                kept.append({**block.to_dict(), "input": {"INVALID_JSON": block.raw}})
    return [cast("dict[str, Any]", as_plain(fields)) for fields in as_params(kept)]


def as_params(blocks: Iterable[Block | dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Blocks of an answer as they are sent back to the API.
    """
    params = [block if isinstance(block, dict) else block.to_dict() for block in blocks]
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
            [{"type": "text", "text": prefill}] if isinstance(prefill, str) else list(map(as_plain, prefill))
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
        signed = _text_in(fields, "data" if block.type == "redacted_thinking" else "signature")
        return is_whole and bool(signed) and not block.continues
    if block.type in TOOLS:
        is_whole = (
            block.ended if block.type in APPLICATION_TOOLS else is_whole
        )  # as `outcome.tool_calls` has it
        is_named = bool(block.id and block.name)
        return is_whole and is_named and isinstance(block.input(), dict)
    if block.type == "text":
        return not block.is_blank
    if block.type.endswith("_result"):
        fields = block.to_dict()
        is_whole = is_whole and bool(_text_in(fields, "tool_use_id")) and fields.get("content") is not None
    if block.type not in BLOCKS and "unknown_deltas" in block.to_dict():
        return False  # nobody knows what they make of it
    if block.type == "compaction" and block.to_dict().get("content") == "":
        return False
    return is_whole and bool(block.type)


def called_in(conversation: Iterable[Any]) -> Iterator[str]:
    """
    The ids of the calls of the caller's tools in a conversation.

    Args:
        conversation: Its messages.
    """
    for message in conversation:
        for block in _answer_in(message):
            if _type(block) in APPLICATION_TOOLS:
                yield _text_in(block, "id")


class OpenCalls:
    """
    The API's own calls in a conversation that have no result there: a program that calls the caller's tools ends only when they
    have given theirs.

    Args:
        conversation: The messages so far.
    """

    def __init__(self, conversation: Iterable[Any] = ()) -> None:
        self._called: set[str] = set()
        self._done: set[str] = set()
        for message in conversation:
            self.follow(message)

    def follow(self, message: Any) -> None:
        """
        Take the next message of the conversation.
        """
        for block in _answer_in(message):
            if _type(block) in SERVER_TOOLS:
                self._called.add(_text_in(block, "id"))
            if answers := _text_in(block, "tool_use_id"):
                self._done.add(answers)

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._called and call_id not in self._done


def answered(
    content: Iterable[dict[str, Any]], before: Container[str] = (), *, waits: bool = False
) -> list[dict[str, Any]]:
    """
    The blocks of an answer without those that need another one which is not there: a result its call, a call of the API's own
    tools its result, and thinking what it was for. Of several calls or results with one id the first stays.

    Args:
        content: The blocks.
        before: The open calls of the conversation before them. One of these may have its result only now.
        waits: Whether such calls stay, because the API goes on with them.
    """
    blocks = list(content)
    callers = {_caller(block) for block in blocks if _type(block) in APPLICATION_TOOLS}
    last_result = {_text_in(block, "tool_use_id"): number for number, block in enumerate(blocks)}
    called: set[str] = set()
    done: set[str] = set()
    kept: list[dict[str, Any]] = []
    for number, block in enumerate(blocks):
        if _type(block) in TOOLS:
            call = _text_in(block, "id")
            is_done = waits or last_result.get(call, 0) > number or call in callers
            if call in called or not (is_done or _type(block) in APPLICATION_TOOLS):
                continue
            called.add(call)
            done.discard(call)
        elif block.get("tool_use_id") is not None:
            answers = _text_in(block, "tool_use_id")
            if answers in done or not (answers in called or answers in before):
                continue
            done.add(answers)
        kept.append(block)
    while kept and _type(kept[-1]) in THINKING:
        kept.pop()
    return kept


def _answer_in(message: Any) -> Sequence[dict[str, Any]]:
    """
    The blocks of a message of the model's; none of any other.
    """
    fields = _fields(message)
    content = fields.get("content")
    if fields.get("role") != "assistant" or not isinstance(content, list | tuple):
        return ()
    return [_fields(block) for block in cast("Sequence[Any]", content)]


def _fields(value: Any) -> dict[str, Any]:
    """
    A message or a block as a dict; what it holds may still be the SDK's own objects.
    """
    if type(value) is dict:  # nearly always, and a whole conversation is looked through for each of its turns
        return cast("dict[str, Any]", value)
    fields: object = as_plain(value)
    return cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}


def _text_in(block: dict[str, Any], field: str) -> str:
    value = block.get(field)
    return value if isinstance(value, str) else ""


def _type(block: dict[str, Any]) -> str:
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""


def _caller(block: dict[str, Any]) -> str:
    """
    The id of the API's own call that has called a tool of the caller's, as a program does; empty without one.
    """
    caller = block.get("caller")
    return _text_in(cast("dict[str, Any]", caller), "tool_id") if isinstance(caller, dict) else ""
