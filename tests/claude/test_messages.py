"""
The Messages API as a source, over real sockets and through the real SDK: requests, retries and outcomes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import anyio.lowlevel
import pytest
from anthropic.lib.bedrock import AnthropicBedrock
from anthropic.lib.vertex import AnthropicVertex
from anthropic.types import Message
from anthropic.types.beta import BetaMessage

import streamkit as sk
from streamkit.claude.events import to_dict
from streamkit.testing import (
    PING,
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Request,
    Stall,
    error_reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
)

if TYPE_CHECKING:
    from pathlib import Path

ASK: Any = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
AT_ONCE = sk.RetryPolicy(base=0)
HELLO = reply(text("Hello", " world"))


def types(events: list[Any]) -> list[str]:
    return [to_dict(item)["type"] for item in events]


async def read_all(run: sk.Run[Any], received: list[Any] | None = None) -> list[Any]:
    items = [] if received is None else received
    async with run:
        async for item in run:
            items.append(item)
    return items


async def events_of(answer: Reply) -> list[Any]:
    return await sk.from_sse(answer.body).collect()


# -- construction --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "client",
    [
        anthropic.Anthropic(api_key="key"),
        AnthropicBedrock(api_key="key", aws_region="us-east-1"),
        AnthropicVertex(region="us-east5", project_id="project"),
    ],
    ids=lambda client: type(client).__name__,
)
def test_a_synchronous_client_is_refused(client: Any) -> None:
    with pytest.raises(TypeError, match=r"needs an asynchronous client.*pipeline\.over"):
        sk.messages(client, **ASK)


def test_something_else_is_no_client() -> None:
    with pytest.raises(TypeError, match=r"needs a client of the SDK, anthropic\.AsyncAnthropic, not str"):
        sk.messages("key", **ASK)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "m", "messages": []}, r"messages\(\) needs max_tokens="),
        ({}, r"messages\(\) needs model=, max_tokens=, messages="),
        ({**ASK, "stream": True}, "always streams: leave out `stream`"),
        ({**ASK, "messages": "Hi"}, "not a text"),
        ({**ASK, "retry": 3}, "must be a RetryPolicy or None, not 3"),
        ({**ASK, "pings": 1}, "must be True or False, not 1"),
        ({**ASK, "temprature": 1}, "unexpected keyword argument 'temprature'"),
        ({**ASK, "mcp_servers": []}, "unexpected keyword argument 'mcp_servers'"),
        ({**ASK, "betas": ["b"], "temprature": 1}, "unexpected keyword argument 'temprature'"),
    ],
)
def test_wrong_parameters_are_refused_where_they_are_written(params: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        sk.messages(anthropic.AsyncAnthropic(api_key="key"), **params)


def test_a_stream_of_messages_reads_like_its_source_and_tells_no_content() -> None:
    client = anthropic.AsyncAnthropic(api_key="secret")
    called = "messages(<AsyncAnthropic>, model='claude-sonnet-5', max_tokens=64, messages=[…]"
    assert repr(sk.messages(client, **ASK)) == f"{called})"
    assert repr(sk.messages(client, **ASK, system="secret")) == f"{called}, …)"


# -- the request ---------------------------------------------------------------------------------------------


async def test_the_events_are_those_of_the_wire() -> None:
    answer = reply(thinking("Hm", "m"), text("Hello", " world"), tool_use("go", {"to": [1, 2]}, chunk=3))
    for size in (None, 1, 7, 1000):
        async with FakeClaude(answer if size is None else answer.chunked(size)) as server:
            assert await sk.messages(server.client(), **ASK).collect() == await events_of(answer)


async def test_nothing_is_sent_before_the_first_item_is_asked_for() -> None:
    async with FakeClaude(HELLO) as server:
        async with sk.messages(server.client(), **ASK).open() as run:
            pass
        assert (run.outcome.kind, run.outcome.attempts) == ("stopped", [])
        assert server.connections == []


async def test_the_parameters_go_to_the_api_and_it_always_streams() -> None:
    async with FakeClaude(HELLO) as server:
        await sk.messages(server.client(), **ASK, system="Be brief", extra_headers={"x-trace": "7"}).run()
        [request] = server.requests
        assert request.body == {**ASK, "system": "Be brief", "stream": True}
        assert (request.path, request.query, request.headers["x-trace"]) == ("/v1/messages", "", "7")


async def test_betas_go_to_the_beta_api_and_give_beta_messages() -> None:
    async with FakeClaude(HELLO, repeat=True) as server:
        client = server.client()
        run = sk.messages(client, **ASK, betas=["a-1", "b-2"]).open()
        await read_all(run)
        await client.beta.messages.create(**ASK, betas=["a-1", "b-2"])
        ours, theirs = server.requests
        assert (ours.path, ours.query) == (theirs.path, theirs.query)
        assert ours.headers["anthropic-beta"] == theirs.headers["anthropic-beta"] == "a-1,b-2"
        assert ours.body == {**theirs.body, "stream": True}
        assert isinstance(run.outcome.message, BetaMessage)


async def test_each_run_sends_its_own_request() -> None:
    async with FakeClaude(HELLO, reply(text("Again"))) as server:
        chat = sk.messages(server.client(), **ASK)
        assert await chat.collect() != await chat.collect()
        assert len(server.requests) == 2


@pytest.mark.parametrize("size", [None, 5])
async def test_pings_are_left_out_unless_asked_for(size: int | None) -> None:
    answer = reply(PING, text("Hel", PING, "lo"))
    if size is not None:
        answer = answer.chunked(size)
    async with FakeClaude(answer, repeat=True) as server:
        plain = types(await sk.messages(server.client(), **ASK).collect())
        assert "ping" not in plain
        with_pings = types(await sk.messages(server.client(), **ASK, pings=True).collect())
        assert with_pings == types(await events_of(answer))
        assert [kind for kind in with_pings if kind != "ping"] == plain
        assert with_pings.count("ping") == 2


# -- retries before the first content ------------------------------------------------------------------------

BEFORE_CONTENT = {
    "error event first": Reply([ErrorEvent().frame]),
    "error event after message_start": reply(ErrorEvent()),
    "error event in an empty block": reply(text(ErrorEvent("api_error", "Internal"))),
    "error event after a ping": reply(PING, ErrorEvent("rate_limit_error", "Slow down")),
    "timeout error event": reply(ErrorEvent("timeout_error", "Too late")),
    "overloaded": error_reply(529),
    "rate limit": error_reply(429, headers={"retry-after": "0"}),
    "request timeout": error_reply(408, "timeout_error"),
    "conflict": error_reply(409, "conflict_error"),
    "server error": error_reply(500),
    "bad gateway": error_reply(502),
    "unavailable": error_reply(503),
    "gateway timeout": error_reply(504),
    "told to": error_reply(418, headers={"x-should-retry": "true"}),
    "empty body": Reply([]),
    "truncated before content": reply(end="content"),
    "truncated in an empty block": reply(text(closed=False), end="content"),
    "dropped before a response": Reply([Drop()]),
    "dropped after the headers": Reply([b"", Drop()]),
    "dropped after message_start": reply(Drop()),
    "dropped in an empty block": reply(text(Drop())),
    "cut inside the first delta": Reply([HELLO.body[: HELLO.body.index(b"Hello")]]),
}


@pytest.mark.parametrize("failure", BEFORE_CONTENT.values(), ids=BEFORE_CONTENT)
async def test_a_failure_before_the_first_content_is_not_seen(failure: Reply) -> None:
    async with FakeClaude(failure, HELLO) as server:
        run = sk.messages(server.client(), **ASK, retry=AT_ONCE).open()
        assert await read_all(run) == await events_of(HELLO)
        assert run.outcome.kind == "complete"
        assert len(server.requests) == 2
        first, second = run.outcome.attempts
        assert (first.number, second.number, second.error) == (1, 2, None)
        assert isinstance(first.error, sk.StreamError | anthropic.APIError)
        assert second.request_id == run.outcome.request_id == "req_000000000000000000000002"


NOT_RETRIABLE = {
    "invalid request": error_reply(400),
    "authentication": error_reply(401),
    "billing": error_reply(402),
    "permission": error_reply(403),
    "not found": error_reply(404),
    "too large": error_reply(413),
    "told not to": error_reply(529, headers={"x-should-retry": "false"}),
    "invalid request event": reply(ErrorEvent("invalid_request_error", "No")),
    "unknown error event": reply(ErrorEvent("strange_error", "What")),
    "not JSON": reply(b"event: content_block_start\ndata: {\n\n"),
}


@pytest.mark.parametrize("failure", NOT_RETRIABLE.values(), ids=NOT_RETRIABLE)
async def test_a_failure_that_would_come_again_is_not_retried(failure: Reply) -> None:
    async with FakeClaude(failure, HELLO) as server:
        run = sk.messages(server.client(), **ASK, retry=AT_ONCE).open()
        with pytest.raises((sk.StreamError, anthropic.APIStatusError)):
            await read_all(run)
        assert len(server.requests) == len(run.outcome.attempts) == 1
        assert run.outcome.kind == "failed"


async def test_the_last_failure_is_raised_when_the_attempts_are_used_up() -> None:
    policy = sk.RetryPolicy(attempts=3, base=0)
    async with FakeClaude(error_reply(529), reply(ErrorEvent()), error_reply(503, message="Gone")) as server:
        run = sk.messages(server.client(), **ASK, retry=policy).open()
        with pytest.raises(anthropic.APIStatusError, match="Gone") as caught:
            await read_all(run)
        assert caught.value is run.outcome.error is run.outcome.attempts[-1].error
        assert [type(each.error).__name__ for each in run.outcome.attempts] == [
            "OverloadedError",
            "StreamError",
            "ServiceUnavailableError",
        ]
        assert len(server.requests) == 3


@pytest.mark.parametrize("attempts", [1, 2])
async def test_what_was_held_comes_before_the_error(attempts: int) -> None:
    async with FakeClaude(reply(text(ErrorEvent())), repeat=True) as server:
        received: list[Any] = []
        chat = sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(attempts=attempts, base=0))
        with pytest.raises(sk.StreamError, match="overloaded_error: Overloaded"):
            await read_all(chat.open(), received)
        assert types(received) == ["message_start", "content_block_start"]
        assert len(server.requests) == attempts


@pytest.mark.parametrize("retry", [None, sk.RetryPolicy(attempts=1)], ids=["left to the SDK", "no retries"])
async def test_nothing_is_held_where_nothing_can_be_retried(retry: sk.RetryPolicy | None) -> None:
    async with FakeClaude(reply(Stall())) as server:
        with anyio.fail_after(5):
            assert (await sk.messages(server.client(), **ASK, retry=retry).first()).type == "message_start"


AFTER_CONTENT = {
    "error event": (reply(text("Hel", ErrorEvent())), "overloaded_error", "failed"),
    "truncated": (reply(text("Hel", closed=False), end="content"), "truncated", "truncated"),
    "dropped": (reply(text("Hel", Drop())), "transport", "truncated"),
    "error after thinking": (reply(thinking("Hm", ErrorEvent())), "overloaded_error", "failed"),
    "error after a tool's name": (reply(tool_use("go", ErrorEvent())), "overloaded_error", "failed"),
    "error after a block that came whole": (
        reply({"type": "redacted_thinking", "data": "x"}, ErrorEvent()),
        "overloaded_error",
        "failed",
    ),
    "error after an unknown event": (
        reply(event({"type": "aside", "text": "psst"}), ErrorEvent()),
        "overloaded_error",
        "failed",
    ),
}


@pytest.mark.parametrize(("answer", "type_", "kind"), AFTER_CONTENT.values(), ids=AFTER_CONTENT)
async def test_what_has_been_handed_on_is_not_taken_back(answer: Reply, type_: str, kind: str) -> None:
    async with FakeClaude(answer, HELLO) as server:
        received: list[Any] = []
        run = sk.messages(server.client(), **ASK, retry=AT_ONCE).open()
        with pytest.raises(sk.StreamError) as caught:
            await read_all(run, received)
        assert (caught.value.type, caught.value.retriable) == (type_, True)
        assert (run.outcome.kind, run.outcome.error) == (kind, caught.value)
        assert len(received) >= 2
        assert len(server.requests) == 1


async def test_a_message_without_content_is_complete() -> None:
    async with FakeClaude(reply(stop_reason="refusal", stop_details={"type": "refusal"}), HELLO) as server:
        run = sk.messages(server.client(), **ASK, retry=AT_ONCE).open()
        assert types(await read_all(run)) == ["message_start", "message_delta", "message_stop"]
        assert (run.outcome.kind, run.outcome.stop_reason, len(server.requests)) == ("complete", "refusal", 1)


async def test_there_is_one_retrier_only() -> None:
    async with FakeClaude(error_reply(529), repeat=True) as server:
        chat = sk.messages(server.client(max_retries=5), **ASK, retry=sk.RetryPolicy(attempts=2, base=0))
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            await chat.run()
        assert [request.headers["x-stainless-retry-count"] for request in server.requests] == ["0", "0"]


async def test_without_a_policy_the_retries_are_those_of_the_sdk() -> None:
    busy = error_reply(529, headers={"retry-after-ms": "1"})
    async with FakeClaude(busy, busy, reply(ErrorEvent()), HELLO) as server:
        chat = sk.messages(server.client(max_retries=2), **ASK, retry=None)
        with pytest.raises(sk.StreamError, match="Overloaded"):  # which the SDK does not retry
            await chat.run()
        assert [request.headers["x-stainless-retry-count"] for request in server.requests] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("policy", "headers"),
    [
        (sk.RetryPolicy(base=3600, cap=3600), {"retry-after": "0"}),
        (sk.RetryPolicy(base=3600, cap=3600), {"retry-after-ms": "5", "retry-after": "3600"}),
        (sk.RetryPolicy(cap=0.01), {"retry-after": "3600"}),
    ],
    ids=["in place of its own wait", "in milliseconds", "up to the cap"],
)
async def test_retry_after_is_honoured(policy: sk.RetryPolicy, headers: dict[str, str]) -> None:
    async with FakeClaude(error_reply(429, headers=headers), HELLO) as server:
        with anyio.fail_after(5):
            assert len(await sk.messages(server.client(), **ASK, retry=policy).collect()) == 7


async def test_the_consumer_s_own_failure_is_not_retried() -> None:
    async def fail(item: object) -> None:
        raise sk.StreamError("mine", type="mine", retriable=True)

    async with FakeClaude(reply(text("Hel", Stall())), repeat=True) as server:
        run = (sk.messages(server.client(), **ASK, retry=AT_ONCE) | sk.sinks.call(fail)).open()
        with pytest.raises(sk.StreamError, match="mine"):
            await result_of(run)
        assert (run.outcome.kind, len(server.requests)) == ("failed", 1)


async def result_of(run: sk.JobRun[Any]) -> Any:
    async with run:
        return await run


async def test_a_run_can_be_cancelled_while_it_waits_to_send_again() -> None:
    async with FakeClaude(error_reply(529)) as server, anyio.create_task_group() as tasks:
        run = sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(base=3600, cap=3600)).open()
        with anyio.fail_after(5):
            async with run:
                tasks.start_soon(cancel_after_a_failure, run)
                await anext(aiter(run))
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "cancel: enough")
        assert len(run.outcome.attempts) == 1


async def cancel_after_a_failure(run: sk.Run[Any]) -> None:
    while run.outcome.kind == "running" and not any(each.error for each in run.outcome.attempts):
        await anyio.lowlevel.checkpoint()
    run.cancel("enough")


# -- what the outcome tells ----------------------------------------------------------------------------------


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
        assert repr(run.outcome) == "Outcome(kind='complete')"
        with pytest.raises(AttributeError, match="has no 'mesage'; it has message, messages, tool_calls"):
            _ = run.outcome.mesage  # type: ignore[attr-defined]


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
