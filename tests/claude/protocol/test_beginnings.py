"""
What stands at another place than it should: the beginning of a message behind its content, and a stop reason without the object
around it.
"""

from __future__ import annotations

from typing import Any

import pytest

import streamkit as sk
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import from_dict
from streamkit.testing import FakeClaude, Reply, event, reply, text, tool_use
from tests.support.claude import ASK, outcome_of

Wire = dict[str, Any]

START, BLOCK, HEL, LO, CLOSED, CHANGE, STOP = reply(text("Hel", "lo"), id="msg_1").events
GO = reply(tool_use("go", {"to": "Rome"}, id="toolu_1"), id="msg_1").events[1:]
OTHER = reply(text("Bye"), id="msg_2").events
EMPTY_CALL = reply(tool_use("go", "", id="toolu_1")).events[1:3]
PING: Wire = {"type": "ping"}
NEWS: Wire = {"type": "news", "of": "tomorrow"}
NO_USAGE: Wire = {"output_tokens": 5}

once = sk.RetryPolicy(attempts=1)


def answer(sent: list[Wire]) -> Reply:
    return Reply([event(each) for each in sent])


async def seen(*sent: Wire, policy: sk.RetryPolicy = once) -> sk.Outcome:
    """
    The outcome of an answer over a socket, of which that of its bytes says the same.
    """
    async with FakeClaude(answer([*sent])) as server:
        outcome = await outcome_of(sk.messages(server.client(), **ASK, retry=policy))
    if policy is once:
        read = await outcome_of(sk.from_sse(answer([*sent]).body))
        assert (read.kind, read.tool_calls, said(read)) == (outcome.kind, outcome.tool_calls, said(outcome))
    return outcome


def said(outcome: sk.Outcome) -> str:
    message: Any = outcome.message
    return "".join(block.text for block in message.content if block.type == "text")


# -- a beginning that comes late -----------------------------------------------------------------------------


async def test_a_beginning_behind_the_first_block_goes_before_it() -> None:
    outcome = await seen(BLOCK, START, HEL, LO, CLOSED, CHANGE, STOP)
    message: Any = outcome.message
    assert (outcome.kind, said(outcome), message.id) == ("complete", "Hello", "msg_1")
    assert outcome.usage.input_tokens == START["message"]["usage"]["input_tokens"]
    assert (outcome.oddities, len(outcome.attempts)) == ({"late_start": 1}, 1)


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ([BLOCK, PING, HEL], [BLOCK, PING, HEL]),
        ([BLOCK, PING, START, HEL], [START, BLOCK, PING, HEL]),
        ([BLOCK, START, NEWS, HEL], [START, BLOCK, NEWS, HEL]),
        ([BLOCK, PING], [BLOCK, PING]),
    ],
)
def test_what_only_stands_beside_stays_behind_the_block(sent: list[Wire], given: list[Wire]) -> None:
    decoder = EventDecoder()
    events = [each for wire in sent for each in decoder.feed(answer([wire]).body)]
    assert [sk.events.to_dict(each) for each in (*events, *decoder.end())] == given


async def test_so_a_call_keeps_its_name() -> None:
    outcome = await seen(GO[0], START, *GO[1:])
    assert [(call.id, call.name, call.input) for call in outcome.tool_calls] == [
        ("toolu_1", "go", {"to": "Rome"})
    ]


@pytest.mark.parametrize("place", [2, 3, 4])
@pytest.mark.parametrize("resume", ["never", "restart"])
async def test_one_behind_text_is_late_and_not_another_answer(place: int, resume: Any) -> None:
    sent = [BLOCK, HEL, LO, CLOSED]
    policy = once if resume == "never" else sk.RetryPolicy(resume=resume)
    outcome = await seen(*sent[:place], START, *sent[place:], CHANGE, STOP, policy=policy)
    assert (outcome.kind, said(outcome), outcome.stop_reason) == ("complete", "Hello", "end_turn")
    assert outcome.oddities == {"missing_start": 1, "late_start": 1}


@pytest.mark.parametrize("first", [[BLOCK, HEL], [BLOCK, HEL, LO, CLOSED]])
async def test_where_its_blocks_begin_anew_it_is_another_answer(first: list[Wire]) -> None:
    outcome = await seen(*first, *OTHER)
    assert (outcome.kind, getattr(outcome.attempts[-1].error, "type", None)) == ("failed", "spliced")
    restarted = await seen(*first, *OTHER, policy=sk.RetryPolicy(resume="restart"))
    assert (restarted.kind, said(restarted), len(restarted.attempts)) == ("complete", "Bye", 2)


async def test_before_content_the_other_answer_takes_the_place_of_a_call_without_input() -> None:
    outcome = await seen(EMPTY_CALL[0], *OTHER)
    assert (outcome.kind, said(outcome), outcome.tool_calls) == ("complete", "Bye", [])


async def test_a_block_at_which_all_ends_is_handed_on() -> None:
    failure = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    for rest in (b"", failure):
        events: list[Any] = []
        with pytest.raises(sk.StreamError):
            await (sk.from_sse(event(EMPTY_CALL[0]) + rest) | sk.tap(events.append)).run()
        assert events == [from_dict(EMPTY_CALL[0])]


# -- a stop reason in another place --------------------------------------------------------------------------

BESIDE: list[list[Wire]] = [
    [{"type": "message_delta", "stop_reason": "max_tokens", "usage": NO_USAGE}, STOP],
    [{"type": "message_delta", "delta": {}, "stop_reason": "max_tokens", "usage": NO_USAGE}],
    [{**STOP, "stop_reason": "max_tokens"}],
]


@pytest.mark.parametrize("end", BESIDE)
async def test_a_stop_reason_may_stand_beside_its_object(end: list[Wire]) -> None:
    outcome = await seen(START, BLOCK, HEL, LO, CLOSED, *end)
    assert (outcome.kind, outcome.stop_reason, said(outcome)) == ("complete", "max_tokens", "Hello")


@pytest.mark.parametrize("end", BESIDE)
def test_a_call_that_it_cuts_is_no_call(end: list[Wire]) -> None:
    events = [from_dict(each) for each in (START, EMPTY_CALL[0], CLOSED, *end)]
    assert list(sk.tool_calls(broken="skip").over(events)) == []


async def test_a_block_may_be_left_open_at_a_stop_that_tells_the_reason() -> None:
    outcome = await seen(START, BLOCK, HEL, LO, {**STOP, "stop_reason": "end_turn"})
    assert (outcome.kind, outcome.stop_reason) == ("complete", "end_turn")


async def test_the_end_of_a_call_that_comes_behind_its_messages_end_changes_nothing() -> None:
    change = {**CHANGE, "delta": {"stop_reason": "max_tokens", "stop_sequence": None}}
    sent = [START, EMPTY_CALL[0], change, CLOSED, STOP]
    outcome = await seen(*sent)
    assert outcome.tool_calls == []
    assert list(sk.tool_calls(broken="skip").over(map(from_dict, sent))) == []
