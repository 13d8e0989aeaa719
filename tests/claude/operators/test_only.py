"""
Only: events by the names or classes of their types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import anthropic
import pytest
from anthropic import types as sdk

from streamkit._claude.operators.only import only
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.protocol.tool_result import ToolResult
from streamkit._core.algebra import Operator
from streamkit.events import (
    AnyEvent,
    ContentBlockDelta,
    Event,
    InputJSONDelta,
    MessageDelta,
    MessageStart,
    MessageStop,
    Ping,
    Restarted,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    Unknown,
    from_dict,
)
from streamkit.testing import PING, reply, text, thinking, tool_use
from tests.support.claude import RESTARTED

if TYPE_CHECKING:
    from collections.abc import Iterable


EVENTS = EventDecoder().feed(
    reply(thinking("Hm.", "Well."), PING, text("Hel", "lo"), tool_use("look", {"a": 1})).body
)
NEW_EVENT = from_dict({"type": "message_pause", "reason": "thinking"})
RESULT = ToolResult("toolu_1", "look", "nothing")
MOOD = {"type": "mood_delta", "mood": "good"}
NEW_DELTA = from_dict({"type": "content_block_delta", "index": 0, "delta": MOOD})


def kinds(events: Iterable[Any]) -> list[str]:
    """
    The types of events, and of the delta for those that have one.
    """
    return [event.delta.type if event.type == "content_block_delta" else event.type for event in events]


@pytest.mark.parametrize("given", ["text_delta", TextDelta, sdk.TextDelta])
def test_deltas_of_one_kind(given: Any) -> None:
    assert [event.delta.text for event in only(given).over(EVENTS)] == ["Hel", "lo"]


@pytest.mark.parametrize("given", ["tool_result", ToolResult])
def test_results_of_a_tool_loop(given: Any) -> None:
    assert list(only(given).over([*EVENTS, RESULT])) == [RESULT]


def test_a_result_is_not_an_event_that_is_unknown() -> None:
    assert list(only(Unknown).over([*EVENTS, RESULT])) == []


@pytest.mark.parametrize("given", ["message_delta", MessageDelta, sdk.RawMessageDeltaEvent])
def test_events_of_one_kind(given: Any) -> None:
    (event,) = only(given).over(EVENTS)
    assert event is EVENTS[-2]


def test_several_kinds_in_the_order_of_the_stream() -> None:
    assert kinds(only(TextDelta, "message_start", MessageStop, "ping").over(EVENTS)) == [
        "message_start",
        "ping",
        "text_delta",
        "text_delta",
        "message_stop",
    ]
    assert kinds(only(ThinkingDelta, SignatureDelta, InputJSONDelta).over(EVENTS))[:3] == [
        "thinking_delta",
        "thinking_delta",
        "signature_delta",
    ]


def test_all_deltas() -> None:
    deltas = [event for event in EVENTS if event.type == "content_block_delta"]
    assert list(only(ContentBlockDelta).over(EVENTS)) == deltas
    assert list(only("content_block_delta", TextDelta).over(EVENTS)) == deltas


def test_names_that_this_version_does_not_know() -> None:
    events: list[Event] = [*EVENTS, NEW_EVENT, NEW_DELTA]
    assert list(only("message_pause").over(events)) == [NEW_EVENT]
    assert list(only("mood_delta").over(events)) == [NEW_DELTA]
    assert list(only("never_seen").over(events)) == []


def test_whatever_this_version_does_not_know() -> None:
    events: list[Event] = [*EVENTS, NEW_EVENT, NEW_DELTA, RESTARTED]
    assert list(only(Unknown).over(events)) == [NEW_EVENT, NEW_DELTA]
    assert list(only(Unknown, Ping).over(events)) == [*only("ping").over(EVENTS), NEW_EVENT, NEW_DELTA]


def test_a_restart_passes_where_it_is_asked_for() -> None:
    events: list[Event] = [*EVENTS[:2], RESTARTED, *EVENTS]
    assert list(only(Restarted).over(events)) == [RESTARTED]
    assert kinds(only(MessageStart).over(events)) == ["message_start"] * 2


def test_the_sdks_own_events() -> None:
    events: list[Any] = [
        sdk.RawMessageStopEvent(type="message_stop"),
        sdk.RawContentBlockDeltaEvent(
            type="content_block_delta", index=0, delta=sdk.TextDelta(type="text_delta", text="Hello")
        ),
    ]
    assert list(only(TextDelta).over(events)) == events[1:]
    assert list(only("message_stop").over(events)) == events[:1]


@pytest.mark.parametrize("wrong", [int, 3, None, "", sdk.TextBlock, anthropic.APIError, TextDelta("Hello")])
def test_what_is_no_type_is_named(wrong: Any) -> None:
    with pytest.raises(TypeError, match="not ") as raised:
        only("text_delta", wrong)
    assert repr(wrong) in str(raised.value)


def test_no_type_at_all() -> None:
    with pytest.raises(TypeError, match="at least one type"):
        only()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


def test_it_reads_like_its_source() -> None:
    assert repr(only("text_delta", MessageStop)) == "only('text_delta', MessageStop)"


def test_classes_narrow_the_type() -> None:
    for one in only(TextDelta).over(EVENTS):
        assert_type(one.delta, TextDelta)
        assert isinstance(one, ContentBlockDelta)
    for two in only(TextDelta, ThinkingDelta).over(EVENTS):
        assert_type(two.delta, TextDelta | ThinkingDelta)
    for three in only(TextDelta, ThinkingDelta, SignatureDelta).over(EVENTS):
        assert_type(three.delta, TextDelta | ThinkingDelta | SignatureDelta)
    assert_type(only(MessageStop), Operator[AnyEvent, MessageStop])
    assert_type(only(MessageStart, MessageStop), Operator[AnyEvent, MessageStart | MessageStop])
    assert_type(only(MessageStart, "text_delta"), Operator[AnyEvent, Event])
    for mixed in only(MessageStop, TextDelta).over(EVENTS):
        if mixed.type == "content_block_delta":
            assert_type(mixed.delta, TextDelta)
    plain: Operator[AnyEvent, ContentBlockDelta] = only(TextDelta)
    assert list(plain.over([])) == []
