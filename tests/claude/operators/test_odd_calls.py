"""
Calls that are not what they seem: what is executed of them, and that the outcome never says otherwise.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import anthropic
import pytest

import streamkit as sk
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.tool_blocks import complete_calls
from streamkit.events import from_dict
from streamkit.testing import FakeClaude, Reply, event, reply, text
from tests.support.claude import ASK

if TYPE_CHECKING:
    from collections.abc import Iterable

Wire = dict[str, Any]

START: Final[Wire] = reply(text("")).events[0]


def begin(index: int, kind: str = "text", **fields: Any) -> Wire:
    usual: Wire = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(kind, {})
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **usual, **fields}}


def call(index: int, name: str = "look", kind: str = "tool_use", **fields: Any) -> Wire:
    return begin(index, kind, **{"id": f"toolu_{name}", "name": name, "input": {}, **fields})


def delta(index: int, kind: str, **fields: Any) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def raw(index: int, partial_json: str) -> Wire:
    return delta(index, "input_json_delta", partial_json=partial_json)


def said(index: int, piece: str) -> Wire:
    return delta(index, "text_delta", text=piece)


def stop(index: int) -> Wire:
    return {"type": "content_block_stop", "index": index}


def end(stop_reason: str | None = "tool_use") -> list[Wire]:
    return [
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ]


def given(events: Iterable[Wire], **settings: Any) -> list[Any]:
    """
    What `tool_calls()` gives of a message with these events.
    """
    options: Any = {"broken": "emit", **settings}
    operator: sk.Operator[Any, Any] = sk.tool_calls(**options)
    return list(operator.over([from_dict(each) for each in (START, *events)]))


def built(events: Iterable[Wire]) -> MessageBuilder:
    builder = MessageBuilder()
    assert builder.take(iter([from_dict(each) for each in (START, *events)])) is None
    return builder


def content(events: Iterable[Wire]) -> Any:
    return built(events).to_dict()["content"]


def inputs(events: Iterable[Wire]) -> list[tuple[str, Any]]:
    """
    The calls that can be executed, by name and input, of which the outcome must say the same.
    """
    events = list(events)
    calls = [each for each in given(events) if isinstance(each, sk.ToolCall)]
    assert calls == [each for each in given(events, when="message") if isinstance(each, sk.ToolCall)]
    assert complete_calls(built(events).blocks) == sorted(calls, key=lambda each: each.index)
    return [(each.name, each.input) for each in calls]


# -- calls without input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stop_reason",
    [
        "max_tokens",
        "model_context_window_exceeded",
        "refusal",
        "length",
        "MAX_TOKENS",
        "model_length",
        "content_filter",
    ],
)
@pytest.mark.parametrize("written", [[], [""], [" ", "\n"]])
@pytest.mark.parametrize("when", ["block", "message"])
def test_a_call_that_was_cut_before_its_input_is_not_a_call_without_arguments(
    stop_reason: str, written: list[str], when: str
) -> None:
    events = [call(0), *(raw(0, each) for each in written), stop(0), *end(stop_reason)]
    [broken] = given(events, when=when)
    assert broken == sk.BrokenToolCall("toolu_look", "look", "".join(written), "truncated", 0)
    assert inputs(events) == []
    with pytest.raises(sk.ToolInputError, match="truncated"):
        given(events, broken="raise", when=when)


@pytest.mark.parametrize("stop_reason", ["tool_use", "end_turn", "pause_turn", "of_tomorrow"])
def test_any_other_stop_reason_leaves_it_a_call_without_arguments(stop_reason: str) -> None:
    assert inputs([call(0), raw(0, ""), stop(0), *end(stop_reason)]) == [("look", {})]


def test_input_that_is_sent_as_json_and_not_as_its_text_is_that_input() -> None:
    odd = delta(0, "input_json_delta", partial_json={"path": "a"})
    events = [call(0), odd, stop(0), *end()]
    assert inputs(events) == [("look", {"path": "a"})]
    whole = list(sk.tool_input(path="$.path").over([from_dict(each) for each in (START, *events)]))
    assert "".join(map(str, whole)) == "a"


@pytest.mark.parametrize("value", [5, True, ["a"]])
def test_input_that_cannot_be_one_is_broken_and_not_left_out(value: object) -> None:
    [broken] = given([call(0), delta(0, "input_json_delta", partial_json=value), stop(0), *end()])
    assert isinstance(broken, sk.BrokenToolCall)
    assert broken.reason == "not_object"
    assert inputs([call(0), delta(0, "input_json_delta", partial_json=value), stop(0), *end()]) == []


def test_input_in_a_delta_of_another_name_is_that_input() -> None:
    odd = delta(0, "tool_use_delta", partial_json='{"a": 1}')
    assert inputs([call(0), odd, stop(0), *end()]) == [("look", {"a": 1})]


def test_a_call_whose_input_cannot_be_read_is_not_a_call_without_arguments() -> None:
    events = [call(0), delta(0, "input_json_delta", arguments='{"a": 1}'), stop(0), *end()]
    [broken] = given(events)
    assert isinstance(broken, sk.BrokenToolCall)
    assert inputs(events) == []
    said_nothing = [delta(0, "input_json_delta"), delta(0, "input_json_delta", partial_json=None)]
    assert inputs([call(0), *said_nothing, stop(0), *end()]) == [("look", {})]


@pytest.mark.parametrize(
    ("first", "second"),
    [({"name": ""}, {}), ({}, {"name": ""}), ({"id": ""}, {}), ({}, {"id": None})],
    ids=["the name later", "the name before", "the id later", "the id before"],
)
def test_a_start_that_is_said_again_may_say_more(first: Wire, second: Wire) -> None:
    starts = [call(0, **{"id": "toolu_look", **said}) for said in (first, second)]
    events = [*starts, raw(0, '{"a": 1}'), stop(0), *end()]
    assert inputs(events) == [("look", {"a": 1})]
    assert [each.id for each in given(events)] == ["toolu_look"]


def test_only_the_last_call_can_have_been_cut() -> None:
    events = [call(0, "one"), stop(0), call(1, "two"), stop(1), *end("max_tokens")]
    assert inputs(events) == [("one", {})]
    assert inputs([call(0), stop(0), begin(1), said(1, "Hm"), stop(1), *end("max_tokens")]) == [("look", {})]
    assert inputs([call(0), raw(0, "{}"), stop(0), *end("max_tokens")]) == [("look", {})]


def test_a_call_without_input_waits_for_what_tells_whether_it_is_one() -> None:
    running = [from_dict(each) for each in (START, call(0), stop(0), {"type": "ping"}, *end())]
    seen: list[Any] = []
    [look] = (sk.tap(seen.append) | sk.tool_calls()).over(running)
    assert (look.input, seen[-1].type) == ({}, "message_stop")
    seen.clear()
    calls = (sk.tap(seen.append) | sk.tool_calls()).over(running)
    assert next(calls) == look
    assert seen[-1].type == "message_delta"


def test_one_with_input_does_not_wait() -> None:
    events = [from_dict(each) for each in (START, call(0), raw(0, '{"a": 1}'), stop(0))]
    [look] = sk.tool_calls().over(events)
    assert look.input == {"a": 1}


def test_nobody_knows_of_a_call_without_input_at_which_the_stream_ends() -> None:
    [look] = given([call(0), stop(0)])
    assert (type(look), look.reason) == (sk.BrokenToolCall, "truncated")
    assert complete_calls(built([call(0), stop(0)]).blocks) == []


def test_a_call_that_stands_in_a_whole_message_may_be_cut_too() -> None:
    block: Wire = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
    for stop_reason, wanted in (("max_tokens", 0), ("tool_use", 1)):
        message = {**START["message"], "content": [block], "stop_reason": stop_reason}
        whole = from_dict({"type": "message_start", "message": message})
        assert len(list(sk.tool_calls(broken="skip").over([whole]))) == wanted
        builder = MessageBuilder()
        builder.add(whole)
        assert len(complete_calls(builder.blocks)) == wanted


def test_input_that_comes_behind_the_end_of_a_call_that_had_none_is_its_input() -> None:
    events = [call(0), stop(0), raw(0, '{"a": '), raw(0, "1}"), stop(0), *end()]
    assert inputs(events) == [("look", {"a": 1})]


# -- an empty object before the input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        ["{}", '{"a": 1}'],
        ['{}{"a": 1}'],
        ["{", "}", "{", '"a": 1}'],
        [" { } ", '\n{"a"', ": 1} "],
        ["{}{}{}", '{"a": 1}'],
    ],
)
def test_an_empty_object_before_the_input_is_dropped(pieces: list[str]) -> None:
    events = [call(0), *(raw(0, each) for each in pieces), stop(0), *end()]
    assert inputs(events) == [("look", {"a": 1})]
    assert content(events)[0]["input"] == {"a": 1}
    running = [from_dict(each) for each in (START, *events)]
    assert list(sk.tool_input(path="$").over(running)) == [{"a": 1}]
    assert list(sk.tool_input(path="$.a").over(running)) == [1]
    *_, last = [each.copy() for each in sk.tool_input().over(running)]
    assert last == sk.Partial({"a": 1}, True)
    assert sum(each.complete for each in sk.tool_input().over(running)) == 1


def test_an_empty_object_alone_is_the_input() -> None:
    events = [call(0), raw(0, "{"), raw(0, "}"), stop(0), *end()]
    assert inputs(events) == [("look", {})]
    running = [from_dict(each) for each in (START, *events)]
    assert list(sk.tool_input(path="$").over(running)) == [{}]
    assert [each.copy() for each in sk.tool_input().over(running)][-1] == sk.Partial({}, True)


@pytest.mark.parametrize("written", ['{"a": 1}{"b": 2}', "{} []", "{}}", "{}1"])
def test_anything_else_in_front_or_behind_is_an_error_as_before(written: str) -> None:
    [broken] = given([call(0), raw(0, written), stop(0), *end()])
    assert broken.reason == "extra_data"
    with pytest.raises(sk.ToolInputError, match="follows"):
        list(sk.tool_input().over([from_dict(each) for each in (START, call(0), raw(0, written))]))


def test_a_cut_input_behind_an_empty_object_is_cut() -> None:
    events = [call(0), raw(0, "{}"), raw(0, '{"a": 1, "b": '), stop(0), *end("max_tokens")]
    [broken] = given(events)
    assert broken.reason == "truncated"
    assert content(events)[0]["input"] == {"a": 1}


# -- blocks ----------------------------------------------------------------------------------------------------


def test_a_block_that_begins_at_an_open_index_closes_the_old_one() -> None:
    events = [call(0, "one"), raw(0, '{"a": 1}'), call(0, "two"), raw(0, '{"b": 2}'), stop(0), *end()]
    assert inputs(events) == [("one", {"a": 1}), ("two", {"b": 2})]
    assert [each["name"] for each in content(events)] == ["one", "two"]
    running = [from_dict(each) for each in (START, *events)]
    assert [each.to_dict()["name"] for each in sk.blocks().over(running)] == ["one", "two"]
    assert list(sk.tool_input(path="$").over(running)) == [{"a": 1}, {"b": 2}]
    texts = [begin(0), said(0, "One"), begin(0), said(0, "Two"), *end("end_turn")]
    assert [each["text"] for each in content(texts)] == ["One", "Two"]


def test_a_start_that_is_said_again_says_nothing_new() -> None:
    events = [call(0), call(0), raw(0, '{"a": '), call(0), raw(0, "1}"), stop(0), *end()]
    assert inputs(events) == [("look", {"a": 1})]
    assert len(content(events)) == 1
    fuller = [call(0), call(0, input={"a": 1}), stop(0), *end()]
    assert inputs(fuller) == [("look", {"a": 1})]
    assert len(content([begin(0), begin(0), said(0, "One"), *end()])) == 1


def test_a_call_that_is_begun_again_behind_its_stop_is_one_call() -> None:
    events = [call(0), stop(0), call(0), raw(0, '{"a": 1}'), stop(0), *end()]
    assert inputs(events) == [("look", {"a": 1})]
    assert len(content(events)) == 1


def test_text_in_the_block_of_a_tool_is_a_text_of_its_own() -> None:
    events = [call(0), raw(0, '{"a": 1}'), said(0, "So "), said(0, "be it"), stop(0), *end()]
    assert inputs(events) == [("look", {"a": 1})]
    look, words = content(events)
    assert look == {"type": "tool_use", "id": "toolu_look", "name": "look", "input": {"a": 1}}
    assert words == {"type": "text", "text": "So be it"}
    running = [from_dict(each) for each in (START, *events)]
    assert [each.type for each in sk.blocks().over(running)] == ["tool_use", "text"]
    assert "".join(sk.text().over(running)) == "So be it"


def test_white_space_there_is_no_block_that_the_api_would_refuse() -> None:
    events = [call(0), raw(0, '{"a": 1}'), said(0, "\n"), stop(0), *end()]
    message = built(events).to_dict()
    assert [each["type"] for each in message["content"]] == ["tool_use"]
    assert message["unknown_events"] == [said(0, "\n")]
    running = [from_dict(each) for each in (START, *events)]
    assert [each.type for each in sk.blocks().over(running)] == ["tool_use"]


@pytest.mark.parametrize(
    ("block", "odd"),
    [
        (begin(0), delta(0, "thinking_delta", thinking="Hm")),
        (begin(0), delta(0, "signature_delta", signature="S")),
        (begin(0), raw(0, '{"a": 1}')),
        (begin(0, "thinking"), delta(0, "citations_delta", citation={"type": "page_location"})),
        (begin(0, "redacted_thinking", data="x"), delta(0, "thinking_delta", thinking="Hm")),
        (begin(0, "web_search_tool_result", tool_use_id="t", content=[]), raw(0, "{}")),
        (call(0, input={"a": 1}), delta(0, "compaction_delta", content="x")),
    ],
)
def test_any_other_delta_that_does_not_fit_its_block_stands_beside(block: Wire, odd: Wire) -> None:
    message = built([block, odd, stop(0), *end()]).to_dict()
    assert message["content"] == [block["content_block"]]
    assert message["unknown_events"] == [odd]


def test_a_delta_or_a_block_of_an_unknown_type_is_believed() -> None:
    mood = begin(0, "mood", mood="")
    assert content([mood, raw(0, '{"a": 1}'), said(0, "x"), *end()])[0] == {
        "type": "mood",
        "mood": "",
        "input": {"a": 1},
        "text": "x",
    }
    odd = delta(0, "mood_delta", mood="good")
    assert content([begin(0), odd, *end()])[0]["unknown_deltas"] == [odd["delta"]]


def test_input_with_a_wrong_index_goes_into_the_only_call_that_is_open() -> None:
    events = [begin(0), said(0, "I look."), stop(0), call(1), raw(0, '{"a": '), raw(0, "1}"), stop(1), *end()]
    assert inputs(events) == [("look", {"a": 1})]
    assert content(events)[0] == {"type": "text", "text": "I look."}


def test_a_signature_with_a_wrong_index_goes_to_the_only_thinking_without_one() -> None:
    signed = delta(1, "signature_delta", signature="S")
    thought = [begin(0, "thinking"), delta(0, "thinking_delta", thinking="Hm"), stop(0)]
    assert content([*thought, begin(1), signed, *end()])[0]["signature"] == "S"
    again = delta(1, "signature_delta", signature="other")
    assert content([*thought, begin(1), signed, again, *end()])[0]["signature"] == "S"


def test_input_that_belongs_to_no_call_makes_none_without_arguments() -> None:
    events = [call(0, "one"), call(1, "two"), raw(7, '{"a": 1}'), stop(0), stop(1), *end()]
    with pytest.raises(sk.GrammarError, match="input_json_delta for block 7, which is not open"):
        given(events)
    assert complete_calls(built(events).blocks) == []


def test_input_behind_a_call_that_was_made_changes_nothing() -> None:
    late = raw(0, '{"b": 2}')
    events = [call(0), raw(0, '{"a": 1}'), stop(0), late, *end()]
    assert inputs(events) == [("look", {"a": 1})]
    assert built(events).to_dict()["unknown_events"] == [late]


def test_a_server_tool_that_nobody_asked_for_is_read_all_the_same() -> None:
    search = [call(0, "web_search", "server_tool_use"), raw(0, '{"query": "a"}'), stop(0)]
    assert given([*search, call(1), stop(1), *end()]) == [sk.ToolCall("toolu_look", "look", {}, 1)]
    assert [each.name for each in given([*search, *end()], server=True)] == ["web_search"]


@pytest.mark.parametrize("missing", ["id", "input"])
def test_a_call_without_one_of_its_fields_is_told_alike(missing: str) -> None:
    block = call(0)
    block["content_block"][missing] = None
    try:
        events = [START, block, raw(0, '{"a": 1}'), stop(0), *end()]
        [each] = sk.tool_calls().over([from_dict(event) for event in events])
    except sk.GrammarError:
        return
    assert each.input == {"a": 1}


# -- the operator and the outcome ------------------------------------------------------------------------------

MOVES: Final = [
    call(0, "one"),
    call(1, "two"),
    begin(1),
    begin(2, "web_search_tool_result", tool_use_id="t", content=[]),
    raw(0, ""),
    raw(0, "{}"),
    raw(0, '{"a": 1}'),
    raw(1, '{"b": '),
    raw(1, "2}"),
    said(0, "\n"),
    said(3, "Hm"),
    stop(0),
    stop(1),
    {"type": "ping"},
]


@pytest.mark.parametrize("seed", range(8))
def test_they_never_disagree(seed: int) -> None:
    randomly = random.Random(seed)
    for _ in range(100):
        moves = randomly.choices(MOVES, k=randomly.randint(1, 9))
        events = [*moves, *end(randomly.choice(["tool_use", "max_tokens"]))]
        try:
            inputs(events)
        except sk.GrammarError:
            continue  # the input of no block: then there is nothing to compare


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
@pytest.mark.parametrize("when", ["block", "message"])
async def test_over_a_real_connection(transport: Any, when: Any, anyio_backend: str) -> None:
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")
        if anyio_backend == "trio":
            pytest.skip("aiohttp needs asyncio")
    cut = [begin(0), said(0, "I write."), stop(0), call(1), raw(1, ""), stop(1), *end("max_tokens")]
    whole = [call(0), raw(0, "{}"), raw(0, '{"a": 1}'), said(0, "\n"), stop(0), *end()]
    for events, wanted in ((cut, []), (whole, [{"a": 1}])):
        body = b"".join(map(event, (START, *events)))
        async with FakeClaude(Reply([body])) as server:
            http = sk.http_client(transport=transport)
            async with anthropic.AsyncAnthropic(
                api_key="none", base_url=server.url, http_client=http
            ) as client:
                async with (
                    sk.messages(client, **ASK) | sk.tool_calls(broken="skip", when=when)
                ).open() as run:
                    assert [each.input async for each in run] == wanted
                assert run.outcome.kind == "complete"
                assert [each.input for each in run.outcome.tool_calls] == wanted
