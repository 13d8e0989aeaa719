"""
What the outcome of a run of the Messages API tells, and that nothing on the wire is lost on the way to it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anthropic.types import Message

import streamkit as sk
from streamkit._claude.protocol.events import to_dict
from streamkit.testing import (
    ErrorEvent,
    FakeClaude,
    Reply,
    Request,
    Stall,
    event,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, AT_ONCE, HELLO, read_all

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_outcome_of_a_whole_message() -> None:
    answer = reply(
        text("I'll go."),
        tool_use("go", {"to": "Rome"}, id="toolu_1"),
        tool_use("look", id="toolu_2"),
        output_tokens=42,
    )
    async with FakeClaude(answer) as server:
        client = server.client()
        run = sk.messages(client, **ASK).open()
        await read_all(run)
        outcome = run.outcome
        assert (outcome.kind, outcome.error, outcome.stopped_by) == ("complete", None, None)
        assert isinstance(outcome.message, Message)
        assert list(outcome.messages) == [outcome.message]
        assert outcome.message.stop_reason == outcome.stop_reason == "tool_use"
        assert [(call.id, call.name, call.input, call.index) for call in outcome.tool_calls] == [
            ("toolu_1", "go", {"to": "Rome"}, 1),
            ("toolu_2", "look", {}, 2),
        ]
        assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (10, 42)
        assert outcome.request_id == "req_000000000000000000000001"
        [attempt] = outcome.attempts
        assert (attempt.number, attempt.request_id, attempt.error) == (1, outcome.request_id, None)
        assert attempt.usage == outcome.usage


async def test_the_outcome_is_the_message_that_the_sdk_gives() -> None:
    answer = reply(thinking("Hm"), text("Hello", " world"), tool_use("go", {"to": "Rome"}, chunk=2))
    async with FakeClaude(answer, repeat=True) as server:
        client = server.client()
        run = sk.messages(client, **ASK).open()
        await read_all(run)
        async with client.messages.stream(**ASK) as stream:
            expected = (await stream.get_final_message()).to_dict()
        assert run.outcome.message is not None
        assert run.outcome.message.to_dict() == expected


async def test_the_outcome_of_a_message_that_was_left() -> None:
    async with FakeClaude(reply(text("Hel", "lo", Stall()))) as server:
        async with sk.messages(server.client(), **ASK).open() as run:
            assert (run.outcome.kind, run.outcome.message, list(run.outcome.messages)) == (
                "running",
                None,
                [],
            )
            async for item in run:
                if item.type == "content_block_delta":
                    break
        outcome = run.outcome
        assert (outcome.kind, outcome.stopped_by, outcome.stop_reason) == ("stopped", "consumer", None)
        assert outcome.message is not None
        assert outcome.message.content[0].type == "text"
        assert outcome.message.content[0].text.startswith("Hel")
        assert outcome.usage.input_tokens == 10


async def test_the_outcome_has_what_came_before_a_failure_and_the_error_too() -> None:
    async with FakeClaude(reply(text("Hello"), tool_use("go", '{"to": "Ro', ErrorEvent()))) as server:
        run = sk.messages(server.client(), **ASK).open()
        with pytest.raises(sk.StreamError) as caught:
            await read_all(run)
        assert caught.value.request_id == run.outcome.request_id == "req_000000000000000000000001"
        assert run.outcome.message is not None
        assert [block.type for block in run.outcome.message.content] == ["text", "tool_use"]
        assert caught.value.partial == run.outcome.message
        assert run.outcome.tool_calls == []
        assert run.outcome.attempts[0].error is caught.value


async def test_an_attempt_s_error_keeps_its_own_message_and_usage() -> None:
    failed = reply(text(ErrorEvent()), id="msg_first", input_tokens=11)
    async with FakeClaude(failed, reply(text("Hi"), id="msg_second")) as server:
        run = sk.messages(server.client(), **ASK, retry=AT_ONCE).open()
        await read_all(run)
        first, second = run.outcome.attempts
        assert isinstance(first.error, sk.StreamError)
        assert first.error.partial.id == "msg_first"
        assert first.error.request_id == first.request_id == "req_000000000000000000000001"
        assert first.usage is not None
        assert first.usage.input_tokens == 11
        assert second.usage == run.outcome.usage
        assert [message.id for message in run.outcome.messages] == ["msg_second"]


async def test_a_tool_loop_is_one_stream_with_one_outcome() -> None:
    def second_turn(request: Request) -> Reply:
        assert request.body["messages"][-1]["content"][0] == {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": "18 °C",
        }
        return reply(text("It is 18 °C."), output_tokens=5)

    async with FakeClaude(reply(tool_use("weather", id="toolu_1"), output_tokens=3), second_turn) as server:
        client = server.client()

        async def next_turn(outcome: sk.Outcome) -> sk.Stream[Any] | None:
            if outcome.stop_reason != "tool_use":
                return None
            assert outcome.message is not None
            results = [call.result("18 °C") for call in outcome.tool_calls]
            turn = [
                {"role": "assistant", "content": outcome.message.content},
                {"role": "user", "content": results},
            ]
            return sk.messages(client, **{**ASK, "messages": ASK["messages"] + turn})

        run = sk.follow(sk.messages(client, **ASK), next_turn).open()
        await read_all(run)
        outcome = run.outcome
        assert (outcome.kind, outcome.stop_reason, len(outcome.messages)) == ("complete", "end_turn", 2)
        assert [call.name for call in outcome.tool_calls] == ["weather"]
        assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (20, 8)
        assert [attempt.request_id for attempt in outcome.attempts] == [
            "req_000000000000000000000001",
            "req_000000000000000000000002",
        ]


async def test_the_outcome_says_which_facts_it_has() -> None:
    async with FakeClaude(HELLO) as server:
        run = sk.messages(server.client(), **ASK).open()
        await read_all(run)
        with pytest.raises(AttributeError, match="has no 'mesage'; it has message, messages, tool_calls"):
            _ = run.outcome.mesage  # type: ignore[attr-defined]


async def test_an_outcome_shows_why_it_ended_and_what_it_cost_and_nothing_that_was_said() -> None:
    async with FakeClaude(HELLO, reply(text("Hello"), end="content")) as server:
        ask: dict[str, Any] = {**ASK, "messages": [{"role": "user", "content": "a secret"}]}
        run = (sk.messages(server.client(), **ask) | sk.text()).open()
        await read_all(run)
        assert repr(run.outcome) == (
            "Outcome(kind='complete', model='claude-sonnet-5', request_id='req_000000000000000000000001', "
            "stop_reason='end_turn', requests=1, input_tokens=10, output_tokens=2)"
        )
        cut = (sk.messages(server.client(), **ask, retry=None) | sk.text()).open()
        with pytest.raises(sk.StreamTruncated):
            await read_all(cut)
    shown = repr(cut)
    assert shown.startswith("<Run of messages(<AsyncAnthropic>, ")
    assert "kind='truncated', error=StreamTruncated, model='claude-sonnet-5'" in shown
    assert "secret" not in shown
    assert "Hello" not in repr([run, cut, cut.outcome.attempts])


# -- nothing on the wire is lost -----------------------------------------------------------------------------


async def test_what_this_version_does_not_know_comes_through_to_the_outcome(tmp_path: Path) -> None:
    frames: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "new": 1,
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-9",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 1, "output_tokens": 1, "sips": 2},
                "mood": "calm",
            },
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": "", "tone": "low"},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hel", "pitch": 7},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "hum_delta", "hum": "mm"}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "lo"},
            "odd": True,
        },
        {"type": "content_block_stop", "index": 0, "why": "done"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "painting", "title": "Sky"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "aside", "text": "psst", "at": {"deep": [1, {"x": None}]}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "bored", "stop_sequence": None, "sigh": 1},
            "usage": {"output_tokens": 9, "sips": 3},
            "extra": "e",
        },
        {"type": "message_stop", "last": "l"},
    ]
    path = tmp_path / "run.jsonl"
    async with FakeClaude(Reply([event(frame) for frame in frames])) as server:
        pipeline = sk.messages(server.client(), **ASK) | sk.throttle(0.001) | sk.tee(sk.sinks.jsonl(path))
        async with pipeline.open() as run:
            passed = [to_dict(item) async for item in run]
        lines = (await anyio.Path(path).read_text()).splitlines()
        assert passed == list(map(json.loads, lines)) == frames
        message = run.outcome.message
        assert message is not None
        whole: dict[str, Any] = message.to_dict(warnings=False)
    assert whole["mood"] == "calm"
    assert whole["stop_reason"] == "bored"
    assert (whole["sigh"], whole["extra"]) == (1, "e")
    assert whole["usage"] == {"input_tokens": 1, "output_tokens": 9, "sips": 3}
    texts, painting = whole["content"]
    assert (texts["text"], texts["tone"]) == ("Hello", "low")
    assert texts["unknown_deltas"] == [
        {"type": "text_delta", "pitch": 7},
        {"type": "hum_delta", "hum": "mm"},
    ]
    assert painting == {"type": "painting", "title": "Sky"}
    assert whole["unknown_events"] == [
        {"type": "message_start", "new": 1},
        {"type": "content_block_delta", "index": 0, "odd": True},
        {"type": "content_block_stop", "index": 0, "why": "done"},
        {"type": "aside", "text": "psst", "at": {"deep": [1, {"x": None}]}},
        {"type": "message_stop", "last": "l"},
    ]
