"""
The message so far, with which another run goes on: made from what a run has told, and read as it is given.

It is the SDK's message with one field more, `cut`, where its events did not reach the end of it. That says what the content does
not: which block is still open, and the index of the next one. So the events that follow continue those that made it, one for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from streamkit._claude.protocol.codec import Unknown
from streamkit._claude.protocol.content import as_blocks
from streamkit._claude.protocol.events import ContentBlockStop, MessageStop
from streamkit._claude.protocol.kinds import arrives_whole
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.reading import as_list, as_object, plain
from streamkit._claude.protocol.sdk_message import sdk_message
from streamkit._claude.protocol.stop_reasons import stop_reason
from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._core.foreign_objects import type_of
from streamkit._core.items import is_restart

if TYPE_CHECKING:
    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.protocol.events import Event, Message as BegunMessage

    OneSoFar: TypeAlias = Message | BetaMessage | BegunMessage | Mapping[str, Any]
    SoFar: TypeAlias = OneSoFar | Sequence[OneSoFar]

__all__ = ["CUT", "begun_message", "fields_of", "message_so_far", "rest_of_end"]

CUT: Final = "cut"
"""
The field of a message so far that its events did not end: `{"open": …, "next": …}`, the index of the block that lacks its end, or
None, and that of the block that would come next. None where they have ended it, but without a stop reason.
"""


def message_so_far(
    items: Iterable[Any], *, beta: bool | None = None
) -> Message | BetaMessage | list[Message | BetaMessage] | None:
    """
    The message that a run has told so far.

    Args:
        items: All items of the run, in order: Claude's events, or the text of one message. What came before a `Restarted` is
            void.
        beta: Whether it is a `BetaMessage`; by default where something in it is known to that type only.

    Returns:
        The message; a list where the API has paused it and others have followed; None where there is nothing to go on with:
        nothing was told, or something that is not one answer.
    """
    told = _since_restart(items)
    if not told:
        return None
    if all(isinstance(item, str) for item in told):
        text = "".join(cast("list[str]", told))
        messages = [_with_text(text)] if text else []
    elif all(type_of(item) not in {None, ToolResult.type} for item in told):
        messages = _messages_in(told)
    else:
        return None
    if not messages or not all(stop_reason(message.stop_reason).pauses for message in messages[:-1]):
        return None
    built = [sdk_message({**message.to_dict(), **_end_of(message)}, beta=beta) for message in messages]
    return built if len(built) > 1 else built[0]


def fields_of(message: object) -> dict[str, Any] | None:
    """
    A message as plain JSON; None where it is not an answer of the model.
    """
    if isinstance(message, str | bytes) or not (
        isinstance(message, Mapping) or hasattr(type(message), "content") or hasattr(message, "content")
    ):
        return None
    fields = as_object(plain(message))
    if fields is None or fields.get("role", "assistant") != "assistant":
        return None
    return None if as_blocks(fields.get("content")) is None else fields


def begun_message(fields: Mapping[str, Any]) -> MessageBuilder:
    """
    The message that is to go on, from the JSON object that it is.

    Where that does not say how far its events had come, its last block counts as open, unless that is known to be whole: it is a
    message that was cut in it.
    """
    blocks = [plain(block) for block in as_blocks(fields.get("content")) or ()]
    ends = {name: fields[name] for name in _ENDS if fields.get(name) is not None}
    head = {name: None if name in _ENDS else value for name, value in fields.items() if name not in _BUILT}
    cut = as_object(fields.get(CUT))
    message = MessageBuilder()
    message.add(Unknown(type="message_start", message=head))
    for number, block in enumerate(blocks):
        is_last = number == len(blocks) - 1
        index = cut["next"] - 1 if is_last and cut is not None else number
        message.add(Unknown(type="content_block_start", index=index, content_block=block))
        is_open = is_last and (not (ends or _is_whole(block)) if cut is None else cut["open"] == index)
        if not is_open:
            message.add(ContentBlockStop(index))
    message.restore(as_list(fields.get("unknown_events")) or ())
    if ends:
        message.add(Unknown(type="message_delta", delta=ends))
    if cut is None and (ends or CUT in fields):
        message.add(MessageStop())
    return message


def rest_of_end(message: MessageBuilder) -> list[Event]:
    """
    What is missing of a message that has told its stop reason: the ends of its last block and of itself.
    """
    if message.ended:
        return []
    unclosed = [block.index for block in message.blocks[-1:] if not block.closed]
    return [*map(ContentBlockStop, unclosed), MessageStop()]


_ENDS: Final = ("stop_reason", "stop_sequence", "stop_details")
_BUILT: Final = frozenset({"content", "unknown_events", CUT})


def _since_restart(items: Iterable[Any]) -> list[Any]:
    told: list[Any] = []
    for item in items:
        if is_restart(item):
            told.clear()
        elif getattr(item, "type", "") != "ping":
            told.append(item)
    return told


def _messages_in(events: list[Any]) -> list[MessageBuilder]:
    """
    The messages of these events; none where one of them did not end, and another followed, or the last one can say nothing more.
    """
    messages: list[MessageBuilder] = []
    waiting = iter(events)
    begins: Any = next(waiting)
    while begins is not None:
        messages.append(MessageBuilder())
        messages[-1].add(begins)
        begins = messages[-1].take(waiting)
    last = messages[-1]
    is_stuck = last.changed and not last.ended and last.stop_reason is None
    return [] if is_stuck or not last.started else messages


def _with_text(text: str) -> MessageBuilder:
    head = {"id": "", "type": "message", "role": "assistant", "model": ""}
    return begun_message({**head, "content": [{"type": "text", "text": text}]})


def _end_of(message: MessageBuilder) -> dict[str, Any]:
    """
    What is told of a message's end beside its own fields.
    """
    if message.ended:
        return {CUT: None} if message.stop_reason is None else {}
    blocks = message.blocks
    if not blocks:
        return {CUT: {"open": None, "next": 0}}
    last = blocks[-1]
    return {CUT: {"open": None if last.closed else last.index, "next": last.index + 1}}


def _is_whole(block: Any) -> bool:
    """
    Whether the last block of a message, of which nothing else is known, can say nothing more.
    """
    fields = as_object(block) or {}
    kind = str(fields.get("type", ""))
    return arrives_whole(kind) or (kind == "thinking" and bool(fields.get("signature")))
