"""
FakeClaude against the real SDK: what the client gets, and what the server saw.
"""

from __future__ import annotations

import socket
import struct
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import anyio.abc
import httpx2
import pytest
from anthropic.types.beta import BetaMessage

from streamkit.testing import (
    PING,
    ErrorEvent,
    FakeClaude,
    Pause,
    Reply,
    Request,
    Stall,
    error_reply,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from anthropic.types import Message

TURN = reply(
    thinking("Let me see.", signature="sig"),
    text("Hello", PING, " world"),
    tool_use("get_weather", {"city": "Paris"}, chunk=4, id="toolu_1"),
    id="msg_1",
    input_tokens=12,
    output_tokens=34,
)


async def whole(client: anthropic.AsyncAnthropic) -> Message:
    return await client.messages.create(
        model="claude-sonnet-5", max_tokens=64, messages=[{"role": "user", "content": "Hi"}]
    )


async def test_create_stream_gives_the_scripted_events() -> None:
    async with (
        FakeClaude(TURN) as server,
        await server.client().messages.create(**ASK, stream=True) as stream,
    ):
        kinds = [item.type async for item in stream]
    assert kinds[0] == "message_start"
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 3
    assert kinds[-2:] == ["message_delta", "message_stop"]
    [request] = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/messages", "")
    assert request.headers["anthropic-version"]
    assert request.body["messages"] == ASK["messages"]
    assert request.stream


@pytest.mark.parametrize("size", [None, 1, 7, 100_000])
async def test_messages_stream_builds_the_message_whatever_the_writes(size: int | None) -> None:
    async with (
        FakeClaude(TURN if size is None else TURN.chunked(size)) as server,
        server.client().messages.stream(**ASK) as stream,
    ):
        words = [word async for word in stream.text_stream]
        message = await stream.get_final_message()
    assert "".join(words) == "Hello world"
    think, said, call = message.content
    assert think.type == "thinking"
    assert (think.thinking, think.signature) == ("Let me see.", "sig")
    assert said.type == "text"
    assert said.text == "Hello world"
    assert call.type == "tool_use"
    assert (call.id, call.name, call.input) == ("toolu_1", "get_weather", {"city": "Paris"})
    assert (message.id, message.stop_reason) == ("msg_1", "tool_use")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (12, 34)


async def test_a_request_without_stream_gets_the_same_message_whole() -> None:
    async with FakeClaude(TURN, TURN) as server:
        client = server.client()
        async with client.messages.stream(**ASK) as stream:
            streamed = await stream.get_final_message()
        message = await whole(client)
    assert message.model_dump() == streamed.model_dump(exclude={"content": {"__all__": {"parsed_output"}}})
    assert [request.stream for request in server.requests] == [True, False]


async def test_the_raw_bytes_are_those_of_the_script() -> None:
    async with (
        FakeClaude(TURN) as server,
        server.client().messages.with_streaming_response.create(**ASK, stream=True) as response,
    ):
        body = b"".join([chunk async for chunk in response.iter_bytes()])
        headers: Mapping[str, str] = response.headers
    assert body == TURN.body
    assert headers["transfer-encoding"] == "chunked"
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["request-id"].startswith("req_")


async def test_each_step_is_written_on_its_own() -> None:
    slow = reply(text("Hello", Pause(0.1), " world"))
    async with (
        FakeClaude(slow) as server,
        server.client().messages.with_streaming_response.create(**ASK, stream=True) as response,
    ):
        sizes = [len(chunk) async for chunk in response.iter_bytes()]
    arrived = {sum(sizes[: count + 1]) for count in range(len(sizes))}
    assert len(slow.cut(3).body) in arrived
    assert max(arrived) == len(slow.body)


async def test_the_beta_path_is_served_too() -> None:
    async with FakeClaude(TURN, TURN) as server:
        client = server.client()
        async with await client.beta.messages.create(**ASK, stream=True, betas=["some-beta"]) as stream:
            assert [item.type async for item in stream][-1] == "message_stop"
        message = await client.post("/v1/messages?beta=true", body=ASK, cast_to=BetaMessage)
    assert message.id == "msg_1"
    assert server.requests[0].headers["anthropic-beta"] == "some-beta"
    assert (server.requests[1].path, server.requests[1].query) == ("/v1/messages", "beta=true")


async def test_a_tool_runner_runs_over_two_replies() -> None:
    @anthropic.beta_async_tool
    async def get_weather(city: str) -> str:
        """
        Get the weather.
        """
        return f"Sun in {city}"

    async with FakeClaude(TURN, reply(text("It is sunny."))) as server:
        last = await (
            server.client()
            .beta.messages.tool_runner(
                model="claude-sonnet-5",
                max_tokens=64,
                messages=[{"role": "user", "content": "Hi"}],
                tools=[get_weather],
            )
            .until_done()
        )
    assert [block.to_dict() for block in last.content] == [{"type": "text", "text": "It is sunny."}]
    result = server.requests[1].body["messages"][-1]["content"][0]
    assert result["tool_use_id"] == "toolu_1"
    assert "Sun in Paris" in str(result["content"])


async def test_a_finished_body_leaves_the_connection_to_the_next_request() -> None:
    async with FakeClaude(TURN, repeat=True) as server:
        client = server.client()
        for _ in range(3):
            async with await client.messages.create(**ASK, stream=True) as stream:
                async for _item in stream:
                    pass
            await whole(client)
        assert [request.connection for request in server.requests] == [0] * 6
        assert [len(connection.requests) for connection in server.connections] == [6]
        assert server.open_connections == 1


async def test_two_requests_at_once_have_a_connection_each() -> None:
    async with FakeClaude(TURN, TURN) as server:
        client = server.client()
        async with (
            await client.messages.create(**ASK, stream=True) as first,
            await client.messages.create(**ASK, stream=True) as second,
        ):
            assert server.open_connections == 2
            assert [item.type async for item in first] == [item.type async for item in second]
    assert {request.connection for request in server.requests} == {0, 1}
    assert server.open_connections == 0


async def test_replies_are_given_in_turn_and_then_a_clear_error() -> None:
    async with FakeClaude(reply(text("one")), reply(text("two"))) as server:
        client = server.client(max_retries=2)
        said = [(await whole(client)).content[0].to_dict()["text"] for _ in range(2)]
        with pytest.raises(anthropic.InternalServerError, match=r"given 2 replies, .* message request 3"):
            await whole(client)
    assert said == ["one", "two"]
    assert len(server.requests) == 3


async def test_repeat_gives_the_last_reply_again() -> None:
    async with FakeClaude(error_reply(529), reply(text("at last")), repeat=True) as server:
        client = server.client()
        with pytest.raises(anthropic.OverloadedError):
            await whole(client)
        for _ in range(3):
            assert (await whole(client)).stop_reason == "end_turn"


async def test_a_function_answers_from_the_request() -> None:
    def echo(request: Request) -> Reply:
        return reply(text(request.body["messages"][-1]["content"]))

    async with FakeClaude(echo, repeat=True) as server, server.client().messages.stream(**ASK) as stream:
        assert await stream.get_final_text() == "Hi"


async def test_a_function_s_exception_ends_the_block_and_is_raised_there() -> None:
    def fail(request: Request) -> Reply:
        raise KeyError(request.path)

    with pytest.raises(KeyError, match="/v1/messages"):
        async with FakeClaude(fail) as server:
            await whole(server.client())


async def test_a_function_must_give_a_reply() -> None:
    def forget(request: Request) -> Any:
        text("said, but not in a reply")

    with pytest.raises(TypeError, match="gave None instead of a Reply"):
        async with FakeClaude(forget) as server:
            await whole(server.client())


async def test_http_errors_have_the_sdk_s_types_and_headers() -> None:
    limit = error_reply(429, headers={"retry-after": "7", "request-id": "req_mine"})
    async with FakeClaude(limit) as server:
        with pytest.raises(anthropic.RateLimitError) as caught:
            await server.client().messages.create(**ASK, stream=True)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.type == "rate_limit_error"
    assert caught.value.request_id == "req_mine"


async def test_an_error_event_is_raised_mid_stream_and_is_a_status_without_stream() -> None:
    broken = reply(text("Hel", ErrorEvent("overloaded_error", "Overloaded")))
    async with FakeClaude(broken, broken) as server:
        client = server.client()
        async with await client.messages.create(**ASK, stream=True) as stream:
            kinds = [(await anext(stream)).type for _ in range(3)]
            with pytest.raises(anthropic.APIStatusError, match="Overloaded") as caught:
                await anext(stream)
        with pytest.raises(anthropic.OverloadedError):
            await whole(client)
    assert kinds == ["message_start", "content_block_start", "content_block_delta"]
    assert caught.value.status_code == 200


@pytest.mark.parametrize(
    "scripted",
    [
        reply(text("cut"), end="content"),
        Reply([b"event: ping\ndata: {not json\n\n"]),
        Reply([]),
        Reply([b'data: {"type": "message_start", "message": []}\n\n']),
        reply(tool_use("t", '{"cut')),
        reply({"type": "text", "text": ""}).after(b'data: {"type": "news"}\n\n'),
    ],
    ids=["truncated", "not-json", "empty", "not-a-message", "broken-tool-input", "unknown-event"],
)
async def test_a_script_without_a_whole_message_is_an_error_without_stream(scripted: Reply) -> None:
    async with FakeClaude(scripted) as server:
        with pytest.raises(anthropic.InternalServerError, match="the script holds no whole message"):
            await whole(server.client())


async def test_a_recording_is_served_byte_for_byte(recording: Path) -> None:
    scripted = Reply.file(recording)
    async with (
        FakeClaude(scripted) as server,
        server.client().messages.with_streaming_response.create(**ASK, stream=True) as response,
    ):
        assert b"".join([chunk async for chunk in response.iter_bytes()]) == scripted.body


async def test_other_paths_and_bodies_are_refused_without_using_a_reply() -> None:
    async with FakeClaude(TURN) as server:
        client = server.client()
        with pytest.raises(anthropic.NotFoundError, match="no GET /v1/models"):
            await client.models.list()
        with pytest.raises(anthropic.BadRequestError, match="not a JSON object"):
            await client.post("/v1/messages", cast_to=object)
        assert (await whole(client)).id == "msg_1"


async def test_the_block_s_own_exception_comes_out_as_itself() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with FakeClaude(TURN):
            raise KeyError("mine")


async def test_an_outer_timeout_ends_the_block_as_itself() -> None:
    with anyio.move_on_after(0.05) as scope:
        async with FakeClaude(TURN):
            await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_the_end_closes_clients_and_connections() -> None:
    async with FakeClaude(TURN) as server:
        client = server.client()
        await whole(client)
        assert server.open_connections == 1
    assert client.is_closed()
    assert server.open_connections == 0


async def test_a_client_of_a_server_that_does_not_run_is_refused() -> None:
    server = FakeClaude(TURN)
    with pytest.raises(RuntimeError, match="inside `async with FakeClaude"):
        server.client()
    async with server:
        server.client()
    with pytest.raises(RuntimeError, match="not running"):
        server.client()


async def test_a_chosen_port_is_used() -> None:
    async with FakeClaude() as free:
        port = int(free.url.rpartition(":")[2])
    async with FakeClaude(TURN, port=port) as server:
        assert server.url == free.url
        assert (await whole(server.client())).id == "msg_1"


def test_replies_of_another_type_are_refused() -> None:
    with pytest.raises(TypeError, match="not 'Hello'"):
        FakeClaude("Hello")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="at least one reply"):
        FakeClaude(repeat=True)


def test_what_is_nearly_a_reply_is_told_with_what_to_write() -> None:
    fake: Any = FakeClaude
    for given, remedy in ((text("x"), r"reply\(text\(…\)\)"), ([TURN], r"FakeClaude\(\*replies\)")):
        with pytest.raises(TypeError, match=rf"write {remedy}$"):
            fake(given)
    content: Any
    for content in (5, None, ["x"], TURN):
        with pytest.raises(TypeError, match=r"^reply\(\) takes blocks, such as text\(…\)"):
            reply(content)


async def connected(server: FakeClaude) -> anyio.abc.SocketStream:
    return await anyio.connect_tcp("127.0.0.1", int(server.url.rpartition(":")[2]))


POST = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n"
HOSTILE = {
    "HEAD": b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n",
    "OPTIONS": b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
    "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\nmore",
    "an upgrade": b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x00",
    "100,000 brackets": POST + b"content-length: 100000\r\n\r\n" + b"[" * 100_000,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "garbage": bytes(range(256)),
    "garbage behind a request": b"GET / HTTP/1.1\r\nhost: x\r\n\r\n\0\1\2\r\n\r\n",
    "garbage in chunks": POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    "a huge header": b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"x" * 200_000,
    "a length that lies": POST + b"content-length: 5\r\n\r\n" + b"x" * 50,
    "a length that is none": POST + b"content-length: -1\r\n\r\n",
    "a body that is not UTF-8": POST + b"content-length: 2\r\n\r\n\xff\xfe",
    "a path that is not ASCII": b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
async def test_no_request_harms_the_server(sent: bytes, reset: bool) -> None:
    """
    Whatever a client sends, and however it leaves, the next one is served.
    """
    async with FakeClaude(TURN) as server:
        stream = await connected(server)
        async with stream:
            if reset:
                raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
                await stream.send(sent)
                if not reset:
                    await stream.send_eof()
                    while True:
                        await stream.receive()
        await server.connection_closed()
        assert (await whole(server.client())).id == "msg_1"


async def test_the_answer_to_head_has_no_body() -> None:
    async with FakeClaude(TURN) as server, httpx2.AsyncClient(trust_env=False) as client:
        answers = [await client.head(server.url), await client.head(server.url)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(404, b"")] * 2
    assert len(server.connections) == 1


LIMITS = "streamkit.testing._fake_claude.connection"


async def test_a_body_that_is_too_large_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{LIMITS}.LARGEST_BODY", 1000)
    async with FakeClaude(TURN) as server:
        client = server.client()
        with pytest.raises(anthropic.RequestTooLargeError, match="larger than 32 MiB"):
            await client.post("/v1/messages", cast_to=object, body={"text": "x" * 1000})
        assert (server.requests[0].body, server.requests[0].too_large) == (None, True)
        assert (await whole(client)).id == "msg_1"
        assert len(server.connections) == 1


NEVER_ENDING = {
    "headers": b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx: ",
    "a body": POST + b"content-length: 5\r\n\r\n{",
    "chunks": POST + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
}


@pytest.mark.parametrize("sent", NEVER_ENDING.values(), ids=NEVER_ENDING)
async def test_a_request_that_never_ends_disturbs_nobody(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The next client is served at once, the end of the server does not wait for it, and otherwise its connection is closed in time.
    """
    async with AsyncExitStack() as clients:
        with anyio.fail_after(PATIENCE):
            async with FakeClaude(TURN) as server:
                slow = await clients.enter_async_context(await connected(server))
                await slow.send(sent)
                assert (await whole(server.client())).id == "msg_1"
                assert server.open_connections == 2
        assert server.open_connections == 0
    monkeypatch.setattr(f"{LIMITS}.REQUEST_TIME", 0.1)
    async with FakeClaude(TURN) as server, await connected(server) as slow:
        await slow.send(sent)
        with anyio.fail_after(PATIENCE):
            await server.connection_closed()


async def test_a_connection_that_waits_between_requests_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{LIMITS}.REQUEST_TIME", 0.05)
    async with FakeClaude(TURN, repeat=True) as server:
        client = server.client()
        await whole(client)
        await anyio.sleep(0.2)
        await whole(client)
        assert len(server.connections) == 1


async def test_what_comes_behind_a_request_is_not_kept_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{LIMITS}.LARGEST_BODY", 100_000)
    async with FakeClaude(Reply([Stall()])) as server:
        async with await connected(server) as greedy:
            await greedy.send(POST + b"content-length: 2\r\n\r\n{}")
            with anyio.fail_after(PATIENCE), pytest.raises(anyio.BrokenResourceError):
                while True:
                    await greedy.send(b"x" * 10_000)
        await server.connection_closed()
