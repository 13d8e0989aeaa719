"""
The message so far: made from what a run has told, read again from JSON, and gone on with event for event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import streamkit as sk
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.so_far import begun_message, fields_of, message_so_far, rest_of_end
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import from_dict, to_dict
from streamkit.testing import reply, text, thinking, tool_use
from tests.support.claude import RESTARTED, events_of
from tests.support.profiles import examples

if TYPE_CHECKING:
    from pathlib import Path

CUTS = examples(pr=24, full=10_000)


def decoded(recording: Path) -> list[Any]:
    decoder = EventDecoder()
    events = decoder.feed(recording.read_bytes())
    try:
        decoder.end()
    except sk.StreamError:
        pytest.skip("it does not end well")
    return [event for event in events if event.type != "ping"]


def built(events: list[Any]) -> MessageBuilder:
    message = MessageBuilder()
    for event in events:
        message.add(event)
    return message


def begun(so_far: Any) -> MessageBuilder:
    """
    The message so far as a worker reads it: it has been JSON in between.
    """
    fields = fields_of(json.loads(msgspec.json.encode(fields_of(so_far))))
    assert fields is not None
    return begun_message(fields)


def is_in_tool(message: MessageBuilder) -> bool:
    """
    Whether a call's input is incomplete, whose text no message has.
    """
    return any(block.raw and not block.closed for block in message.blocks)


def test_wherever_a_recording_is_cut_the_message_goes_on_event_for_event(recording: Path) -> None:
    events = decoded(recording)
    try:
        whole = built(events).to_dict()
    except StreamSpliced:
        pytest.skip("it is spliced")
    for cut in range(1, len(events) + 1, 1 + len(events) // CUTS):
        before = built(events[:cut])
        so_far = message_so_far(events[:cut])
        if so_far is None:
            assert not before.started or (before.changed and before.stop_reason is None)
            continue
        message = begun(so_far)
        assert message.to_dict() == before.to_dict() or is_in_tool(before)
        assert (message.ended, message.stop_reason) == (before.ended, before.stop_reason)
        if is_in_tool(before) or before.ended:
            continue
        assert [block.closed for block in message.blocks[-1:]] == [
            block.closed for block in before.blocks[-1:]
        ]
        for event in events[cut:]:
            message.add(event)
        assert message.to_dict() == whole


def test_of_nothing_or_of_something_else_there_is_no_message() -> None:
    assert message_so_far([]) is None
    assert message_so_far([""]) is None
    assert message_so_far([sk.Restarted(2, ValueError())]) is None
    assert message_so_far([("text", "Hello")]) is None
    assert message_so_far([{"type": "text-delta", "id": "1", "delta": "Hello"}]) is None
    assert message_so_far([*events_of(text("Hello")), sk.ToolResult("toolu_1", "go", "42")]) is None
    assert message_so_far([*events_of(tool_use("go")), *events_of(text("Hello"))]) is None


def test_what_came_before_a_restart_is_void() -> None:
    so_far: Any = message_so_far(
        [*events_of(text("Hel"))[:3], RESTARTED, *events_of(text("Good", " day"))[:3]]
    )
    assert [block.text for block in so_far.content] == ["Good"]


def test_text_alone_is_a_message_of_one_block_that_is_open() -> None:
    so_far: Any = message_so_far(["Hel", "lo"])
    assert (so_far.content[0].text, so_far.cut) == ("Hello", {"open": 0, "next": 1})
    assert so_far.stop_reason is None


def test_it_tells_which_block_is_open() -> None:
    events = events_of(text("Hello"), text("world"))
    cuts = [getattr(message_so_far(events[:cut]), "cut", "whole") for cut in range(1, len(events) + 1)]
    first, second = {"open": 0, "next": 1}, {"open": 1, "next": 2}
    assert cuts == [
        {"open": None, "next": 0},
        *[first, first, {"open": None, "next": 1}],
        *[second, second, {"open": None, "next": 2}, {"open": None, "next": 2}],
        "whole",
    ]


def test_indices_of_the_wire_may_have_gaps() -> None:
    events = [{**to_dict(event)} for event in events_of(text("Hello"), text("world"))]
    for event in events:
        if "index" in event:
            event["index"] *= 3
    typed = list(map(from_dict, events))
    assert message_so_far(typed[:6]).cut == {"open": 3, "next": 4}  # type: ignore[union-attr]
    assert [block.index for block in begun(message_so_far(typed[:6])).blocks] == [0, 3]


def test_an_answer_that_was_paused_is_several_messages() -> None:
    first, second = events_of(text("Hm"), stop_reason="pause_turn"), events_of(text("So"))
    so_far: Any = message_so_far([*first, *second[:3]])
    assert [message.stop_reason for message in so_far] == ["pause_turn", None]
    assert message_so_far([*events_of(text("Hm")), *second[:3]]) is None


def test_a_message_that_does_not_tell_counts_as_cut_in_its_last_block() -> None:
    def is_closed(*blocks: dict[str, Any], **fields: Any) -> list[bool]:
        return [block.closed for block in begun_message({"content": list(blocks), **fields}).blocks]

    said = {"type": "text", "text": "Hello"}
    assert is_closed(said, said) == [True, False]
    assert is_closed(said, stop_reason="end_turn") == [True]
    assert is_closed({"type": "thinking", "thinking": "Hm"}) == [False]
    assert is_closed({"type": "thinking", "thinking": "Hm", "signature": "x"}) == [True]
    assert is_closed({"type": "redacted_thinking", "data": "x"}) == [True]
    assert is_closed({"type": "web_search_tool_result", "tool_use_id": "x", "content": []}) == [True]
    assert is_closed({"type": "tool_use", "id": "x", "name": "go", "input": {}}) == [False]


def test_what_is_missing_of_the_end() -> None:
    events = events_of(text("Hello"))
    for cut, missing in ((len(events), []), (len(events) - 1, ["message_stop"])):
        assert [event.type for event in rest_of_end(begun(message_so_far(events[:cut])))] == missing
    without_stop = [event for event in events if event.type not in {"content_block_stop", "message_stop"}]
    rest = rest_of_end(begun(message_so_far(without_stop)))
    assert [to_dict(event) for event in rest] == [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop"},
    ]


def test_what_nobody_knows_is_kept() -> None:
    strange = {"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "mood": "calm"}}
    aside = {"type": "aside", "sky": "blue"}
    events = [*events_of(thinking("Hm"), text("Hello"))[:-3], from_dict(aside)]
    events.insert(3, from_dict(strange))
    message = begun(message_so_far(events))
    message.add(from_dict(strange | {"index": 0}))
    told = message.to_dict()
    assert told["unknown_events"] == [aside]
    assert told["content"][0]["unknown_deltas"] == [strange["delta"], strange["delta"]]


def test_the_sdks_own_events_are_read_too() -> None:
    import anthropic.types as sdk

    events = [
        sdk.RawContentBlockStartEvent.model_validate(
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        ),
        sdk.RawContentBlockDeltaEvent.model_validate(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
        ),
    ]
    so_far: Any = message_so_far(events)
    assert so_far.content[0].text == "Hello"


def test_only_answers_are_messages() -> None:
    assert fields_of("Hello") is None
    assert fields_of({"role": "user", "content": "Hello"}) is None
    assert fields_of({"role": "assistant"}) is None
    assert fields_of(reply) is None
    assert fields_of({"role": "assistant", "content": "Hello"}) == {"role": "assistant", "content": "Hello"}
