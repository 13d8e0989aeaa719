"""
Makes the request for the rest of a message that was cut, and says when there can be none.

It follows https://docs.claude.com/en/docs/build-with-claude/streaming#error-recovery. Up to Claude 4.5 the text so far is sent
as the beginning of the answer: a prefill, which must not end in white space. Later models refuse a prefill. They get the
text as an assistant message of its own, and a user message behind it that asks to continue. A cut inside a tool's input or
inside thinking cannot be recovered.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from streamkit._claude.exchange.seam import regained_space, repeated_tail
from streamkit._claude.protocol.history import OpenCalls, answered, as_params, with_answer
from streamkit._claude.protocol.kinds import SERVER_TOOLS, THINKING, arrives_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.message import MessageBuilder

__all__ = ["INTERRUPTED", "Continuation", "Repetition", "continuation", "obstacle"]

INTERRUPTED: Final = "Your previous response was interrupted"
"""How the user message begins that asks to continue."""

_PREFILL_UP_TO = (4, 5)
# A date, as in claude-opus-4-20250514, is not a minor version.
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)")

_SHOWN = 200
"""Characters of the text's end that the user message quotes."""


class Repetition(Protocol):
    """
    Tells how many characters at the beginning of a continuation repeat the text so far; None while it cannot be told.
    """

    def __call__(self, beginning: str, /, *, final: bool) -> int | None: ...


class Continuation(NamedTuple):
    """
    A request for the rest of a message.

    Attributes:
        params: What to send.
        open: The index of the text block that was cut; None if the cut is between two blocks.
        unclosed: The index of a block that is whole but lacks its `content_block_stop`, or None.
        next: The index of the next block.
        repetition: Finds what the answer repeats of the text so far.
    """

    params: dict[str, Any]
    open: int | None
    unclosed: int | None
    next: int
    repetition: Repetition


def obstacle(message: MessageBuilder) -> str | None:
    """
    Why this message cannot be continued, in words; None if it can.
    """
    if not message.started:
        return "the message had not begun"
    if message.changed:
        return "the message had its stop reason already, so that nothing is left to ask for"
    blocks = message.blocks
    if not blocks:
        return None
    last = blocks[-1]
    if not _is_whole(last) and last.type != "text":
        return f"the cut is inside a {last.type} block, which cannot be recovered"
    if any(block.type == "tool_use" for block in blocks):
        return "the message has called a tool, and the API wants its result before anything else"
    try:
        _text(blocks).encode()
    except UnicodeEncodeError:
        return "the text has half of a surrogate pair, which no request can carry"
    if last.type in SERVER_TOOLS:
        return f"the cut is inside a tool's work: the result of a {last.type} block had not arrived"
    return None


def continuation(message: MessageBuilder, params: Mapping[str, Any]) -> Continuation:
    """
    The request for the rest of a message that has no `obstacle`.

    Args:
        message: The message so far.
        params: The parameters of the first request.
    """
    blocks = message.blocks
    last = blocks[-1] if blocks else None
    text = _text(blocks)
    # A model's thinking is not shown to it again: a prefill must not have any, and an assistant message does not need it.
    shown = [block for block in blocks if block.type and block.type not in THINKING and not block.is_blank]
    # The text behind the last block that is shown is white space, which the model may well write again.
    blank = text if not shown else _text(blocks[blocks.index(shown[-1]) + 1 :])
    request = dict(params)
    repetition: Repetition = partial(regained_space, blank)
    # A call of the API's own tools whose result is not there has no effect, and the API would refuse it.
    if answer := answered(as_params(shown), OpenCalls(params["messages"])):
        if _takes_prefill(params):
            if answer[-1]["type"] == "text":
                whole: str = answer[-1]["text"]
                answer[-1]["text"] = whole.rstrip()
                repetition = partial(regained_space, whole[len(whole.rstrip()) :] + blank)
            request["messages"] = with_answer(params["messages"], answer, joined=True)
        else:
            before = with_answer(params["messages"], answer, joined=True)
            request["messages"] = [*before, _please_go_on(text.rstrip() if blank else text)]
            repetition = partial(_longer, partial(regained_space, blank), partial(repeated_tail, text))
    is_open = last is not None and last.type == "text" and not last.closed
    return Continuation(
        request,
        open=last.index if last is not None and is_open else None,
        unclosed=last.index if last is not None and not is_open and not last.closed else None,
        next=0 if last is None else last.index + 1,
        repetition=repetition,
    )


def _text(blocks: Iterable[Block]) -> str:
    return "".join(block.to_dict()["text"] for block in blocks if block.type == "text")


def _longer(one: Repetition, other: Repetition, beginning: str, /, *, final: bool) -> int | None:
    """
    The longer of two repetitions; None while either cannot be told.
    """
    lengths = (one(beginning, final=final), other(beginning, final=final))
    return None if lengths[0] is None or lengths[1] is None else max(lengths[0], lengths[1])


def _takes_prefill(params: Mapping[str, Any]) -> bool:
    match params.get("thinking"):
        case {"type": kind} if kind != "disabled":
            return False
        case _:
            pass
    version = _VERSION.search(str(params["model"]))
    return version is not None and (int(version[1]), int(version[2] or 0)) <= _PREFILL_UP_TO


def _please_go_on(text: str) -> dict[str, str]:
    end = f" and ended with [{text[-_SHOWN:]}]" if text else ""
    return {
        "role": "user",
        "content": f"{INTERRUPTED}{end}. Continue from there: begin with the very "
        "next character, without repeating anything and without a remark about the interruption.",
    }


def _is_whole(block: Block) -> bool:
    return block.closed or arrives_whole(block.type)
