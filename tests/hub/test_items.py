"""
What goes into a log comes out of it as it was.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from anthropic.types import RawContentBlockDeltaEvent, TextBlock, TextDelta
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit import events
from streamkit.hub._items import decode_item, encode_item

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=10,
)
# Half of a surrogate pair is no text of UTF-8, but pieces of a text may end with one.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
ITEMS = st.recursive(
    JSON | TEXTS | st.binary(max_size=20), lambda items: st.lists(items, max_size=3).map(tuple), max_leaves=8
)


def there_and_back(item: Any) -> Any:
    return decode_item(encode_item(item))


@pytest.mark.pure
@given(ITEMS)
def test_values_come_back_as_they_were(item: Any) -> None:
    back = there_and_back(item)
    assert back == item
    assert repr(back) == repr(item)  # 1 is not True, and 1.0 is not 1


EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "model": "claude-sonnet-5",
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "héllo\ud83d"}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "a", "new": {"b": 1}},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "shape": [1]}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    },
    {"type": "message_stop"},
    {"type": "ping"},
    {"type": "of tomorrow", "items": {"get": [{"a": None}]}},
]


@pytest.mark.pure
@pytest.mark.parametrize("wire", EVENTS, ids=lambda wire: str(wire["type"]))
def test_events_come_back_typed(wire: dict[str, Any]) -> None:
    event = events.from_dict(wire)
    back = there_and_back(event)
    assert back == event
    assert type(back).__name__ == type(event).__name__
    assert events.to_dict(back) == wire
    assert there_and_back(("events", event)) == ("events", event)


CALL = sk.ToolCall("toolu_1", "search", {"query": "x\udc00", "n": [1, None]}, 1)
OTHERS: list[Any] = [
    CALL,
    sk.BrokenToolCall("toolu_1", "search", '{"que', "truncated", 1),
    sk.ToolResult("toolu_1", "search", "found", seconds=1.5),
    sk.ToolResult("toolu_1", "search", [{"type": "text", "text": "found"}], is_error=True),
    sk.ServerToolResult(CALL, events.TextBlock("a"), 2),
    sk.ServerToolResult(None, events.Unknown(type="new_tool_result", content={"a": 1}), 2),
    events.TextBlock("text"),
    events.TextDelta("text"),
    events.Unknown(type="char_location", cited_text="a"),
    events.TotalUsage(input_tokens=3, output_tokens=4),
    ("calls", CALL),
]


@pytest.mark.pure
@pytest.mark.parametrize("item", OTHERS, ids=lambda item: type(item).__name__)
def test_what_operators_make_of_events_comes_back_as_it_was(item: Any) -> None:
    back = there_and_back(item)
    assert back == item
    assert type(back) is type(item)


@pytest.mark.pure
def test_the_objects_inside_what_is_not_known_have_attributes() -> None:
    assert there_and_back(events.Unknown(type="new", a={"b": [{"c": 1}]})).a.b[0].c == 1


@pytest.mark.pure
def test_what_the_sdk_has_comes_back_as_the_same_of_ours() -> None:
    event = RawContentBlockDeltaEvent(
        type="content_block_delta", index=1, delta=TextDelta(type="text_delta", text="a")
    )
    assert there_and_back(event) == events.ContentBlockDelta(1, events.TextDelta("a"))
    block = there_and_back(TextBlock(type="text", text="a", citations=None))
    assert (block.type, block.text, block.citations) == ("text", "a", None)


@pytest.mark.pure
def test_a_restart_says_what_the_attempt_has_failed_with() -> None:
    error = sk.StreamError("overloaded", type="overloaded_error", status_code=529, retriable=True)
    back = there_and_back(sk.Restarted(2, error))
    assert isinstance(back, sk.Restarted)
    assert back.attempt == 2
    assert isinstance(back.error, sk.StreamError)
    assert (back.error.type, back.error.status_code, back.error.retriable) == ("overloaded_error", 529, True)
    assert str(back.error) == "StreamError: overloaded"


@pytest.mark.pure
def test_the_usage_of_one_message_comes_back_as_a_total() -> None:
    usage = events.Usage(input_tokens=3, output_tokens=4)
    assert there_and_back(usage) == events.TotalUsage(input_tokens=3, output_tokens=4)


class Point(NamedTuple):
    x: int
    y: int


class Own:
    pass


@pytest.mark.pure
@pytest.mark.parametrize(
    ("item", "why"),
    [
        (Own(), "an item of type Own. It keeps texts"),
        ({1: "a"}, "an item of type dict: it has a key of type int"),
        ({"a": [Own()]}, "an item of type dict: it has a Own in it"),
        ([(1, 2)], "an item of type list: it has a tuple in it"),
        (float("nan"), "an item of type float: nan in it is no number of JSON"),
        ({"a": [float("inf")]}, "an item of type dict: inf in it"),
        ((1, Own()), "an item of type Own"),
        (Point(1, 2), "an item of type Point"),
        (sk.Failed(1, ValueError()), "an item of type Failed"),
        ({1, 2}, "an item of type set"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused(item: Any, why: str) -> None:
    with pytest.raises(TypeError, match=f"a hub cannot keep {why}") as caught:
        encode_item(item)
    assert "put map(…) behind the stream" in str(caught.value)
