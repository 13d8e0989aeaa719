"""
What is not said, or is said in another form, and can be told all the same: the type of a delta or a block, text that stands where
blocks are due, input as text, a message inside an object, and which of two calls is meant.
"""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

import streamkit as sk
from streamkit._claude.protocol.block import Block
from streamkit.events import from_dict
from streamkit.testing import FakeClaude, Reply, event, json_body, reply, text, thinking, tool_use
from tests.support.claude import ASK, outcome_of

Wire = dict[str, Any]

ANSWER = reply(
    thinking("Hm", ", well", signature="c2ln"),
    text("Hel", "lo", citations=[{"type": "page_location", "cited_text": "x"}]),
    tool_use("go", {"to": "Rome"}, id="toolu_1", chunk=4),
)


def untyped(value: Any) -> Any:
    return {name: each for name, each in value.items() if name != "type"}


def of(events: list[Wire]) -> list[Any]:
    return [from_dict(each) for each in events]


async def asked_once(answer: Reply) -> sk.Outcome:
    async with FakeClaude(answer) as server:
        return await outcome_of(sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(attempts=1)))


def text_of(outcome: sk.Outcome) -> str:
    message: Any = outcome.message
    return "".join(block.text for block in message.content)


# -- types ---------------------------------------------------------------------------------------------------

OPERATORS: dict[str, sk.Operator[Any, Any]] = {
    "text": sk.text(),
    "text with separators": sk.text(between="|"),
    "thinking": sk.thinking(),
    "tool_calls": sk.tool_calls(),
    "tool_input": sk.tool_input(path="$.to"),
    "blocks": sk.blocks(),
}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_the_type_of_a_delta_may_be_written_without_its_end(operator: sk.Operator[Any, Any]) -> None:
    def changed(each: Wire) -> Wire:
        delta = each.get("delta", {})
        if each["type"] == "message_delta" or "type" not in delta:
            return each
        return {**each, "delta": {**delta, "type": delta["type"].removesuffix("_delta")}}

    odd = [changed(each) for each in ANSWER.events]
    assert odd != ANSWER.events
    assert list(operator.over(of(odd))) == list(operator.over(of(ANSWER.events)))


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize("kind", [None, 7, ...], ids=["null", "a number", "nothing"])
def test_a_delta_that_does_not_say_its_type_is_told_by_its_field(
    operator: sk.Operator[Any, Any], kind: Any
) -> None:
    def changed(each: Wire) -> Wire:
        if "delta" not in each or each["type"] == "message_delta" or "citation" in each["delta"]:
            return each
        return {**each, "delta": {**untyped(each["delta"]), **({} if kind is ... else {"type": kind})}}

    odd = [changed(each) for each in ANSWER.events]
    assert odd != ANSWER.events
    assert list(operator.over(of(odd))) == list(operator.over(of(ANSWER.events)))
    assert [sk.events.to_dict(each) for each in of(odd)] == odd


async def test_so_it_is_in_the_message() -> None:
    odd = ANSWER.edited(
        lambda events: [
            {**each, "delta": untyped(each["delta"])} if each["type"] == "content_block_delta" else each
            for each in events
        ]
    )
    whole, told = await asked_once(ANSWER), await asked_once(odd)
    assert told.message is not None
    assert whole.message is not None
    assert [block.type for block in told.message.content] == ["thinking", "text", "tool_use"]
    assert told.message.content[0] == whole.message.content[0]
    assert told.tool_calls == whole.tool_calls
    assert told.history[1]["content"][0] == whole.history[1]["content"][0]  # type: ignore[index]


@pytest.mark.parametrize("field", ["words", "content"])
async def test_what_cannot_be_told_is_not_guessed(field: str) -> None:
    delta: Wire = {"type": "content_block_delta", "index": 0, "delta": {field: "Hello"}}
    assert list(sk.text().over(of([delta]))) == []
    start: Wire = {"type": "content_block_start", "index": 0, "content_block": {"content": {}}}
    whole = reply(text("x")).events
    outcome = await asked_once(Reply([event(each) for each in (whole[0], start, delta, *whole[3:])]))
    message: Any = outcome.message
    assert message.content[0].to_dict() == {"content": {}, "unknown_deltas": [{field: "Hello"}]}
    assert len(outcome.history) == 1


@pytest.mark.parametrize("given", [{"a": 1}, ["a"], 7])
async def test_a_text_that_begins_with_something_else_is_what_its_deltas_say(given: Any) -> None:
    start: Wire = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "compaction", "content": given},
    }
    delta: Wire = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "compaction_delta", "content": "Hi"},
    }
    whole = reply(text("x")).events
    outcome = await asked_once(Reply([event(each) for each in (whole[0], start, delta, *whole[3:])]))
    message: Any = outcome.message
    assert message.content[0].content == "Hi"
    assert message.content[0].unknown_deltas == [{"type": "compaction", "content": given}]


@pytest.mark.parametrize("name", ["text", "thinking"])
def test_a_block_of_text_need_not_say_its_type(name: str) -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {name: "Hel"}}
    more = {"type": "content_block_delta", "index": 0, "delta": {"type": f"{name}_delta", name: "lo"}}
    events = of([ANSWER.events[0], start, more, {"type": "content_block_stop", "index": 0}])
    assert list(getattr(sk, name)().over(events)) == ["Hel", "lo"]
    [block] = sk.blocks().over(events)
    assert (block.type, getattr(block, name)) == (name, "Hello")


# -- text where blocks are due -------------------------------------------------------------------------------

STOPPED = {**ANSWER.events[0]["message"], "stop_reason": "end_turn"}


@pytest.mark.parametrize("content", ["Hello", ["Hello"], [{"text": "Hello"}]], ids=str)
async def test_text_may_stand_alone_where_the_content_is_due(content: Any) -> None:
    message = {**STOPPED, "content": content}
    for answer in (
        json_body(message),
        Reply([event({"type": "message_start", "message": message}), event({"type": "message_stop"})]),
    ):
        outcome = await asked_once(answer)
        assert (outcome.kind, text_of(outcome)) == ("complete", "Hello")
        assert outcome.history[1] == {"role": "assistant", "content": "Hello"}
        start = of([{"type": "message_start", "message": message}])
        assert list(sk.text().over(start)) == ["Hello"]
        blocks: list[Any] = list(sk.blocks().over(start))
        assert [block.text for block in blocks] == ["Hello"]


@pytest.mark.parametrize("field", ["data", "message", "response", "result"])
@pytest.mark.parametrize(
    "beside", [{}, {"code": 200, "message": "ok", "success": True}], ids=["alone", "beside"]
)
async def test_a_whole_message_may_stand_in_an_object_of_somebody_s(field: str, beside: Wire) -> None:
    message = {**STOPPED, "content": [{"type": "text", "text": "Hello"}]}
    outcome = await asked_once(json_body({**beside, field: message}))
    assert (outcome.kind, text_of(outcome)) == ("complete", "Hello")


async def test_the_beginning_of_a_stream_is_not_taken_for_a_whole_message() -> None:
    whole = reply(text("Hello"))
    start = b"data: " + json.dumps({"message": whole.events[0]["message"]}).encode() + b"\n\n"
    named = b"event: message_start\n" + start
    for beginning in (start, named):
        outcome = await asked_once(Reply([beginning, *whole.steps[1:]]))
        assert (outcome.kind, len(outcome.messages), text_of(outcome)) == ("complete", 1, "Hello")


FAILURES: dict[str, Wire] = {
    "MiniMax": {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
    "MiniMax, with an empty message": {
        **STOPPED, "content": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"},
    },
    "a code": {"code": 1113, "msg": "insufficient balance", "data": None},
    "no success": {"success": False, "msg": "insufficient balance"},
    "a status": {"status": "error", "reason": "insufficient balance"},
}  # fmt: skip


@pytest.mark.parametrize("said", FAILURES.values(), ids=FAILURES)
async def test_an_object_that_says_a_failure_is_an_error(said: Wire) -> None:
    in_a_frame = ANSWER.cut(3, b"data: " + json.dumps(said).encode() + b"\n\n")
    for answer in [json_body(said), *([] if "content" in said else [in_a_frame])]:
        outcome = await asked_once(answer)
        error: Any = outcome.error
        assert (outcome.kind, error.type, error.retriable) == ("failed", "unknown_error", False)
        assert "insufficient balance" in str(error)


@pytest.mark.parametrize(
    "said",
    [
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"code": 0, "msg": "ok"},
        {"code": "200", "msg": "ok"},
        {"code": 20000, "msg": "success"},
        {"code": 1, "msg": "done"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None},
        {"success": True, "msg": "ok"},
        {"status": "ok", "reason": "done"},
        {"status": "failed"},
    ],
    ids=str,
)
async def test_one_that_does_not_is_skipped(said: Wire) -> None:
    for place in (0, 3):
        outcome = await asked_once(ANSWER.insert(place, b"data: " + json.dumps(said).encode() + b"\n\n"))
        assert (outcome.kind, outcome.oddities) == ("complete", {"skipped_frame": 1})
        assert len(outcome.tool_calls) == 1


# -- input as text -------------------------------------------------------------------------------------------


def call(index: int, **fields: Any) -> list[Wire]:
    block: Wire = {"type": "tool_use", "id": f"toolu_{index}", "name": "go", "input": {}, **fields}
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        {"type": "content_block_stop", "index": index},
    ]


def calls_in(*events: Wire) -> list[Any]:
    start, *_, change, stop = reply(stop_reason="tool_use").events
    return of([start, *events, change, stop])


@pytest.mark.parametrize(
    ("given", "meant"), [('{"to": "Rome"}', {"to": "Rome"}), ("{}", {}), ("", {}), (" ", {})]
)
def test_input_as_text_in_the_start_of_a_block_is_that_input(given: str, meant: Wire) -> None:
    events = calls_in(*call(0, input=given))
    assert list(sk.tool_calls().over(events)) == [sk.ToolCall("toolu_0", "go", meant, 0)]
    assert list(sk.tool_input(path="$.to").over(events)) == list(meant.values())
    [block] = sk.blocks().over(events)
    assert block.input == meant  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "reason"),
    [('{"to": "Ro', "truncated"), ("[1]", "not_object"), ("Rome", "invalid"), ("{} x", "extra_data")],
)
def test_text_that_is_not_an_object_is_told_like_any_other(given: str, reason: str) -> None:
    events = calls_in(*call(0, input=given))
    [broken] = sk.tool_calls(broken="emit").over(events)
    assert broken == sk.BrokenToolCall("toolu_0", "go", given, reason, 0)  # type: ignore[arg-type]


def test_input_that_is_sent_as_json_may_have_half_of_a_character() -> None:
    start, stop = call(0)
    value = {"to": "Ro\ud83d"}
    delta = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": value},
    }
    [made] = sk.tool_calls().over(calls_in(start, delta, stop))
    assert made == sk.ToolCall("toolu_0", "go", value, 0)


def test_deltas_behind_it_are_the_input() -> None:
    start, stop = call(0, input='{"to": "Rome"}')
    pisa = {"type": "input_json_delta", "partial_json": '{"to": "Pisa"}'}
    delta = {"type": "content_block_delta", "index": 0, "delta": pisa}
    [made] = sk.tool_calls().over(calls_in(start, delta, stop))
    assert isinstance(made, sk.ToolCall)
    assert made.input == {"to": "Pisa"}


# -- two calls under one id ----------------------------------------------------------------------------------

ROME = {"id": "call_0", "input": {"to": "Rome"}}
PISA = {"id": "call_0", "input": {"to": "Pisa"}}


async def both(*calls: Wire) -> tuple[list[tuple[str, Any]], sk.Outcome]:
    """
    The calls that `tool_calls()` gives, and the outcome, which has the same.
    """
    frames = [event(each) for index, fields in enumerate(calls) for each in call(index, **fields)]
    start, *_, change, stop = reply(stop_reason="tool_use").events
    outcome = await asked_once(Reply([event(start), *frames, event(change), event(stop)]))
    events = calls_in(*(each for index, fields in enumerate(calls) for each in call(index, **fields)))
    for when in ("block", "message"):
        assert list(sk.tool_calls(when=when).over(events)) == outcome.tool_calls
    made = [(each.id, each.input) for each in outcome.tool_calls]
    said: Any = outcome.history[1]["content"] if len(outcome.history) > 1 else []
    assert [(block["id"], block["input"]) for block in said] == made
    assert len(list(sk.blocks().over(events))) == len(made)
    return made, outcome


async def test_the_same_call_again_is_made_once() -> None:
    made, outcome = await both(ROME, ROME, {**ROME, "input": '{ "to":"Rome" }'})
    assert made == [("call_0", {"to": "Rome"})]
    assert outcome.oddities["call_id"] == 2
    assert outcome.message is not None
    assert len(outcome.message.content) == 1


async def test_another_call_under_the_same_id_gets_one_of_its_own() -> None:
    made, outcome = await both(ROME, PISA, {**ROME, "name": "leave"}, {**ROME, "id": "call_1"}, PISA)
    assert made == [
        ("call_0", {"to": "Rome"}),
        ("call_0_2", {"to": "Pisa"}),
        ("call_0_3", {"to": "Rome"}),
        ("call_1", {"to": "Rome"}),
    ]
    results = [each.result("done") for each in outcome.tool_calls]
    assert len({each["tool_use_id"] for each in results}) == 4
    assert outcome.oddities == {"call_id": 3}


async def test_an_id_of_its_own_is_nobody_s() -> None:
    made, _ = await both(ROME, {**PISA, "id": "call_0_2"}, PISA, {"id": "call_0_3", "input": {"to": "Bari"}})
    assert made == [
        ("call_0", {"to": "Rome"}),
        ("call_0_2", {"to": "Pisa"}),
        ("call_0_3", {"to": "Pisa"}),
        ("call_0_3_2", {"to": "Bari"}),
    ]


NO_ID: dict[str, Wire] = {"missing": {}, "null": {"id": None}, "empty": {"id": ""}, "number": {"id": 7}}
NO_NAME: dict[str, Wire] = {
    "missing": {},
    "null": {"name": None},
    "empty": {"name": ""},
    "number": {"name": 7},
}


def without(field: str, value: Wire, index: int = 0) -> list[Wire]:
    """
    The events of a call that has no `field`, or this one.
    """
    start, stop = call(index, input={"to": "Rome"})
    del start["content_block"][field]
    start["content_block"].update(value)
    return [start, stop]


@pytest.mark.parametrize("given", NO_ID.values(), ids=NO_ID)
async def test_a_call_without_an_id_gets_one_so_that_it_can_have_its_result(given: Wire) -> None:
    start, *_, change, stop = reply(id="msg/7", stop_reason="tool_use").events
    events = [start, *without("id", given), *without("id", given, 1), change, stop]
    outcome = await asked_once(Reply([event(each) for each in events]))
    ids = ["call_msg7_0", "call_msg7_1"]
    assert [each.id for each in outcome.tool_calls] == ids
    assert list(sk.tool_calls().over(of(events))) == outcome.tool_calls
    assert [block.id for block in sk.blocks().over(of(events))] == ids  # type: ignore[union-attr]
    answer: Any = outcome.history[-1]["content"]
    assert [block["id"] for block in answer] == ids
    message: Any = outcome.message
    assert [block.id for block in message.content] == ids
    assert outcome.oddities["call_id"] == 2


def test_ids_that_are_made_are_nobody_s() -> None:
    start, *_, change, stop = reply(id="msg_1", stop_reason="tool_use").events
    again = without("id", {})
    taken = call(1, id="call_msg_1_0_2")
    events = [start, *again, *again, *taken, *again, change, stop]
    made = [each.id for each in sk.tool_calls().over(of(events))]
    assert made == ["call_msg_1_0", "call_msg_1_0_2", "call_msg_1_0_2_2", "call_msg_1_0_3"]


def test_two_turns_do_not_share_an_id_that_was_made() -> None:
    turns = [reply(id=name, stop_reason="tool_use").events for name in ("msg_1", "msg_2")]
    events = [each for start, *_, change, stop in turns for each in (start, *without("id", {}), change, stop)]
    assert [each.id for each in sk.tool_calls().over(of(events))] == ["call_msg_1_0", "call_msg_2_0"]


@pytest.mark.parametrize("given", NO_NAME.values(), ids=NO_NAME)
async def test_a_call_of_a_tool_without_a_name_cannot_be_executed(given: Wire) -> None:
    start, *_, change, stop = reply(stop_reason="tool_use").events
    events = [start, *without("name", given), change, stop]
    broken = sk.BrokenToolCall("toolu_0", "", '{"to": "Rome"}', "no_name", 0)
    assert list(sk.tool_calls(broken="emit").over(of(events))) == [broken]
    for operator in (sk.tool_calls(), sk.tool_input()):
        with pytest.raises(
            sk.ToolInputError, match=r"^the call in block 0 cannot be made: it names no tool$"
        ):
            list(operator.over(of(events)))
    outcome = await asked_once(Reply([event(each) for each in events]))
    assert outcome.tool_calls == []
    assert [each["role"] for each in outcome.history] == ["user"]


def test_many_of_them_are_each_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[Block] = []
    look = Block.call

    def noted(block: Block) -> tuple[str, str]:
        looked_at.append(block)
        return look(block)

    monkeypatch.setattr(Block, "call", noted)
    made: list[Wire] = [{"id": "call_0", "input": {"to": number}} for number in range(500)]
    taken: list[Wire] = [{"id": f"call_0_{number}", "input": {}} for number in range(2, 500)]
    events = calls_in(*(each for index, fields in enumerate(taken + made) for each in call(index, **fields)))
    assert len({each.id for each in sk.tool_calls().over(events)}) == len(taken + made)
    assert len(looked_at) == len({*looked_at}) == len(made)


def test_in_another_message_the_same_id_is_another_call() -> None:
    events = calls_in(*call(0, **ROME))
    assert [each.id for each in sk.tool_calls().over([*events, *events])] == ["call_0", "call_0"]


def test_broken_calls_are_told_apart_by_their_text() -> None:
    events = calls_in(
        *call(0, id="c", input="[1"), *call(1, id="c", input="[2"), *call(2, id="c", input="[1")
    )
    broken = list(sk.tool_calls(broken="emit").over(events))
    assert [(each.id, each.raw) for each in broken] == [("c", "[1"), ("c_2", "[2")]  # type: ignore[union-attr]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_so_it_is_on_the_aiohttp_transport(anyio_backend: str) -> None:
    pytest.importorskip("aiohttp")
    message = {**STOPPED, "content": "Hello"}
    sent = [json_body({"data": message}), json_body(FAILURES["MiniMax"])]
    async with FakeClaude(*sent) as server, anthropic.DefaultAioHttpClient() as http_client:
        client = server.client(http_client=http_client)
        assert await (sk.messages(client, **ASK, retry=None) | sk.text()).collect() == ["Hello"]
        with pytest.raises(sk.StreamError, match="insufficient balance"):
            await sk.messages(client, **ASK, retry=None).run()
