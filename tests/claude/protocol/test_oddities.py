"""
What gateways send beside Claude's events, and in place of them: it is skipped or read as far as it makes sense, and counted.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

import streamkit as sk
from streamkit._claude.protocol.facts import OutcomeFacts
from streamkit._claude.protocol.oddities import ODDITIES
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.testing import event
from tests.support.claude import read_all

Wire = dict[str, Any]


def start(**fields: Any) -> Wire:
    message: Wire = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": [],
        "stop_reason": None,
    }
    return {
        "type": "message_start",
        "message": {**message, "usage": {"input_tokens": 9, "output_tokens": 1}, **fields},
    }


def delta(text: Any = "Hello", index: Any = 0) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


def change(reason: str | None = "end_turn", **usage: Any) -> Wire:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5, **usage}}


BLOCK: Wire = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
CLOSED: Wire = {"type": "content_block_stop", "index": 0}
STOP: Wire = {"type": "message_stop"}
CONTENT = [BLOCK, delta(), CLOSED]
WHOLE = [start(), *CONTENT, change(), STOP]


def body(*events: Wire | bytes) -> bytes:
    return b"".join(each if isinstance(each, bytes) else event(each) for each in events)


async def seen(sent: bytes) -> tuple[sk.Run[Any], list[Any]]:
    events: list[Any] = []
    run = sk.from_sse(sent).open()
    with suppress(sk.StreamError):
        await read_all(run, events)
    return run, events


# -- frames that are not events ------------------------------------------------------------------------------

SKIPPED = {
    "OpenAI's end": b"data: [DONE]\n\n",
    "a cost": b'data: {"total_cost": 0.1}\n\n',
    "named as nothing": b'event: message\ndata: {"total_cost": 0.1}\n\n',
    "a ping with any data": b"event: ping\ndata: ping\n\n",
    "a list": b"data: [1]\n\n",
    "a word": b"data: hello\n\n",
    "not quite JSON": b"data: {'cost': 1}\n\n",
    "an event of another": b"event: aside\ndata: hello\n\n",
    "a known event without an object": b"event: content_block_stop\ndata: null\n\n",
}


@pytest.mark.parametrize("frame", SKIPPED.values(), ids=SKIPPED)
@pytest.mark.parametrize("place", range(len(WHOLE) + 1))
async def test_a_frame_that_is_no_event_is_skipped_wherever_it_stands(frame: bytes, place: int) -> None:
    run, events = await seen(body(*WHOLE[:place], frame, *WHOLE[place:]))
    assert [sk.events.to_dict(each) for each in events] == WHOLE
    assert (run.outcome.kind, run.outcome.oddities) == ("complete", {"skipped_frame": 1})


@pytest.mark.parametrize(
    "comment", [b": PROCESSING\n\n", b"\n\n", b"retry: 10\n\n", b"id: 1\n\n", b"event: aside\n\n"]
)
async def test_a_comment_is_nothing_at_all(comment: bytes) -> None:
    run, events = await seen(body(*WHOLE[:3], comment, *WHOLE[3:]))
    assert len(events) == len(WHOLE)
    assert run.outcome.oddities == {}


@pytest.mark.parametrize(
    "frame", [b'data: {"type":"content_block_delta","index":0,"del\n\n', b"event: message_stop\ndata: x\n\n"]
)
async def test_a_frame_that_must_be_an_event_is_not_skipped(frame: bytes) -> None:
    run, _ = await seen(body(*WHOLE[:3], frame, *WHOLE[3:]))
    assert isinstance(run.outcome.error, sk.GrammarError)


AFTER = {
    "an error": event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    "garbage": b"event: content_block_delta\ndata: {garbage\n\n",
    "not UTF-8": b'data: {"type":"content_block_delta","x":"\xff"}\n\n',
}


@pytest.mark.parametrize("frame", AFTER.values(), ids=AFTER)
async def test_nothing_that_follows_a_whole_message_makes_it_fail(frame: bytes) -> None:
    run, events = await seen(body(*WHOLE, frame, b"data: [DONE]\n\n"))
    assert len(events) == len(WHOLE)
    assert (run.outcome.kind, run.outcome.oddities) == ("complete", {"after_end": 1, "skipped_frame": 1})


def test_nor_does_a_frame_without_an_end() -> None:
    decoder = EventDecoder(max_frame=500)
    decoder.feed(body(*WHOLE))
    for _ in range(10):
        assert decoder.feed(b"x" * 200) == []
    decoder.end()
    assert (decoder.error, decoder.oddities) == (None, {"after_end": 1})


async def test_what_cannot_be_read_behind_the_stop_reason_does_not_matter_but_an_error_does() -> None:
    run, _ = await seen(body(*WHOLE[:-1], AFTER["garbage"]))
    assert run.outcome.kind == "complete"
    run, _ = await seen(body(*WHOLE[:-1], AFTER["an error"]))
    assert run.outcome.kind == "failed"


# -- the beginning -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [1, 2, 3, 4])
async def test_the_same_beginning_again_says_nothing_new(place: int) -> None:
    run, events = await seen(body(*WHOLE[:place], start(), *WHOLE[place:]))
    assert [each.type for each in events] == [each["type"] for each in WHOLE]
    assert (run.outcome.kind, run.outcome.oddities) == ("complete", {"repeated_start": 1})
    [message] = run.outcome.messages
    assert message.content[0].text == "Hello"  # type: ignore[union-attr]


async def test_the_same_id_behind_a_whole_message_begins_another() -> None:
    run, events = await seen(body(*WHOLE, *WHOLE))
    assert (len(events), len(run.outcome.messages), run.outcome.oddities) == (2 * len(WHOLE), 2, {})


async def test_operators_know_a_beginning_that_comes_again_through_the_sdk() -> None:
    events = EventDecoder().feed(body(*WHOLE))
    twice = [events[0], events[1], events[0], *events[2:]]
    assert [block.text for block in sk.blocks().over(twice)] == ["Hello"]  # type: ignore[union-attr]
    assert [each.output_tokens for each in sk.usage().over(twice)] == [1, 5]
    assert (await (sk.from_iterable(twice) | sk.sinks.message())).content[0].text == "Hello"  # type: ignore[union-attr]
    with pytest.raises(sk.GrammarError, match="message_start a second time"):
        list(sk.validate().over(twice))


@pytest.mark.parametrize(
    "sent", [[*CONTENT, change(), STOP], [CONTENT[1], CLOSED, change(), STOP], [*CONTENT, change()]]
)
async def test_a_body_without_a_beginning_is_a_message(sent: list[Wire]) -> None:
    run, _ = await seen(body(*sent))
    message: Any = run.outcome.message
    assert (run.outcome.kind, run.outcome.stop_reason, message.stop_reason) == (
        "complete",
        "end_turn",
        "end_turn",
    )
    assert (message.role, message.id, message.content[0].text) == ("assistant", "", "Hello")
    assert (run.outcome.usage.output_tokens, run.outcome.model) == (5, None)
    assert run.outcome.oddities == {"missing_start": 1}


async def test_and_it_is_cut_where_it_does_not_end() -> None:
    run, _ = await seen(body(*CONTENT))
    assert run.outcome.kind == "truncated"
    error: Any = run.outcome.error
    assert error.partial.content[0].text == "Hello"


# -- the end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [[BLOCK], [BLOCK, delta()], [BLOCK, delta(), CLOSED]])
@pytest.mark.parametrize("told", ["in the beginning", "in a change"])
async def test_a_stop_reason_does_not_count_when_a_block_follows_it(behind: list[Wire], told: str) -> None:
    sent = [start(stop_reason="end_turn")] if told == "in the beginning" else [start(), change()]
    run, _ = await seen(body(*sent))
    assert run.outcome.kind == "complete"
    run, _ = await seen(body(*sent, *behind))
    assert run.outcome.kind == "truncated"
    run, _ = await seen(body(*sent, *behind, change()))
    assert run.outcome.kind == "complete"


def test_a_delta_alone_undoes_it_too_however_the_bytes_come() -> None:
    for chunks in (
        [body(start(), BLOCK, change(), delta())],
        [body(start(), BLOCK, change()), body(delta())],
    ):
        decoder = EventDecoder()
        for chunk in chunks:
            decoder.feed(chunk)
        decoder.end()
        assert isinstance(decoder.error, sk.StreamTruncated)


# -- frames that run together --------------------------------------------------------------------------------

TOGETHER = {
    "no blank lines": b"".join(b"data: " + json.dumps(each).encode() + b"\n" for each in WHOLE) + b"\n",
    "no blank lines, with names": b"".join(event(each)[:-1] for each in WHOLE) + b"\n",
    "no blank lines, not even at the end": b"".join(event(each)[:-1] for each in WHOLE),
    "two of them": event(WHOLE[0])[:-1] + body(*WHOLE[1:]),
}


@pytest.mark.parametrize("sent", TOGETHER.values(), ids=TOGETHER)
async def test_whole_objects_on_lines_of_their_own_are_events(sent: bytes) -> None:
    run, events = await seen(sent)
    assert [sk.events.to_dict(each) for each in events] == WHOLE
    assert (run.outcome.kind, run.outcome.oddities) == ("complete", {"joined_frames": 1})


async def test_an_object_on_several_lines_is_one_event() -> None:
    run, events = await seen(
        body(*WHOLE[:2])
        + b'data: {"type":"content_block_delta",\ndata: "index":0,\ndata: "delta":{"type":"text_delta","text":"Hi"}}\n\n'
    )
    assert (len(events), events[2].delta.text, run.outcome.oddities) == (3, "Hi", {})


async def test_an_error_among_them_comes_behind_what_was_before_it() -> None:
    run, events = await seen(b"".join(event(each)[:-1] for each in WHOLE[:3]) + AFTER["an error"])
    assert [each.type for each in events] == [each["type"] for each in WHOLE[:3]]
    assert isinstance(run.outcome.error, sk.StreamError)
    assert run.outcome.error.type == "overloaded_error"


# -- values that do not fit ----------------------------------------------------------------------------------


async def test_values_that_do_not_fit_are_counted_by_their_place() -> None:
    bare = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    run, events = await seen(
        body(start(usage=None), bare, delta(None), delta(), delta(7), CLOSED, change(), STOP)
    )
    assert run.outcome.kind == "complete"
    assert run.outcome.oddities == {
        "message_start.message.usage": 1,
        "content_block_start.content_block.text": 1,
        "content_block_delta.delta.text": 2,
    }
    assert "".join(sk.text().over(events)) == "Hello"
    message: Any = run.outcome.message
    assert message.content[0].text == "Hello"
    assert message.content[0].unknown_deltas == [{"type": "text_delta", "text": 7}]


async def test_a_number_that_json_does_not_have_is_read_as_python_reads_it() -> None:
    frame = event(delta()).replace(b'"index"', b'"logprob": NaN, "index"')
    many_digits = frame.replace(b"NaN", b"9" * 5000)
    run, _ = await seen(body(start(), BLOCK, many_digits, CLOSED, change(), STOP))
    assert (run.outcome.kind, run.outcome.oddities) == ("complete", {"number": 1})
    run, events = await seen(body(start(), BLOCK, frame, CLOSED, change(), STOP))
    assert (run.outcome.kind, run.outcome.oddities) == ("complete", {"number": 1})
    assert events[2].logprob != events[2].logprob


async def test_an_index_that_cannot_be_read_is_that_of_the_block_at_hand() -> None:
    second = {"type": "content_block_start", "content_block": {"type": "tool_use", "id": "t", "name": "look"}}
    given = {
        "type": "content_block_delta",
        "index": None,
        "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'},
    }
    sent = [
        start(),
        BLOCK,
        delta(index="0"),
        {**CLOSED, "index": "0"},
        second,
        given,
        {"type": "content_block_stop"},
    ]
    run, events = await seen(body(*sent, change("tool_use"), STOP))
    message: Any = run.outcome.message
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert (message.content[0].text, message.content[1].input) == ("Hello", {"a": 1})
    [call] = run.outcome.tool_calls
    assert [call] == list(sk.tool_calls().over(events)) == [sk.ToolCall("t", "look", {"a": 1}, 1)]


async def test_a_zero_does_not_take_back_what_is_known() -> None:
    run, _ = await seen(body(start(), *CONTENT, change(input_tokens=0, cache_read_input_tokens=0), STOP))
    usage = run.outcome.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens) == (9, 5, 0)


async def test_counts_may_be_whole_floats_and_nothing_else_is_a_count() -> None:
    run, _ = await seen(
        body(
            start(usage={"input_tokens": 9.0, "output_tokens": "1", "new": "x"}),
            *CONTENT,
            change(output_tokens=5.0),
            STOP,
        )
    )
    usage: Any = run.outcome.usage
    assert issubclass(type(usage), sk.events.Usage)
    assert (usage.input_tokens, usage.output_tokens, usage.new) == (9, 5, "x")
    assert isinstance(usage.input_tokens, int)


# -- who has answered ----------------------------------------------------------------------------------------


async def test_the_model_that_took_over_is_the_one_that_answered() -> None:
    taken = {"type": "fallback", "from": {"model": "c"}, "to": {"model": "d"}, "trigger": {"type": "refusal"}}
    swap = [{"type": "content_block_start", "index": 1, "content_block": taken}, {**CLOSED, "index": 1}]
    run, _ = await seen(body(*WHOLE))
    assert run.outcome.model == "c"
    run, _ = await seen(body(start(), *CONTENT, *swap, change(), STOP))
    assert (run.outcome.model, run.outcome.message.model) == ("d", "d")  # type: ignore[union-attr]
    told = [
        {"type": "message", "model": "c"},
        {"type": "fallback_message", "model": "e"},
        {"type": "advisor_message", "model": "x"},
    ]
    run, _ = await seen(body(start(), *CONTENT, change(iterations=told), STOP))
    assert run.outcome.model == "e"


# -- what is said of it --------------------------------------------------------------------------------------


def test_each_kind_is_documented_where_the_outcome_is() -> None:
    for kind in ODDITIES:
        assert f'`"{kind}"`' in (OutcomeFacts.__doc__ or "")


async def test_the_log_has_one_line_for_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []

    def note(name: str, run: object, **fields: Any) -> None:
        lines.append((name, fields))

    monkeypatch.setattr("streamkit._claude.protocol.record.log_debug", note)
    await seen(body(*WHOLE))
    assert lines == []
    await seen(body(*WHOLE[:3], b"data: [DONE]\n\n", b"data: 1\n\n", delta(None), *WHOLE[3:]))
    [(name, fields)] = lines
    assert name == "response_had_oddities"
    assert fields["oddities"] == {"skipped_frame": 2, "content_block_delta.delta.text": 1}
