"""
Events say what the wire says, all of it, and refuse what it cannot mean.
"""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, assert_type

import msgspec
import pytest
from anthropic.types import RawContentBlockDeltaEvent, TextDelta as SDKTextDelta
from hypothesis import given, strategies as st

from streamkit import events as ev
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.events import READER
from streamkit._core.items import is_restart
from streamkit.events import (
    UNSET,
    CitationsDelta,
    CompactionBlock,
    CompactionDelta,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    Event,
    InputJSONDelta,
    Message,
    MessageDelta,
    MessageStart,
    MessageStop,
    Ping,
    Restarted,
    SignatureDelta,
    TextBlock,
    TextDelta,
    ThinkingBlock,
    ThinkingDelta,
    ToolUseBlock,
    Unknown,
    decode,
    from_dict,
    to_dict,
)

DELTA = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}'

KNOWN: list[tuple[str, type]] = [
    (
        '{"type":"message_start","message":{"model":"m","id":"i","type":"message","role":"assistant","content":[],'
        '"stop_reason":null,"stop_sequence":null,"stop_details":null,"usage":{"input_tokens":1,'
        '"cache_creation":{"ephemeral_5m_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}',
        MessageStart,
    ),
    ('{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}', ContentBlockStart),
    (DELTA, ContentBlockDelta),
    ('{"type":"content_block_stop","index":0}', ContentBlockStop),
    (
        '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null,"container":null},'
        '"usage":{"input_tokens":null,"output_tokens":9,"iterations":[{"type":"message"}]},'
        '"context_management":{"applied_edits":[]}}',
        MessageDelta,
    ),
    ('{"type":"message_stop"}', MessageStop),
    ('{"type":"ping"}', Ping),
]
DELTAS: list[tuple[str, type]] = [
    ('{"type":"text_delta","text":"Hi"}', TextDelta),
    ('{"type":"input_json_delta","partial_json":""}', InputJSONDelta),
    ('{"type":"thinking_delta","thinking":"Hm"}', ThinkingDelta),
    ('{"type":"thinking_delta","thinking":"","estimated_tokens":null}', ThinkingDelta),
    ('{"type":"signature_delta","signature":"s"}', SignatureDelta),
    ('{"type":"citations_delta","citation":{"type":"page_location","cited_text":"x"}}', CitationsDelta),
    ('{"type":"compaction_delta","content":null,"encrypted_content":"e"}', CompactionDelta),
    ('{"type":"compaction_delta","content":"c"}', CompactionDelta),
]
BLOCKS: list[tuple[str, type]] = [
    ('{"type":"text","text":"","citations":null}', TextBlock),
    ('{"type":"thinking","thinking":"","signature":""}', ThinkingBlock),
    ('{"type":"redacted_thinking","data":"d"}', ev.RedactedThinkingBlock),
    ('{"type":"tool_use","id":"t","name":"n","input":{},"caller":{"type":"direct"}}', ToolUseBlock),
    ('{"type":"server_tool_use","id":"t","name":"web_search","input":{"q":1}}', ev.ServerToolUseBlock),
    ('{"type":"mcp_tool_use","id":"t","name":"n","input":{},"server_name":"s"}', ev.MCPToolUseBlock),
    ('{"type":"compaction","content":null}', CompactionBlock),
    (
        '{"type":"web_search_tool_result","tool_use_id":"t","content":[{"url":"u"}]}',
        ev.WebSearchToolResultBlock,
    ),
    (
        '{"type":"web_search_tool_result","tool_use_id":"t","content":{"error_code":"e"}}',
        ev.WebSearchToolResultBlock,
    ),
    ('{"type":"mcp_tool_result","tool_use_id":"t","is_error":false,"content":"c"}', ev.MCPToolResultBlock),
    (
        '{"type":"fallback","from":{"model":"a"},"to":{"model":"b"},"trigger":{"type":"refusal"}}',
        ev.FallbackBlock,
    ),
    ('{"type":"new_tool_result","tool_use_id":"t"}', Unknown),
]


def _delta(delta: str) -> str:
    return f'{{"type":"content_block_delta","index":0,"delta":{delta}}}'


def _block(block: str) -> str:
    return f'{{"type":"content_block_start","index":1,"content_block":{block}}}'


def _text_event(event: str) -> str:
    return msgspec.json.encode(decode(event)).decode()


@pytest.mark.parametrize(("wire", "cls"), KNOWN, ids=lambda value: getattr(value, "__name__", ""))
def test_each_event_is_its_class_and_encodes_to_the_same_bytes(wire: str, cls: type) -> None:
    event = decode(wire)
    assert type(event) is cls
    assert event.type == json.loads(wire)["type"]
    assert _text_event(wire) == wire


@pytest.mark.parametrize(("wire", "cls"), DELTAS)
def test_each_delta_is_its_class_and_encodes_to_the_same_bytes(wire: str, cls: type) -> None:
    event = decode(_delta(wire))
    assert isinstance(event, ContentBlockDelta)
    assert type(event.delta) is cls
    assert event.delta.type == json.loads(wire)["type"]
    assert _text_event(_delta(wire)) == _delta(wire)


@pytest.mark.parametrize(("wire", "cls"), BLOCKS)
def test_each_block_is_its_class_and_encodes_to_the_same_json(wire: str, cls: type) -> None:
    event = decode(_block(wire))
    assert isinstance(event, ContentBlockStart)
    assert type(event.content_block) is cls
    assert event.content_block.type == json.loads(wire)["type"]
    assert json.loads(_text_event(_block(wire))) == json.loads(_block(wire))


def test_what_is_absent_is_unset_and_null_is_none() -> None:
    absent = decode(_block('{"type":"text","text":""}'))
    null = decode(_block('{"type":"text","text":"","citations":null}'))
    assert isinstance(absent, ContentBlockStart)
    assert isinstance(null, ContentBlockStart)
    assert isinstance(absent.content_block, TextBlock)
    assert isinstance(null.content_block, TextBlock)
    assert absent.content_block.citations is UNSET
    assert null.content_block.citations is None


def test_the_type_narrows_for_checkers() -> None:
    event: Event = decode(DELTA)
    assert event.type == "content_block_delta"
    if event.type == "content_block_delta":
        assert_type(event, ContentBlockDelta)
        if event.delta.type == "text_delta":
            assert_type(event.delta, TextDelta)
            assert event.delta.text == "Hi"


# -- what this version does not know -------------------------------------------------------------------------


def test_an_unknown_event_is_its_json_object_with_attributes() -> None:
    wire = '{"type":"aside","index":2,"delta":{"type":"aside_delta","words":[{"say":"x"}]},"items":[1]}'
    event = decode(wire)
    assert type(event) is Unknown
    assert isinstance(event, dict)
    assert event["type"] == "aside"
    assert event.index == 2
    assert event.delta.words[0].say == "x"
    assert event["items"] == [1]
    assert msgspec.json.encode(event).decode() == wire
    assert json.dumps(event, separators=(",", ":")) == wire
    assert pickle.loads(pickle.dumps(event)).delta.type == "aside_delta"
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        event.nothing  # noqa: B018 -- reading it is the test


@pytest.mark.parametrize(
    "wire",
    [
        '{"type":"aside","say":"x"}',
        _delta('{"type":"aside_delta","say":{"x":1}}'),
        _block('{"type":"aside","say":[]}'),
        '{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi","say":1},"aside":{"x":[{}]}}',
        _block('{"type":"tool_use","id":"t","name":"n","input":{},"say":null}'),
        '{"type":"message_delta","delta":{"stop_reason":null,"say":1.0},"usage":{"output_tokens":1,"x":{"y":2}},"z":0}',
        '{"type":"message_start","message":{"model":"m","id":"i","type":"message","role":"assistant",'
        '"content":[{"type":"text","text":"","say":1},{"type":"aside"}],"usage":{"output_tokens":1,"say":2},"new":[]},'
        '"say":3}',
    ],
)
def test_what_is_made_up_at_any_level_encodes_to_the_same_bytes(wire: str) -> None:
    event = decode(wire)
    assert msgspec.json.encode(event).decode() == wire
    assert json.dumps(msgspec.to_builtins(event), separators=(",", ":")) == wire
    assert to_dict(event) == json.loads(wire)
    assert from_dict(json.loads(wire)) == event == decode(wire.encode())


def test_a_known_type_with_unknown_fields_is_still_of_its_class() -> None:
    event = decode(
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi","mood":{"is":["good"]}},'
        '"trace":7}'
    )
    match event:
        case ContentBlockDelta(index=0, delta=TextDelta(text="Hi")):
            extra: Any = event
        case _:
            pytest.fail(f"{event!r} matches no class")
    assert extra.type == "content_block_delta"
    assert extra.delta.type == "text_delta"
    assert extra.trace == 7
    assert extra.delta.mood["is"] == ["good"]
    assert copy.deepcopy(event) == event
    with pytest.raises(AttributeError):
        extra.nothing  # noqa: B018 -- reading it is the test


@pytest.mark.parametrize(
    "name", ["foo-bar", "from", "", "_private", "__class__", "__merge__", "field_0", "a b", "ü"]
)
def test_an_unknown_field_may_have_any_name(name: str) -> None:
    wire = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": ""},
        "-": 2,
        name: 1,
    }
    event = from_dict(wire)
    assert isinstance(event, ContentBlockDelta)
    assert json.loads(msgspec.json.encode(event)) == wire
    if not name.startswith("__"):
        assert getattr(event, name) == 1
    with pytest.raises(AttributeError, match="nothing"):
        event.nothing  # type: ignore[attr-defined]  # noqa: B018 -- reading it is the test


def test_an_object_with_a_name_that_no_struct_can_have_is_kept_as_it_is() -> None:
    wire = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "a", 'say "x"': 1},
    }
    event = from_dict(wire)
    assert isinstance(event, ContentBlockDelta)
    assert isinstance(event.delta, Unknown)
    assert event.delta["type"] == "text_delta"
    assert to_dict(event) == wire


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_EXTRA = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name not in {"type", "index", "delta", "text"}), _JSON, max_size=3
)


@given(event=_EXTRA, delta=_EXTRA, kind=st.sampled_from(["text_delta", "made_up"]))
def test_no_field_is_lost_and_none_changes_its_type(
    event: dict[str, Any], delta: dict[str, Any], kind: str
) -> None:
    wire = {"type": "content_block_delta", "index": 0, "delta": {"type": kind, "text": "x", **delta}, **event}
    assert json.dumps(to_dict(decode(json.dumps(wire)))) == json.dumps(wire)
    assert json.dumps(json.loads(msgspec.json.encode(decode(json.dumps(wire))))) == json.dumps(wire)


# -- what does not fit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "place"),
    [
        (DELTA.replace("0", '"0"'), "content_block_delta.index"),
        (DELTA.replace("0", "0.0"), "content_block_delta.index"),
        (DELTA.replace("0", "true"), "content_block_delta.index"),
        ('{"type":"content_block_stop"}', "content_block_stop.index"),
        (_delta('"Hi"'), "content_block_delta.delta"),
        (_delta("null"), "content_block_delta.delta"),
        (_delta('{"type":"text_delta","text":null}'), "content_block_delta.delta.text"),
        (_delta('{"type":"text_delta"}'), "content_block_delta.delta.text"),
        (_delta('{"text":"Hi"}'), "content_block_delta.delta.type"),
        (_delta('{"type":"citations_delta","citation":[]}'), "content_block_delta.delta.citation"),
        (_block('{"type":"text"}'), "content_block_start.content_block.text"),
        (
            _block('{"type":"tool_use","id":"t","name":"n","input":"{}"}'),
            "content_block_start.content_block.input",
        ),
        (
            '{"type":"message_start","message":{"usage":{"input_tokens":"1"}}}',
            "message_start.message.usage.input_tokens",
        ),
        ('{"type":"message_start","message":{"id":"m","usage":null}}', "message_start.message.usage"),
        (
            '{"type":"message_start","message":{"content":[{"type":"text","text":1}]}}',
            "message_start.message.content[].text",
        ),
        ('{"type":"message_delta","delta":{"stop_reason":1}}', "message_delta.delta.stop_reason"),
    ],
)
def test_a_value_that_does_not_fit_is_told_and_encodes_to_the_same_bytes(wire: str, place: str) -> None:
    assert _text_event(wire) == wire
    assert to_dict(decode(wire)) == json.loads(wire)
    places: list[str] = []
    READER.convert(json.loads(wire), places.append)
    assert places == [place]


def test_what_does_not_fit_is_kept_at_the_smallest_object_that_holds_it() -> None:
    event = decode(_delta('{"type":"text_delta","text":null,"new":[{"x":1}]}'))
    assert isinstance(event, ContentBlockDelta)
    assert type(event.delta) is Unknown
    assert event.delta["type"] == "text_delta"
    assert (event.delta.text, event.delta.new[0].x) == (None, 1)
    event = decode(
        '{"type":"message_start","message":{"id":"m","usage":{"output_tokens":1.5,"input_tokens":2}}}'
    )
    assert isinstance(event, MessageStart)
    assert isinstance(event.message, Message)
    assert isinstance(event.message.usage, dict)
    assert event.message.usage.input_tokens == 2


@pytest.mark.parametrize(
    "name",
    ["__restart__", "__deepcopy__", "__reduce_ex__", "__merge__", "__text__", "__aiter__", "__class__"],
)
@pytest.mark.parametrize("kind", ["aside", "ping"])
def test_the_wire_does_not_answer_what_python_asks(name: str, kind: str) -> None:
    event = from_dict({"type": kind, name: True, "inside": {name: True}})
    inside: Any = event
    for part in (event, inside.inside):
        assert getattr(part, name, None) is not True
    assert not is_restart(event)
    assert copy.deepcopy(event) == event
    assert to_dict(event)[name] is True


# -- what is wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ('{"type":7}', "event: the field `type` must be a string, not int"),
        ("{}", "event: the field `type` must be a string, not null"),
        ("[]", "an event must be a JSON object, not array"),
        ('{"type":"ping"', "not JSON at byte 14"),
        ('{"type":"ping","ü":}', "not JSON at byte 20"),
        ("", "not JSON at byte 0"),
        ('{"type":"ping","x":NaN}', "not JSON: NaN"),
        ('{"type":"ping","x":1e999}', "out of range"),
        ('{"type":"ping","x":' + "9" * 5000 + "}", "4300 digits"),
        ('{"type":"ping","x":' + "[" * 100_000, "nested too deeply"),
        ('{"type":"ping","x":' + "[" * 1500 + "]" * 1500 + "}", "nested too deeply"),
    ],
)
def test_what_cannot_be_meant_is_a_grammar_error_that_names_the_place(wire: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message.replace("|", r"\|")) as caught:
        decode(wire)
    assert caught.value.type == "grammar"
    assert not caught.value.retriable


@pytest.mark.parametrize(
    "wire", [b'{"type":"ping","x":"secret \xff"}', b'{"type":"ping","x":"secret"', b'"secret"']
)
def test_an_error_does_not_have_what_somebody_said(wire: bytes) -> None:
    with pytest.raises(GrammarError) as caught:
        decode(wire)
    error: BaseException | None = caught.value
    while error is not None:
        assert "secret" not in f"{error} {vars(error)}"
        error = error.__cause__ or error.__context__


def test_bytes_that_are_not_utf_8_are_found() -> None:
    with pytest.raises(GrammarError, match="not UTF-8 at byte 20"):
        decode(b'{"type":"ping","s":"\xff"}')


# -- values --------------------------------------------------------------------------------------------------


def test_a_lone_surrogate_is_kept() -> None:
    event = decode(_delta(r'{"type":"text_delta","text":"a\ud83d"}'))
    assert isinstance(event, ContentBlockDelta)
    assert event.delta == TextDelta("a\ud83d")
    assert to_dict(event)["delta"]["text"] == "a\ud83d"
    wire = r'{"type":"ping","x":[1.5,12345678901234567890123,"\ud83d"]}'
    assert to_dict(decode(wire))["x"] == [1.5, 12345678901234567890123, "\ud83d"]


@pytest.mark.parametrize(
    "number", ["12345678901234567890123", "1.0", "0.1", "-0.0", "18446744073709551616", "1"]
)
def test_numbers_keep_their_value_and_type(number: str) -> None:
    wire = _block(f'{{"type":"tool_use","id":"t","name":"n","input":{{"x":{number}}}}}')
    assert _text_event(wire) == wire


def test_text_is_decoded_as_bytes_are() -> None:
    assert decode(DELTA) == decode(DELTA.encode()) == from_dict(json.loads(DELTA))


def test_the_sdks_events_have_a_dict_too() -> None:
    event = RawContentBlockDeltaEvent(
        type="content_block_delta", index=0, delta=SDKTextDelta(type="text_delta", text="Hi")
    )
    assert to_dict(event) == to_dict(decode(DELTA))


def test_what_is_no_event_has_no_dict() -> None:
    with pytest.raises(TypeError, match="int is not an event"):
        to_dict(7)


def test_a_message_that_a_gateway_cut_short_still_starts() -> None:
    event = decode('{"type":"message_start","message":{"id":"i"}}')
    assert isinstance(event, MessageStart)
    assert event.message == Message(id="i")
    assert event.message.usage is UNSET  # type: ignore[comparison-overlap]  # what the API always sends


# -- merging -------------------------------------------------------------------------------------------------

A, B = ContentBlockDelta(0, TextDelta("a")), ContentBlockDelta(0, TextDelta("b"))


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (TextDelta("a"), TextDelta("b"), TextDelta("ab")),
        (InputJSONDelta('{"a'), InputJSONDelta('":1}'), InputJSONDelta('{"a":1}')),
        (ThinkingDelta("a"), ThinkingDelta("b"), ThinkingDelta("ab")),
        (ThinkingDelta("a", 10), ThinkingDelta("b", 20), ThinkingDelta("ab", 30)),
        (ThinkingDelta("a", None), ThinkingDelta("b", 20), ThinkingDelta("ab", 20)),
        (ThinkingDelta("a", None), ThinkingDelta("b"), ThinkingDelta("ab", None)),
        (TextDelta("a"), ThinkingDelta("b"), None),
        (TextDelta("a"), InputJSONDelta("b"), None),
        (SignatureDelta("a"), SignatureDelta("b"), None),
        (CompactionDelta("a"), CompactionDelta("b"), None),
        (Unknown(type="x"), Unknown(type="x"), None),
    ],
)
def test_deltas_of_one_text_join(first: ev.Delta, second: ev.Delta, joined: ev.Delta | None) -> None:
    merged = ContentBlockDelta(3, first).__merge__(ContentBlockDelta(3, second))
    assert merged == (None if joined is None else ContentBlockDelta(3, joined))


def test_deltas_of_two_blocks_do_not_join() -> None:
    assert A.__merge__(ContentBlockDelta(1, TextDelta("b"))) is None


@pytest.mark.parametrize("extra", ["event", "delta"])
def test_a_delta_with_an_unknown_field_does_not_join(extra: str) -> None:
    wire = to_dict(A)
    (wire if extra == "event" else wire["delta"])["new"] = 1
    odd = from_dict(wire)
    assert isinstance(odd, ContentBlockDelta)
    assert odd.__merge__(B) is None
    assert B.__merge__(odd) is None
    assert not odd.__mergeable__


def test_what_is_structural_says_so() -> None:
    assert A.__mergeable__
    assert not ContentBlockDelta(0, SignatureDelta("s")).__mergeable__
    assert not any(
        hasattr(decode(wire), "__mergeable__") for wire, cls in KNOWN if cls is not ContentBlockDelta
    )


def test_a_restart_says_what_it_is() -> None:
    restarted = Restarted(2, ConnectionError("lost"))
    assert restarted.type == "restarted"
    assert restarted.__restart__ is True
    assert to_dict(restarted) == {
        "type": "restarted",
        "attempt": 2,
        "error": {"type": "ConnectionError", "message": "lost"},
    }
