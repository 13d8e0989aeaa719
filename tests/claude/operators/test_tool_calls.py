"""
Tool calls: what can be executed, and what can not.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, assert_type

import anthropic
import httpx2
import pytest
from hypothesis import given, strategies as st

from streamkit import tap
from streamkit._claude.operators.tool_calls import tool_calls
from streamkit._claude.protocol.errors import GrammarError, StreamTruncated, ToolInputError
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall
from streamkit._core.algebra import Operator
from streamkit._core.from_iterable import from_iterable
from streamkit._operators.select import take
from streamkit.events import AnyEvent, Event, from_dict, to_dict
from streamkit.testing import PING, reply, text, tool_use
from tests.support.claude import RESTARTED, decoded, events_of
from tests.support.messages_api import check_conversation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


CITY = {"city": "Paris", "days": [1, 2.5, None, True], "note": 'a "b" \\ ü 🌊'}
Blocks = Any  # of streamkit.testing


def calls(*blocks: Blocks, **settings: Any) -> list[ToolCall | BrokenToolCall]:
    """
    The calls, broken ones too, of a message with these blocks.
    """
    return list(tool_calls(broken="emit").over(decoded(reply(*blocks, **settings))))


def reason(raw: str, *, closed: bool = True) -> str:
    """
    Why an input of this text is broken.
    """
    (call,) = calls(tool_use("look", raw, closed=closed))
    assert isinstance(call, BrokenToolCall)
    assert call.raw == raw
    return call.reason


# -- complete calls --


def test_a_call_is_handed_on_when_its_block_closes() -> None:
    look, go = tool_use("look", CITY, id="t1", chunk=7), tool_use("go", {}, id="t2")
    seen: list[Event] = []
    running = (tap(seen.append) | tool_calls()).over(decoded(reply(text("I look."), look, PING, go)))
    assert next(running) == ToolCall("t1", "look", CITY, 1)
    assert [event.type for event in seen[-2:]] == ["content_block_delta", "content_block_stop"]
    assert next(running) == ToolCall("t2", "go", {}, 2)
    assert list(running) == []


def test_no_input_is_a_call_without_arguments_if_its_block_was_closed() -> None:
    (call,) = calls(tool_use("now"))
    assert isinstance(call, ToolCall)
    assert call.input == {}
    assert reason("", closed=False) == "truncated"


def test_input_that_stands_in_the_beginning_of_its_block() -> None:
    whole = {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": [1]}}
    assert calls(whole) == [ToolCall("t1", "look", {"a": [1]}, 0)]
    # Deltas tell more than it does, but an empty one tells nothing.
    start = from_dict({"type": "content_block_start", "index": 0, "content_block": whole})
    more = decoded(reply(tool_use("look", '{"b": 2}')))
    (call,) = tool_calls().over([more[0], start, *more[2:]])
    assert call.input == {"b": 2}
    (call,) = tool_calls().over([more[0], start, more[2], *more[4:]])
    assert call.input == {"a": [1]}


@pytest.mark.parametrize("wanted", [{"a": 1}, {}])
@pytest.mark.parametrize("stop_reason", ["tool_use", None])
def test_calls_that_stand_in_the_beginning_of_their_message(
    wanted: dict[str, int], stop_reason: str | None
) -> None:
    # As the API sends them when code that it runs calls a tool.
    caller = {"type": "code_execution_20250825", "tool_id": "s1"}
    block = {"type": "tool_use", "id": "t1", "name": "roll", "input": wanted, "caller": caller}
    message = {"content": [block], "stop_reason": stop_reason}
    events = [from_dict({"type": "message_start", "message": message}), from_dict({"type": "message_stop"})]
    assert list(tool_calls().over(events * 2)) == [ToolCall("t1", "roll", wanted, 0)] * 2
    assert list(tool_calls(when="message").over(events)) == [ToolCall("t1", "roll", wanted, 0)]


def test_calls_of_tools_that_others_run_are_asked_for() -> None:
    kinds = ["server_tool_use", "tool_use", "mcp_tool_use"]
    events = decoded(reply(*(tool_use(kind, {"a": 1}, type=kind, server_name="s") for kind in kinds)))
    assert [call.name for call in tool_calls().over(events)] == ["tool_use"]
    assert [call.name for call in tool_calls(server=True).over(events)] == kinds


def test_open_blocks_may_overlap() -> None:
    zero, one = (decoded(reply(text(""), tool_use("look", {"n": n}))) for n in range(2))
    zero = [from_dict({**to_dict(event), "index": 0}) for event in zero[4:8]]
    mixed = [one[0], zero[0], *one[4:7], *zero[1:], one[7], *one[8:]]
    assert [event.type for event in mixed].count("content_block_stop") == 2
    assert [(call.index, call.input) for call in tool_calls().over(mixed)] == [(0, {"n": 0}), (1, {"n": 1})]


def test_the_result_of_a_call() -> None:
    call = ToolCall("t1", "look", {}, 0)
    assert call.result("sunny") == {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"}
    assert call.result("no such city", is_error=True) == {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": "no such city",
        "is_error": True,
    }
    blocks: list[Any] = [{"type": "text", "text": "sunny"}]
    assert call.result(iter(blocks)).get("content") == blocks


IMAGE: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
NOTHING: Any = {"type": "text", "text": ""}
SUNNY: Any = {"type": "text", "text": "sunny"}
UNSAID = "The tool has failed, and does not say why."


@pytest.mark.parametrize(
    ("given", "is_error", "sent"),
    [
        ("", False, ""),
        ([], False, []),
        ([NOTHING, SUNNY, IMAGE], False, [SUNNY, IMAGE]),
        ([{"type": "novelty", "x": 1}], False, [{"type": "novelty", "x": 1}]),
        ("", True, UNSAID),
        (" \n", True, UNSAID),
        ([], True, UNSAID),
        ([NOTHING], True, UNSAID),
        ([SUNNY, IMAGE], True, [SUNNY, {"type": "text", "text": "[one image, which cannot be shown with an error]"}]),
    ],
)  # fmt: skip
def test_a_result_has_nothing_in_it_that_the_api_refuses(given: Any, is_error: bool, sent: Any) -> None:
    block: Any = ToolCall("t1", "look", {}, 0).result(given, is_error)
    assert block["content"] == sent
    asked: Any = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    check_conversation(
        [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [asked]},
            {"role": "user", "content": [block]},
        ]
    )


@pytest.mark.parametrize("wrong", [None, 3, {"temperature": 20}, b"sunny"])
def test_a_result_that_the_api_would_refuse(wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(wrong).__name__}: write json.dumps"):
        ToolCall("t1", "look", {}, 0).result(wrong)


def test_calls_do_not_change() -> None:
    with pytest.raises(AttributeError):
        ToolCall("t1", "look", {}, 0).name = "go"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


@given(
    st.dictionaries(st.text(), st.recursive(st.none() | st.integers(-(2**60), 2**60) | st.text(), st.lists)),
    st.lists(st.integers(0, 200)),
    st.booleans(),
)
def test_any_cut_of_the_same_input_gives_the_same_call(
    value: dict[str, Any], cuts: list[int], ascii_only: bool
) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    pieces = [raw[start:end] for start, end in pairwise(edges)]
    assert calls(tool_use("look", *pieces, id="t1")) == [ToolCall("t1", "look", value, 0)]


def test_a_surrogate_pair_that_is_cut_between_two_deltas_is_one_character() -> None:
    events = decoded(reply(tool_use("look", '{"a": "', "X", "Y", '"}', id="t1")))
    halves = {"X": "\ud83c", "Y": "\udf0a"}
    cut: list[Event] = []
    for event in events:
        wire = to_dict(event)
        if wire.get("delta", {}).get("partial_json") in halves:
            wire["delta"]["partial_json"] = halves[wire["delta"]["partial_json"]]
        cut.append(from_dict(wire))
    assert list(tool_calls().over(cut)) == [ToolCall("t1", "look", {"a": "🌊"}, 0)]


def test_a_lone_surrogate_is_no_reason_to_fail() -> None:
    (call,) = calls(tool_use("look", r'{"a": "\ud83c"}'))
    assert isinstance(call, ToolCall)
    assert call.input == {"a": "\ud83c"}


def test_of_a_name_that_stands_twice_the_last_counts() -> None:
    (call,) = calls(tool_use("look", '{"a": 1, "a": 2}'))
    assert isinstance(call, ToolCall)
    assert call.input == {"a": 2}


# -- broken calls --


@pytest.mark.parametrize("raw", ["[1]", '"x"', "3", "null", "true"])
def test_json_that_is_no_object(raw: str) -> None:
    assert reason(raw) == "not_object"


@pytest.mark.parametrize("raw", ['{"a":1}{"b":2}', '{"a":1} x', "{}}", "{} []"])
def test_something_behind_the_object(raw: str) -> None:
    assert reason(raw) == "extra_data"


@pytest.mark.parametrize(
    "raw", ["{a: 1}", '{"a": nope}', '{"a": NaN}', '{"a": -Infinity}', "{'a': 1}", '{"a" 1}', "x"]
)
def test_what_is_no_json(raw: str) -> None:
    assert reason(raw) == "invalid"


def test_what_is_nested_too_deeply() -> None:
    assert reason('{"a":' + "[" * 100_000 + "]" * 100_000 + "}") == "invalid"


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(
    "raw", ["{", '{"a', '{"a": ', '{"a": "x', '{"a": 1', '{"a": [1, {"b": tru', r'{"a": "\u00']
)
def test_json_that_ends_too_early(raw: str, closed: bool) -> None:
    assert reason(raw, closed=closed) == "truncated"


def test_a_block_that_the_stop_reason_closes() -> None:
    for stop_reason in ("max_tokens", "tool_use"):
        whole, cut = calls(
            tool_use("whole", {"a": 1}, id="t1", closed=False),
            tool_use("cut", '{"a": ', id="t2", closed=False),
            stop_reason=stop_reason,
        )
        assert whole == ToolCall("t1", "whole", {"a": 1}, 0)
        assert cut == BrokenToolCall("t2", "cut", '{"a": ', "truncated", 1)


@pytest.mark.parametrize("when", ["block", "message"])
def test_a_call_that_max_tokens_has_cut_is_reported_with_the_cause_and_the_remedy(when: Any) -> None:
    cut = events_of(tool_use("cut", '{"a": ', closed=False), stop_reason="max_tokens")
    cause = r"truncated, because the answer was cut \(stop_reason 'max_tokens'\): send .* a larger max_tokens"
    for events in (cut, [*cut[:-1], *events_of(text("Hello"))]):
        with pytest.raises(ToolInputError, match=cause):
            list(tool_calls(when=when).over(events))
    with pytest.raises(ToolInputError, match=r"cannot be used: truncated$"):
        list(tool_calls(when=when).over(events_of(tool_use("cut", '{"a": ', closed=False))))
    with pytest.raises(ToolInputError, match=r"cannot be used: invalid$"):
        list(tool_calls(when=when).over(events_of(tool_use("odd", "nope"), stop_reason="max_tokens")))


@pytest.mark.parametrize("end", ["message_stop", "message_delta", "content"])
def test_a_block_is_closed_by_whatever_end_there_is(
    end: Literal["message_stop", "message_delta", "content"],
) -> None:
    cut = tool_use("cut", "{", closed=False)
    assert [call.index for call in calls(cut, end=end)] == [0]
    without = [event for event in decoded(reply(cut, end=end)) if event.type != "message_delta"]
    assert len(list(tool_calls(broken="emit").over(without))) == 1


def test_a_message_delta_without_a_stop_reason_closes_nothing() -> None:
    events = decoded(reply(tool_use("look", '{"a":', " 1}", id="t1")))
    more = from_dict({"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 2}})
    assert list(tool_calls().over([*events[:4], more, *events[4:]])) == [ToolCall("t1", "look", {"a": 1}, 0)]


def test_broken_calls_are_raised_emitted_or_skipped() -> None:
    events = decoded(reply(tool_use("good", {}), tool_use("bad", "[]", id="t2"), tool_use("late", {})))
    broken = BrokenToolCall("t2", "bad", "[]", "not_object", 1)
    assert [call.name for call in tool_calls(broken="skip").over(events)] == ["good", "late"]
    assert list(tool_calls(broken="emit").over(events))[1] == broken
    running = tool_calls().over(events)
    assert next(running).name == "good"
    with pytest.raises(ToolInputError, match=r"tool 'bad' \(block 1\).*not_object") as raised:
        next(running)
    assert raised.value.call == broken


def test_what_is_complete_comes_before_the_error_of_the_same_moment() -> None:
    events = decoded(reply(tool_use("good", {"a": 1}, closed=False), tool_use("bad", "{", closed=False)))
    running = tool_calls().over(events)
    assert next(running).name == "good"
    with pytest.raises(ToolInputError):
        next(running)


# -- when --


def test_all_calls_of_a_message_together() -> None:
    events = decoded(reply(tool_use("one", {}), tool_use("two", {}), text("?")))
    seen: list[Event] = []
    running = (tap(seen.append) | tool_calls(when="message")).over(events)
    assert next(running).name == "one"
    assert seen[-1].type == "message_stop"
    assert [call.name for call in running] == ["two"]


def test_one_broken_call_stops_all_of_its_message() -> None:
    events = decoded(reply(tool_use("good", {}), tool_use("bad", "[]")))
    with pytest.raises(ToolInputError):
        next(tool_calls(when="message").over(events))
    assert [call.name for call in tool_calls(when="message", broken="skip").over(events)] == ["good"]
    assert [call.name for call in tool_calls(when="message", broken="emit").over(events)] == ["good", "bad"]


def test_a_message_without_its_stop_ends_with_the_next_one_or_the_stream() -> None:
    events = decoded(*(reply(tool_use(name, {}), end="message_delta") for name in ("one", "two")))
    assert [call.name for call in tool_calls(when="message").over(events)] == ["one", "two"]


# -- messages, restarts, errors --


def test_several_messages() -> None:
    events = decoded(reply(tool_use("one", {}, id="t1")), reply(text("?"), tool_use("two", {}, id="t2")))
    assert [(call.id, call.index) for call in tool_calls().over(events)] == [("t1", 0), ("t2", 1)]


@pytest.mark.parametrize("when", ["block", "message"])
def test_a_restart_forgets_what_was_open_or_held(when: Literal["block", "message"]) -> None:
    cut, whole = decoded(reply(text(""), tool_use("cut", '{"a":'))), decoded(reply(tool_use("look", {})))
    events = [*cut[:-3], RESTARTED, *whole]
    assert [call.name for call in tool_calls(when=when).over(events)] == ["look"]
    held = [*decoded(reply(tool_use("held", {})))[:-2], RESTARTED]
    assert [call.name for call in tool_calls(when=when).over(held)] == (["held"] if when == "block" else [])


def test_a_message_inside_another_is_refused() -> None:
    events = decoded(reply(tool_use("look", {})))
    with pytest.raises(GrammarError, match="message_start inside another message"):
        list(tool_calls().over([*events[:3], *decoded(reply(tool_use("look", {}), id="msg_another"))]))


def test_input_that_belongs_to_no_block_is_not_lost_in_silence() -> None:
    events = decoded(reply(tool_use("look", {"a": 1})))
    with pytest.raises(GrammarError, match="input_json_delta for block 0, which is not open"):
        list(tool_calls().over([events[0], *events[2:]]))


def test_a_block_that_is_not_followed_takes_no_input_of_the_next_message() -> None:
    search = tool_use("web_search", {"q": 1}, type="server_tool_use", closed=False)
    first, second = decoded(reply(search)), decoded(reply(tool_use("look", {"a": 1})))
    with pytest.raises(GrammarError, match="input_json_delta for block 0, which is not open"):
        list(tool_calls().over([*first, second[0], *second[2:]]))


@pytest.mark.parametrize("broken", ["raise", "emit"])
async def test_an_upstream_error_wins_over_the_call_that_it_cuts(broken: Any) -> None:
    cut = decoded(reply(tool_use("one", {}), tool_use("two", '{"a":')))[:-3]

    async def source() -> AsyncIterator[Event]:
        for event in cut:
            yield event
        raise StreamTruncated

    seen: list[Any] = []
    made = tool_calls(broken=broken) | tap(seen.append)
    with pytest.raises(StreamTruncated):
        await (from_iterable(source) | made).run()
    assert [call.name for call in seen] == ["one"]


def test_an_end_that_somebody_wanted_cuts_a_call_too() -> None:
    events = decoded(reply(tool_use("look", {"a": 1})))
    (call,) = (take(3) | tool_calls(broken="emit")).over(events)
    assert isinstance(call, BrokenToolCall)


# -- the SDK, recordings, arguments --


def test_the_sdks_own_events_are_read_alike() -> None:
    look, go = tool_use("look", CITY, id="t1", chunk=5), tool_use("go", id="t2", closed=False)
    blocks = (text("I look."), look, go)
    body = reply(*blocks).body
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    transport = httpx2.MockTransport(lambda _: response)
    with anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=transport)) as client:
        events: Any = client.messages.create(model="claude-x", max_tokens=9, messages=[], stream=True)
        assert list(tool_calls(broken="emit").over(events)) == calls(*blocks)


def test_recorded_calls_are_those_of_the_message(recording: Path) -> None:
    events = EventDecoder().feed(recording.read_bytes())
    wanted: dict[str, str] = {}
    ids: dict[int, str] = {}
    for event in map(to_dict, events):
        blocks = enumerate(event.get("message", {}).get("content", []))
        if event["type"] == "content_block_start":
            blocks = enumerate([event["content_block"]], event["index"])
        for index, block in blocks:
            ids[index] = block["id"] if block["type"].endswith("tool_use") else ""
            if ids[index]:
                wanted[ids[index]] = json.dumps(block["input"]) if block["input"] else ""
        delta = event.get("delta", {})
        if delta.get("type") == "input_json_delta":
            wanted[ids[event["index"]]] += delta["partial_json"]
    for call in tool_calls(broken="emit", server=True, when="block").over(events):
        raw = wanted.pop(call.id)
        if isinstance(call, ToolCall):
            assert call.input == json.loads(raw or "{}")
        else:
            assert call.raw == raw
            with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
                json.loads(raw)
    assert wanted == {}


@pytest.mark.parametrize("wrong", [{"broken": "ignore"}, {"when": "now"}])
def test_what_does_not_exist_is_refused(wrong: Any) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"tool_calls\({name}=…\) must be .*, not '{value}'"):
        tool_calls(**wrong)


def test_it_reads_like_its_source() -> None:
    assert repr(tool_calls()) == "tool_calls()"
    assert repr(tool_calls(broken="skip", when="message")) == "tool_calls(broken='skip', when='message')"
    assert repr(tool_calls(broken="raise", server=True)) == "tool_calls(server=True)"


def test_its_types() -> None:
    assert_type(tool_calls(), Operator[AnyEvent, ToolCall])
    assert_type(tool_calls(broken="skip", when="message"), Operator[AnyEvent, ToolCall])
    assert_type(tool_calls(broken="emit"), Operator[AnyEvent, ToolCall | BrokenToolCall])
