"""
The SDK's clients for other platforms, over real sockets.

The servers of these platforms are played by FakeClaude. What is not real is their URL, which a transport maps to the one
that FakeClaude serves, and Google's and Amazon's authentication, which a given token stands in for.
"""

from __future__ import annotations

import base64
import gc
import json
import struct
import zlib
from typing import Any

import httpx2
import pytest
from anthropic.lib.bedrock import AsyncAnthropicBedrock
from anthropic.lib.vertex import AsyncAnthropicVertex

import streamkit as sk
from streamkit.testing import (
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Stall,
    error_reply,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, read_all
from tests.support.patience import patience

HELLO = reply(thinking("Hm"), text("Hello", " world"), tool_use("go", {"to": "Rome"}, chunk=4))


class Mapping(httpx2.AsyncHTTPTransport):
    """
    Sends every request to the path that FakeClaude serves, and keeps the one that it was made for.
    """

    def __init__(self) -> None:
        super().__init__(verify=False)
        self.paths: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        request.url = request.url.copy_with(path="/v1/messages")
        return await super().handle_async_request(request)


def vertex(server: FakeClaude, transport: Mapping) -> Any:
    return AsyncAnthropicVertex(
        region="us-east5",
        project_id="project",
        access_token="token",
        base_url=server.url,
        http_client=httpx2.AsyncClient(transport=transport),
    )


async def test_vertex() -> None:
    transport = Mapping()
    async with (
        FakeClaude(error_reply(529), HELLO, reply(text("Hel", Drop()))) as server,
        vertex(server, transport) as client,
    ):
        chat = sk.messages(client, **ASK, retry=sk.RetryPolicy(base=0))
        run = chat.open()
        assert await read_all(run) == await sk.from_sse(HELLO.body).collect()
        assert (run.outcome.kind, len(run.outcome.attempts)) == ("complete", 2)
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer token"] * 2
        assert set(transport.paths) == {
            "/projects/project/locations/us-east5/publishers/anthropic/models/claude-sonnet-5:streamRawPredict"
        }
        with pytest.raises(sk.StreamTruncated):
            await chat.run()


# -- Bedrock -------------------------------------------------------------------------------------------------


def amazon_frame(headers: dict[str, str], payload: bytes) -> bytes:
    """
    A message of Amazon's event stream encoding: two lengths, headers, payload, each half with its checksum.
    """
    head = b"".join(
        struct.pack(">B", len(name))
        + name.encode()
        + b"\x07"
        + struct.pack(">H", len(value))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


def amazon_event(data: bytes) -> bytes:
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return amazon_frame(headers, json.dumps({"bytes": base64.b64encode(data).decode()}).encode())


def amazon_error(kind: str, message: str) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return amazon_frame(headers, json.dumps({"message": message}).encode())


def as_amazon(answer: Reply) -> Reply:
    """
    The same events, as Bedrock's InvokeModelWithResponseStream sends them.
    """
    steps = [
        amazon_event(step.partition(b"\ndata: ")[2].rstrip()) if isinstance(step, bytes) else step
        for step in answer.steps
    ]
    return Reply(steps, headers={"content-type": "application/vnd.amazon.eventstream"})


def bedrock(server: FakeClaude, transport: Mapping) -> Any:
    return AsyncAnthropicBedrock(
        api_key="token",
        aws_region="us-east-1",
        base_url=server.url,
        http_client=httpx2.AsyncClient(transport=transport),
    )


@pytest.fixture(autouse=True)
def botocore() -> None:
    """
    The SDK decodes Amazon's framing with botocore.
    """
    pytest.importorskip("botocore", reason="the SDK's Bedrock client decodes its streams with botocore")


async def test_bedrock_sends_a_framing_of_its_own_which_the_sdk_decodes() -> None:
    transport = Mapping()
    async with FakeClaude(as_amazon(HELLO), repeat=True) as server, bedrock(server, transport) as client:
        chat = sk.messages(client, **ASK)
        run = chat.open()
        assert await read_all(run) == await sk.from_sse(HELLO.body).collect()
        outcome = run.outcome
        assert (outcome.kind, outcome.stop_reason) == ("complete", "tool_use")
        assert [call.input for call in outcome.tool_calls] == [{"to": "Rome"}]
        assert set(transport.paths) == {"/model/claude-sonnet-5/invoke-with-response-stream"}
        await chat.run()
        assert len(server.connections) == 1
        adopted = sk.from_sdk(client.messages.create(**ASK, stream=True))
        assert len(await adopted.collect()) == len(HELLO.steps)


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # of the SDK, whose iterators fail here
async def test_bedrock_s_failures_are_stream_errors_too() -> None:
    whole = as_amazon(reply(text("Hel"), end="content"))
    throttled = Reply([*whole.steps, amazon_error("throttlingException", "Slow")], headers=whole.headers)
    cut = as_amazon(reply(text("Hel", closed=False), end="content"))
    dropped = as_amazon(reply(text("Hel", Drop())))
    event = as_amazon(reply(text("Hel", ErrorEvent())))
    async with FakeClaude(throttled, cut, dropped, event) as server, bedrock(server, Mapping()) as client:
        chat = sk.messages(client, **ASK)
        for type_, kind in (
            ("throttlingException", "failed"),
            ("truncated", "truncated"),
            ("transport", "truncated"),
            ("overloaded_error", "failed"),
        ):
            run = chat.open()
            with pytest.raises(sk.StreamError) as caught:
                await read_all(run)
            assert (caught.value.type, run.outcome.kind) == (type_, kind)
            assert caught.value.partial.content[0].text == "Hel"
    del caught
    gc.collect()  # what it warns of is of this test


async def test_bedrock_retries_before_the_first_content() -> None:
    async with (
        FakeClaude(as_amazon(reply(end="content")), as_amazon(HELLO)) as server,
        bedrock(server, Mapping()) as client,
    ):
        run = sk.messages(client, **ASK, retry=sk.RetryPolicy(base=0)).open()
        assert len(await read_all(run)) == len(HELLO.steps)
        assert len(run.outcome.attempts) == 2


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # of the SDK, whose iterators fail here
@pytest.mark.parametrize(
    "kind",
    [
        "throttlingException",
        "internalServerException",
        "modelStreamErrorException",
        "serviceUnavailableException",
    ],
)
async def test_bedrock_s_exceptions_are_retried_before_the_first_content(kind: str) -> None:
    begun = as_amazon(reply(end="content"))
    sick = Reply([*begun.steps, amazon_error(kind, "Slow")], headers=begun.headers)
    async with FakeClaude(sick, as_amazon(HELLO)) as server, bedrock(server, Mapping()) as client:
        run = sk.messages(client, **ASK, retry=sk.RetryPolicy(base=0)).open()
        assert len(await read_all(run)) == len(HELLO.steps)
        first, _ = run.outcome.attempts
        assert isinstance(first.error, sk.StreamError)
        assert (first.error.type, first.error.retriable, str(first.error)) == (kind, True, f"{kind}: Slow")
    del run, first
    gc.collect()  # what it warns of is of this test


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
@pytest.mark.parametrize("data", [b'{"message": "no such model in this region, sorry"}', b"\x00" * 64])
async def test_what_is_not_amazon_s_framing_is_a_grammar_error(data: bytes) -> None:
    answer = Reply([data], headers=as_amazon(HELLO).headers)
    async with FakeClaude(answer) as server, bedrock(server, Mapping()) as client:
        with pytest.raises(sk.GrammarError, match="the SDK could not read the stream"):
            await sk.messages(client, **ASK).run()
    gc.collect()


async def test_a_bedrock_run_that_is_left_ends_its_connection() -> None:
    async with (
        FakeClaude(as_amazon(reply(text("Hello", Stall())))) as server,
        bedrock(server, Mapping()) as client,
    ):
        async with sk.messages(client, **ASK).open() as run:
            async for item in run:
                if item.type == "content_block_delta":
                    break
        with patience():
            await server.connection_closed()
