"""
The events of a message add up to the message, whatever is missing, new or cut.
"""

from __future__ import annotations

import json
import tracemalloc
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from pydantic import TypeAdapter

from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import UNSET, ContentBlockDelta, TextDelta, from_dict
from streamkit.testing import event as frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable

Wire = dict[str, Any]

START: Wire = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 1,
            "service_tier": "standard",
        },
    },
}
END: list[Wire] = [
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"input_tokens": None, "output_tokens": 9},
    },
    {"type": "message_stop"},
]


def block(index: int, start: Wire, *deltas: Wire, stop: bool = True) -> list[Wire]:
    """
    The events of one content block.
    """
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        *([{"type": "content_block_stop", "index": index}] if stop else []),
    ]


def text(*pieces: str) -> list[Wire]:
    return block(
        0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces)
    )


def tool(*pieces: str, stop: bool = True) -> list[Wire]:
    start: Wire = {"type": "tool_use", "id": "toolu_1", "name": "n", "input": {}}
    return block(
        0, start, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces), stop=stop
    )


def built(events: Iterable[Wire]) -> MessageBuilder:
    builder = MessageBuilder()
    assert builder.take(map(from_dict, events)) is None
    return builder


def content(events: Iterable[Wire]) -> Any:
    return built([START, *events, *END]).to_dict()["content"]


# -- blocks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "deltas", "end"),
    [
        (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": "a"}, {"type": "text_delta", "text": "b"}],
            {"type": "text", "text": "ab"},
        ),
        (
            {"type": "text", "text": "x", "citations": []},
            [
                {"type": "citations_delta", "citation": {"type": "page_location", "cited_text": "1"}},
                {"type": "text_delta", "text": "y"},
                {"type": "citations_delta", "citation": {"type": "page_location", "cited_text": "2"}},
            ],
            {
                "type": "text",
                "text": "xy",
                "citations": [
                    {"type": "page_location", "cited_text": "1"},
                    {"type": "page_location", "cited_text": "2"},
                ],
            },
        ),
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                {"type": "thinking_delta", "thinking": "a", "estimated_tokens": 10},
                {"type": "thinking_delta", "thinking": "b"},
                {"type": "signature_delta", "signature": "first"},
                {"type": "signature_delta", "signature": "second"},
            ],
            {"type": "thinking", "thinking": "ab", "signature": "second"},
        ),
        (
            {"type": "compaction", "content": None, "encrypted_content": None},
            [
                {"type": "compaction_delta", "content": "a", "encrypted_content": "one"},
                {"type": "compaction_delta", "content": None, "encrypted_content": "two"},
                {"type": "compaction_delta", "content": "b", "encrypted_content": None},
                {"type": "compaction_delta", "content": "c"},
            ],
            {"type": "compaction", "content": "abc", "encrypted_content": "two"},
        ),
        ({"type": "compaction", "content": None}, [], {"type": "compaction", "content": None}),
        (
            {"type": "mcp_tool_use", "id": "t", "name": "n", "server_name": "s", "input": {}},
            [
                {"type": "input_json_delta", "partial_json": '{"a":'},
                {"type": "input_json_delta", "partial_json": "1}"},
            ],
            {"type": "mcp_tool_use", "id": "t", "name": "n", "server_name": "s", "input": {"a": 1}},
        ),
        (
            {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"whole": [1]}},
            [],
            {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"whole": [1]}},
        ),
        (
            {"type": "web_search_tool_result", "tool_use_id": "t", "content": [{"url": "u"}]},
            [],
            {"type": "web_search_tool_result", "tool_use_id": "t", "content": [{"url": "u"}]},
        ),
    ],
)
def test_a_block_is_its_start_and_its_deltas(start: Wire, deltas: list[Wire], end: Wire) -> None:
    assert content(block(0, start, *deltas)) == [end]
    assert content(block(0, start, *deltas, stop=False)) == [end]


def test_blocks_are_in_the_order_of_their_indices_gaps_or_not() -> None:
    events = [*block(7, {"type": "text", "text": "late"}), *block(2, {"type": "text", "text": "early"})]
    assert [each["text"] for each in content(events)] == ["early", "late"]
    assert [each.index for each in built([START, *events]).blocks] == [2, 7]


def test_blocks_of_the_start_stay_in_front() -> None:
    start = {
        "type": "message_start",
        "message": {**START["message"], "content": [{"type": "text", "text": "a"}]},
    }
    events = built([start, *block(0, {"type": "text", "text": "b"})])
    assert [each["text"] for each in events.to_dict()["content"]] == ["a", "b"]


def test_a_surrogate_pair_cut_by_deltas_is_one_character() -> None:
    assert content(text("a\ud83c", "\udf0ab", "\ud83c"))[0]["text"] == "a🌊b\ud83c"
    assert content(tool('{"a":"\ud83c', '\udf0a"}'))[0]["input"] == {"a": "🌊"}


def test_deltas_without_a_start_make_their_block() -> None:
    events = [each for each in text("a", "b") if each["type"] != "content_block_start"]
    assert content(events) == [{"type": "text", "text": "ab"}]


def test_the_end_of_a_block_that_never_began_is_nothing() -> None:
    assert content([{"type": "content_block_stop", "index": 5}]) == []


def test_deltas_that_tell_no_block_are_kept_whole() -> None:
    events = [each for each in tool('{"a":1}') if each["type"] == "content_block_delta"]
    message = built([START, *events]).to_dict()
    assert message["content"] == []
    assert message["unknown_events"] == events


def test_a_fallback_names_the_model_that_goes_on() -> None:
    start = {"type": "fallback", "from": {"model": "claude-x"}, "to": {"model": "claude-y"}, "trigger": {}}
    assert built([START, *block(0, start)]).to_dict()["model"] == "claude-y"


# -- tools ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "fields"),
    [
        (["", '{"a": [1', ".0]}"], {"input": {"a": [1.0]}}),
        ([""], {"input": {}}),
        ([], {"input": {}}),
        (['{"a": 1, "b": "cu'], {"input": {"a": 1}}),
        (["[1]"], {"input": {}}),
        (['{"a":1}{"b":2}'], {"input": {}}),
        (['{"a" 1}'], {"input": {}}),
    ],
)
def test_the_input_of_a_tool(pieces: list[str], fields: Wire) -> None:
    assert content(tool(*pieces)) == [{"type": "tool_use", "id": "toolu_1", "name": "n", **fields}]


def test_a_block_tells_what_a_call_needs() -> None:
    (call,) = built([START, *tool('{"a"', ":1}", stop=False)]).blocks
    assert (call.index, call.type, call.closed, call.raw, call.input()) == (
        0,
        "tool_use",
        False,
        '{"a":1}',
        {"a": 1},
    )
    whole = block(0, {"type": "server_tool_use", "id": "t", "name": "n", "input": {"a": 1}})
    (call,) = built([START, *whole]).blocks
    assert (call.raw, call.input()) == ("", {"a": 1})
    (call,) = built([START, *tool(stop=False)]).blocks
    assert (call.closed, call.raw, call.input()) == (False, "", "truncated")
    (call,) = built([START, *tool()]).blocks
    assert (call.closed, call.raw, call.input()) == (True, "", {})


# -- what does not fit ---------------------------------------------------------------------------------------

TEXT: Wire = {"type": "text", "text": ""}


@pytest.mark.parametrize(
    ("start", "deltas", "end"),
    [
        ({"type": "text"}, [], TEXT),
        ({"type": "text", "text": None}, [], TEXT),
        ({"type": "text", "citations": 7}, [], {**TEXT, "citations": None, "unknown_deltas": [{"type": "text", "citations": 7}]}),
        ({"type": "text"}, [{"type": "text_delta", "text": None}, {"type": "text_delta", "text": "a"}], {**TEXT, "text": "a"}),
        (TEXT, [{"type": "text_delta", "text": 7}], {**TEXT, "unknown_deltas": [{"type": "text_delta", "text": 7}]}),
        (TEXT, [{"text": "a"}], {**TEXT, "text": "a"}),
        (TEXT, [{"type": None, "text": "a", "x": 1}], {**TEXT, "text": "a", "unknown_deltas": [{"type": "text_delta", "x": 1}]}),
        (TEXT, [{"x": "a"}], {**TEXT, "unknown_deltas": [{"x": "a"}]}),
        ({}, [{"type": "text_delta", "text": "a"}], {"type": "text", "text": "a"}),
        ({"type": None, "text": "a"}, [{"type": "text_delta", "text": "b"}], {"type": "text", "text": "ab"}),
        (
            {"type": "thinking", "thinking": "", "signature": None},
            [{"type": "thinking_delta", "thinking": "Hm"}, {"type": "thinking_delta", "signature": "s"}],
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
        ),
        (
            {"type": "tool_use", "id": "t", "name": "n", "input": None},
            [{"type": "input_json_delta", "partial_json": None}],
            {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        ),
    ],
)  # fmt: skip
def test_a_block_takes_what_makes_sense_and_keeps_the_rest(
    start: Wire, deltas: list[Wire], end: Wire
) -> None:
    assert content(block(0, start, *deltas)) == [end]


def test_a_delta_with_the_index_of_a_block_of_another_kind_does_not_change_that() -> None:
    line = {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "\n"}}
    call = tool('{"a": 1}', stop=False)
    for each in call:
        each["index"] = 1
    alone = built([START, *call, line])
    assert [*alone.to_dict()["content"][0]] == ["type", "id", "name", "input"]
    assert alone.to_dict()["unknown_events"] == [line]
    behind = built([START, *block(0, TEXT, {"type": "text_delta", "text": "Hi"}), *call, line])
    assert [each.get("text") for each in behind.to_dict()["content"]] == ["Hi", None]
    assert behind.to_dict()["unknown_events"] == [line]


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ({"type": "message_start", "message": 7}, {"type": "message_start", "message": 7}),
        ({"type": "message_start", "message": {"usage": 7}}, {"type": "message_start", "usage": 7}),
        ({"type": "message_start", "message": {"content": 7}}, {"type": "message_start", "content": 7}),
        (
            {"type": "message_start", "message": {"stop_reason": 7}},
            {"type": "message_start", "stop_reason": 7},
        ),
    ],
)
def test_a_beginning_that_does_not_fit_is_kept_beside_the_message(odd: Wire, kept: Wire) -> None:
    builder = built([odd, *block(0, TEXT, {"type": "text_delta", "text": "Hi"}), *END])
    assert builder.to_dict()["unknown_events"] == [kept]
    message: Any = builder.build()
    assert (message.content[0].text, message.stop_reason, builder.stop_reason) == (
        "Hi",
        "end_turn",
        "end_turn",
    )


@pytest.mark.parametrize(
    "change", [{"usage": 7}, {"delta": 7}, {"delta": {"stop_reason": 7}}, {"content": 7}]
)
def test_a_change_that_does_not_fit_is_kept_beside_the_message(change: Wire) -> None:
    odd = {"type": "message_delta", **change}
    builder = built([START, odd, *END])
    [kept] = builder.to_dict()["unknown_events"]
    fields = change["delta"] if change.get("delta") == {"stop_reason": 7} else change
    assert kept == {"type": "message_delta", **fields}
    assert builder.stop_reason == "end_turn"
    builder.build()


def test_what_is_nested_too_deeply_is_refused_and_what_is_not_is_a_message() -> None:
    for depth, refused in ((150, False), (250, True), (900, True)):
        deep = b"[" * depth + b"]" * depth
        frame = frame_of(block(0, {"type": "aside"})[0]).replace(b'"aside"', b'"aside", "say": ' + deep)
        decoder = EventDecoder()
        events = decoder.feed(frame_of(START) + frame)
        assert isinstance(decoder.error, GrammarError) is refused
        builder = MessageBuilder()
        for each in events:
            builder.add(each)
        builder.build()


# -- the message ---------------------------------------------------------------------------------------------


def test_usage_is_the_last_that_is_not_null() -> None:
    builder = built([START, *END])
    assert builder.to_dict()["usage"] == {
        "input_tokens": 10,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 9,
        "service_tier": "standard",
    }
    usage = builder.usage
    assert (usage.input_tokens, usage.output_tokens, usage.speed) == (10, 9, UNSET)


def test_what_message_delta_says_becomes_the_messages() -> None:
    delta: Wire = {
        "type": "message_delta",
        "delta": {
            "stop_reason": "refusal",
            "stop_sequence": None,
            "stop_details": {"type": "refusal"},
            "container": {"id": "c"},
            "new": 1,
        },
        "usage": {"output_tokens": 2, "new_count": 7},
        "context_management": {"applied_edits": []},
        "newer": [2],
    }
    later = {"type": "message_delta", "delta": {"stop_reason": None, "stop_sequence": None}, "usage": {}}
    builder = built([START, delta, later])
    message = builder.to_dict()
    assert builder.stop_reason == message["stop_reason"] == "refusal"
    assert message["stop_details"] == {"type": "refusal"}
    assert message["container"] == {"id": "c"}
    assert message["context_management"] == {"applied_edits": []}
    assert (message["new"], message["newer"], message["usage"]["new_count"]) == (1, [2], 7)


def test_what_is_made_up_at_any_level_survives() -> None:
    start = {**START, "x0": 0, "message": {**START["message"], "x1": {"y": 1}, "usage": {"x2": 2}}}
    events = [
        start,
        {"type": "aside", "x3": 3},
        *block(
            0,
            {"type": "text", "text": "", "x4": 4},
            {"type": "text_delta", "text": "a", "x5": {"y": 5}},
            {"type": "aside_delta", "x6": 6},
            {"type": "text_delta", "text": "b"},
        ),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "c"}, "x7": 7},
        *block(1, {"type": "aside_block", "x8": 8}, {"type": "aside_delta", "x9": 9}),
        {"type": "message_stop", "x10": 10},
    ]
    builder = built(events)
    message = builder.to_dict()
    assert message["x1"] == {"y": 1}
    assert message["usage"] == {"x2": 2}
    assert message["content"] == [
        {
            "type": "text",
            "text": "abc",
            "x4": 4,
            "unknown_deltas": [{"type": "text_delta", "x5": {"y": 5}}, {"type": "aside_delta", "x6": 6}],
        },
        {"type": "aside_block", "x8": 8, "unknown_deltas": [{"type": "aside_delta", "x9": 9}]},
    ]
    assert message["unknown_events"] == [
        {"type": "message_start", "x0": 0},
        {"type": "aside", "x3": 3},
        {"type": "content_block_delta", "index": 0, "x7": 7},
        {"type": "message_stop", "x10": 10},
    ]
    for beta in (None, False, True):
        said = json.loads(json.dumps(builder.build(beta).to_dict(mode="json", warnings=False)))
        assert said == json.loads(json.dumps(message))


def test_a_message_can_be_had_at_any_time() -> None:
    events = [START, *text("a", "b"), *END]
    builder = MessageBuilder()
    assert not builder.started
    assert builder.to_dict() == {"content": []}
    seen: list[str] = []
    for event in events:
        builder.add(from_dict(event))
        seen.append("".join(each["text"] for each in builder.to_dict()["content"]))
    assert seen == ["", "", "a", "ab", "ab", "ab", "ab"]
    assert builder.started
    assert builder.ended


def test_a_message_that_was_had_changes_nothing_and_does_not_change() -> None:
    builder = built(
        [START, *block(0, {"type": "text", "text": "", "citations": [{"x": {}}], "new": {"y": []}})]
    )
    first = builder.to_dict()
    expected = json.dumps(first)
    first["content"][0]["new"]["y"].append(1)
    first["content"][0]["citations"][0]["x"]["z"] = 1
    first["usage"]["cache_creation"].clear()
    assert json.dumps(builder.to_dict()) == expected


def test_another_message_is_refused() -> None:
    builder = built([START])
    with pytest.raises(GrammarError, match="message_start inside another message"):
        builder.add(from_dict(START))


def test_events_are_taken_up_to_the_next_message() -> None:
    builder, events = built([START]), map(from_dict, [*text("a"), START, {"type": "ping"}])
    assert builder.take(events) == from_dict(START)
    assert list(events) == [from_dict({"type": "ping"})]


def test_fragments_take_the_memory_of_the_text() -> None:
    builder = built([START, *block(0, {"type": "text", "text": ""}, stop=False)])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for thousand in range(50):
            numbers = range(thousand * 1000, (thousand + 1) * 1000)
            # Each delta has a string of its own, as when it is decoded.
            builder.take(iter([ContentBlockDelta(0, TextDelta(f"{number:05}")) for number in numbers]))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert builder.to_dict()["content"][0]["text"] == "".join(f"{number:05}" for number in range(50_000))
    assert grown < 400_000


# -- the SDK -------------------------------------------------------------------------------------------------

EVERYTHING = [
    START,
    {"type": "ping"},
    *text("a", "b"),
    *block(
        1, {"type": "thinking", "thinking": "", "signature": ""}, {"type": "thinking_delta", "thinking": "t"}
    ),
    *block(
        2,
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"a":1}', "new": 1},
        {"type": "aside_delta", "x": {"y": 1}},
    ),
    *END,
]


@pytest.mark.parametrize("union", [RawMessageStreamEvent, BetaRawMessageStreamEvent])
def test_the_sdks_raw_events_add_up_to_the_same(union: Any) -> None:
    from anthropic._models import construct_type

    builder = MessageBuilder()
    for event in EVERYTHING:
        if event["type"] != "ping":  # the SDK drops them
            builder.add(construct_type(type_=union, value=event))
    assert builder.to_dict() == built(EVERYTHING).to_dict()


def test_one_by_one_is_the_same_as_many() -> None:
    builder = MessageBuilder()
    for event in EVERYTHING:
        builder.add(from_dict(event))
    assert builder.to_dict() == built(EVERYTHING).to_dict()


_BY_TYPE: list[tuple[list[Wire], type]] = [
    ([START, *text("a"), *END], Message),
    ([START, *tool('{"a":1}'), *END], Message),
    ([START], Message),
    ([], Message),
    ([START, *block(0, {"type": "aside_block"}), *END], Message),
    ([START, *block(0, {"type": "compaction", "content": "c"}), *END], BetaMessage),
    ([START, {**END[0], "context_management": {"applied_edits": []}}], BetaMessage),
    ([START, {**END[0], "context_management": None}], Message),
    ([START, {**END[0], "usage": {"output_tokens": 1, "iterations": []}}], BetaMessage),
    ([START, {**END[0], "delta": {"stop_reason": "compaction"}}], BetaMessage),
    (
        [
            START,
            *block(0, {"type": "server_tool_use", "id": "t", "name": "advisor", "input": {}}),
            END[0],
        ],
        BetaMessage,
    ),
    ([START, *block(0, {"type": "aside"}), *block(1, {"type": "compaction", "content": "c"})], BetaMessage),
]


@pytest.mark.parametrize(("events", "cls"), _BY_TYPE)
def test_the_type_is_the_one_that_knows_it_all(events: list[Wire], cls: type) -> None:
    assert type(built(events).build()) is cls
    assert type(built(events).build(beta=True)) is BetaMessage
    assert type(built(events).build(beta=False)) is Message


def test_a_beta_block_is_serialized_without_a_warning() -> None:
    message = built([START, *block(0, {"type": "compaction", "content": "c"}), *END]).build()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message.to_dict()
    assert TypeAdapter(BetaMessage).validate_python(message.to_dict()) == message
