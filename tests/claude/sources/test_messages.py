"""
The Messages API as a source, over real sockets and through the real SDK: requests and retries.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import anyio.lowlevel
import httpx2
import pytest
from anthropic.lib.bedrock import AnthropicBedrock
from anthropic.lib.vertex import AnthropicVertex
from anthropic.types.beta import BetaMessage

import streamkit as sk
from streamkit._claude.protocol.events import to_dict
from streamkit.testing import (
    PING,
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Stall,
    error_reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, AT_ONCE, HELLO, read_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.skips_idle_time


def types(events: list[Any]) -> list[str]:
    return [to_dict(item)["type"] for item in events]


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
        sk.messages("key", **ASK)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "m", "messages": []}, r"messages\(\) needs max_tokens="),
        ({}, r"messages\(\) needs model=, max_tokens=, messages="),
        ({**ASK, "stream": True}, "always streams: leave out `stream`"),
        ({**ASK, "messages": "Hi"}, r'needs messages=\[\{"role": "user", "content": …\}\], and got str'),
        ({**ASK, "messages": None}, "and got NoneType"),
        ({**ASK, "messages": ASK["messages"][0]}, "and got dict"),
        ({**ASK, "messages": ["Hi"]}, "and got list"),
        ({**ASK, "retry": 3}, r"must be a RetryPolicy, such as RetryPolicy\(attempts=3\), or None, not 3"),
        ({**ASK, "pings": 1}, r"messages\(pings=…\) must be True or False, not 1"),
        (
            {**ASK, "follow_pause": None},
            r"messages\(follow_pause=…\) must be True, False, or how many messages .* not None",
        ),
        ({**ASK, "timeout": sk.Timeouts()}, "takes Timeouts as timeouts=…"),
        ({**ASK, "timeouts": 30}, r"must be Timeouts, such as Timeouts\(total=30\), or None, not 30"),
        (
            {**ASK, "timeouts": sk.Timeouts(), "timeout": 3},
            "either timeouts=.* or the SDK's `timeout`, not both",
        ),
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


async def test_the_messages_are_those_of_its_making() -> None:
    said = [{"role": "user", "content": "Hi"}]
    async with FakeClaude(error_reply(529), HELLO, HELLO) as server:
        asked: list[Any] = [{**ASK, "messages": given} for given in (said, iter(said))]
        chats = [sk.messages(server.client(), **each, retry=AT_ONCE) for each in asked]
        said.append({"role": "assistant", "content": "Hello world"})
        for chat in chats:
            await chat.run()
        assert [len(request.body["messages"]) for request in server.requests] == [1, 1, 1]


class AttrDict(dict[str, Any]):
    """
    A dict whose keys are its attributes. What it does not have is a KeyError.
    """

    def __getattr__(self, name: str) -> Any:
        return self[name]


async def test_dicts_and_lists_of_other_kinds_are_those_of_its_making_too() -> None:
    said = AttrDict(role="user", content="Hi")
    async with FakeClaude(HELLO) as server:
        asked: dict[str, Any] = {**ASK, "messages": [said]}
        chat = sk.messages(server.client(), **asked)
        said["content"] = "changed"
        await chat.run()
        assert server.requests[0].body["messages"][0]["content"] == "Hi"


async def test_what_can_be_read_once_is_there_for_each_request() -> None:
    tool = {"name": "look", "input_schema": {"type": "object"}}
    said = {"role": "user", "content": iter([{"type": "text", "text": "Hi"}])}
    async with FakeClaude(error_reply(529), HELLO) as server:
        asked: Any = {**ASK, "messages": [said], "tools": iter([tool])}
        await sk.messages(server.client(), **asked, retry=AT_ONCE).run()
        first, second = (request.body for request in server.requests)
        assert first == second
        assert (second["tools"], second["messages"][0]["content"][0]["text"]) == ([tool], "Hi")


@pytest.mark.parametrize("view", ["beta", "with_raw_response", "with_streaming_response"])
def test_a_view_of_a_client_is_no_client(view: str) -> None:
    client = anthropic.AsyncAnthropic(api_key="key")
    with pytest.raises(TypeError, match="needs the client itself"):
        sk.messages(getattr(client, view), **ASK)


async def test_the_client_itself_sends_the_requests() -> None:
    class Tenant(anthropic.AsyncAnthropic):
        def __init__(self, tenant: str, url: str) -> None:
            super().__init__(api_key=tenant, base_url=url)

    async with FakeClaude(error_reply(529), HELLO) as server, Tenant("seven", server.url) as client:
        await sk.messages(client, **ASK, retry=AT_ONCE).run()
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer seven"] * 2


async def test_a_client_that_is_closed_is_not_tried_again() -> None:
    async with FakeClaude(HELLO) as server:
        client = server.client()
        await client.close()
        run = sk.messages(client, **ASK, retry=AT_ONCE).open()
        with pytest.raises(anthropic.APIConnectionError):
            await read_all(run)
        assert len(run.outcome.attempts) == 1


def living_responses() -> list[object]:
    return [each for each in gc.get_objects() if type(each).__name__ == "AsyncStream"]


async def test_nothing_keeps_a_response_alive() -> None:
    gc.collect()
    gc.disable()
    try:
        # Other tests raise errors that their modules keep, and with them what they had read.
        earlier = living_responses()
        outcomes: list[sk.Outcome] = []
        async with FakeClaude(*[reply(ErrorEvent())] * 3, HELLO, reply(text("Hel", ErrorEvent()))) as server:
            for _ in range(2):
                run = sk.messages(server.client(), **ASK, retry=AT_ONCE).open()
                outcomes.append(run.outcome)
                with suppress(sk.StreamError):
                    await read_all(run)
                del run
        kept = [each for each in living_responses() if not any(each is other for other in earlier)]
        assert len(outcomes[0].attempts) == 4
        assert kept == []
    finally:
        gc.enable()


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
async def test_the_beginning_waits_for_content_even_where_nothing_can_be_retried(
    retry: sk.RetryPolicy | None,
) -> None:
    # Another message may still take its place in the same response.
    async with FakeClaude(reply(Stall()), reply(text("Hel", Stall()))) as server:
        chat = sk.messages(server.client(), **ASK, retry=retry)
        with anyio.move_on_after(0.2) as scope:
            await chat.first()
        assert scope.cancelled_caught
        with anyio.fail_after(5):
            assert (await chat.first()).type == "message_start"


async def test_a_request_has_ended_before_the_next_one_goes_out() -> None:
    log: list[str] = []

    class Body(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                yield reply().body[:200]
                await anyio.sleep_forever()
            finally:
                log.append("left")

        async def aclose(self) -> None:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.05)
            log.append("closed")

    def respond(_: httpx2.Request) -> httpx2.Response:
        log.append("sent")
        events = {"content-type": "text/event-stream"}
        whole = log.count("sent") == 3
        return httpx2.Response(200, headers=events, stream=httpx2.ByteStream(HELLO.body) if whole else Body())

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    async with anthropic.AsyncAnthropic(api_key="key", http_client=http) as client:
        chat = sk.messages(client, **ASK, retry=AT_ONCE, timeouts=sk.Timeouts(liveness=0.05))
        assert await (chat | sk.text() | sk.sinks.join()) == "Hello world"
    assert log == ["sent", "left", "closed"] * 2 + ["sent"]


async def test_no_more_than_some_pings_are_held_back() -> None:
    async with FakeClaude(reply(*[PING] * 100, Stall()), reply(*[PING] * 200, ErrorEvent()), HELLO) as server:
        received: list[Any] = []
        with anyio.fail_after(5):
            async with sk.messages(server.client(), **ASK, pings=True).open() as run:
                async for item in run:
                    received.append(item)
                    if len(received) == 60:
                        break
        assert types(received) == ["ping"] * 60
        # They are not content, so that a failure behind them is retried unseen.
        run = sk.messages(server.client(), **ASK, pings=True, retry=AT_ONCE).open()
        received = types(await read_all(run))
        assert [kind for kind in received if kind != "ping"] == types(await events_of(HELLO))
        assert 100 < received.count("ping") <= 200


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
        (sk.RetryPolicy(cap=0), {"retry-after": "0"}),
    ],
    ids=["in place of its own wait", "in milliseconds", "up to the cap"],
)
async def test_retry_after_is_honoured(policy: sk.RetryPolicy, headers: dict[str, str]) -> None:
    async with FakeClaude(error_reply(429, headers=headers), HELLO) as server:
        with anyio.fail_after(5):
            assert len(await sk.messages(server.client(), **ASK, retry=policy).collect()) == 7


@pytest.mark.parametrize("headers", [{"retry-after": "31"}, {"retry-after-ms": "30001"}])
async def test_where_the_server_asks_to_wait_beyond_the_cap_its_error_is_raised_at_once(
    headers: dict[str, str],
) -> None:
    async with FakeClaude(error_reply(429, headers=headers), HELLO) as server:
        with anyio.fail_after(5), pytest.raises(anthropic.RateLimitError):
            await sk.messages(server.client(), **ASK).run()
        assert len(server.requests) == 1


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
