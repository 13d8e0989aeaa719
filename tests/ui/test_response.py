"""
ai_sdk.Response: what a page gets over HTTP, how each way to end looks there, and that nothing outlives the request.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import (
    Drop,
    ErrorEvent,
    FakeClaude,
    Pause,
    Reply,
    Stall,
    error_reply,
    reply,
    text,
    tool_use,
)
from streamkit.ui import ai_sdk
from tests.serving.asgi import Exchange, parsed
from tests.support.claude import ASK
from tests.support.patience import patience

from .client import Client, text_of


def chat(server: FakeClaude) -> sk.Stream[Any]:
    return sk.messages(server.client(), retry=None, **ASK)


def chunks_in(exchange: Exchange) -> list[dict[str, Any]]:
    """
    The chunks of a response, which ends as the protocol says.
    """
    events = parsed(exchange.text)
    assert {name for name, _ in events} == {"message"}
    assert events[-1][1] == "[DONE]"
    return [json.loads(data) for _, data in events[:-1]]


async def test_a_page_gets_the_answer() -> None:
    async with FakeClaude(reply(text("Hel", "lo"), id="msg_1")) as server:
        exchange = await Exchange("POST").serve(ai_sdk.Response(chat(server)))
    assert exchange.status == 200
    assert exchange.complete
    assert exchange.headers["content-type"] == "text/event-stream"
    assert exchange.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert exchange.headers["x-accel-buffering"] == "no"
    chunks = chunks_in(exchange)
    assert [chunk["type"] for chunk in chunks] == [
        "start",
        "start-step",
        "text-start",
        "text-delta",
        "text-delta",
        "text-end",
        "finish-step",
        "finish",
    ]
    assert text_of(Client().read(chunks)) == "Hello"


@pytest.mark.parametrize(
    ("first", "status", "retry_after"),
    [
        (error_reply(529, headers={"retry-after": "7"}), 503, "7"),
        (error_reply(429, headers={"retry-after": "3"}), 429, "3"),
        (error_reply(400), 400, None),
        (error_reply(401), 502, None),
        (Reply([Drop()]), 502, None),
    ],
)
async def test_an_error_before_the_first_chunk_has_its_status(
    first: Reply, status: int, retry_after: Any
) -> None:
    async with FakeClaude(first) as server:
        exchange = await Exchange("POST").serve(ai_sdk.Response(chat(server)))
    assert exchange.status == status
    assert exchange.headers.get("retry-after") == retry_after
    assert json.loads(exchange.text).keys() == {"type", "retriable", "message"}


async def test_an_error_after_it_is_told_in_words_that_are_safe() -> None:
    secret = "the key is sk-ant-hunter2"
    broken = reply(text("Hel", "lo", ErrorEvent("overloaded_error", secret)))
    async with FakeClaude(broken) as server:
        exchange = await Exchange("POST").serve(ai_sdk.Response(chat(server)))
    assert secret not in exchange.text
    page = Client()
    message = page.read(chunks_in(exchange))
    assert text_of(message) == "Hello"
    assert [part.get("state") for part in message["parts"]] == [None, "done"]
    assert page.errors == ["the service that answers is overloaded at the moment: try again later"]
    metadata = message["metadata"]
    assert metadata["kind"] == "failed"
    assert metadata["error"]["type"] == "overloaded_error"
    assert metadata["error"]["retriable"] is True
    assert metadata["usage"]["input_tokens"] > 0


async def test_a_call_that_the_error_has_cut_is_not_left_waiting() -> None:
    broken = reply(tool_use("look", '{"n": ', Drop(), id="toolu_1"))
    async with FakeClaude(broken) as server:
        exchange = await Exchange("POST").serve(ai_sdk.Response(chat(server)))
    (part,) = [part for part in Client().read(chunks_in(exchange))["parts"] if part["type"] == "tool-look"]
    assert part["state"] == "output-error"


@pytest.mark.parametrize("behind", [False, True])
async def test_an_answer_that_is_stopped_on_this_side_is_an_abort(behind: bool) -> None:
    stop = anyio.Event()
    until = sk.take_until(stop.wait)
    async with FakeClaude(reply(text("Hel", Stall()))) as server:
        stream = chat(server)
        shown = stream | ai_sdk.chunks() | until if behind else stream | until
        exchange = Exchange("POST")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.serve, ai_sdk.Response(shown))
            await exchange.until('"Hel"')
            stop.set()
    page = Client()
    message = page.read(chunks_in(exchange))
    assert (text_of(message), page.aborted, page.errors) == ("Hel", True, [])
    assert message["metadata"]["usage"]["input_tokens"] > 0
    assert [chunk["type"] for chunk in chunks_in(exchange)].count("abort") == 1


async def test_when_the_page_goes_the_request_to_claude_ends_first() -> None:
    async with FakeClaude(reply(text("Hel", Stall()))) as server:
        exchange = Exchange("POST")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.serve, ai_sdk.Response(chat(server)))
            await exchange.until('"Hel"')
            exchange.gone.set()
        with patience():
            await server.connections[0].closed.wait()
    assert not exchange.complete


async def test_silence_is_broken_by_a_comment() -> None:
    async with FakeClaude(reply(text("Hel", Pause(0.3), "lo"))) as server:
        exchange = await Exchange("POST").serve(ai_sdk.Response(chat(server), heartbeat=0.05))
    assert ": keep-alive\n\n" in exchange.text
    assert text_of(Client().read(chunks_in(exchange))) == "Hello"


async def test_nothing_that_a_model_says_ends_or_forges_an_event() -> None:
    said = 'a\r\n\r\ndata: {"type":"error","errorText":"no"}\n\nevent: x\u2028\u2029\x85\x00\ud83d"b'
    forged = sk.from_iterable(
        [sk.events.from_dict(event) for event in reply(text("x")).events[:2]]
        + [sk.events.ContentBlockDelta(0, sk.events.TextDelta(said))]
    )
    exchange = await Exchange("POST").serve(ai_sdk.Response(forged))
    page = Client()
    assert text_of(page.read(chunks_in(exchange))) == said
    assert page.errors == []


async def test_chunks_that_are_made_already_are_sent_as_they_are() -> None:
    async with FakeClaude(reply(text("Hello"))) as server:
        stream = (chat(server) | ai_sdk.chunks(version=6)).map(lambda chunk: {**chunk, "extra": 1})
        exchange = await Exchange("POST").serve(ai_sdk.Response(stream))
    assert all(chunk["extra"] == 1 for chunk in chunks_in(exchange))


async def test_an_answer_goes_on_with_the_message_of_the_request() -> None:
    page = {"id": "msg_1", "role": "assistant", "parts": [{"type": "step-start"}]}
    async with FakeClaude(reply(text("Hello"), id="msg_2")) as server:
        response = ai_sdk.Response(chat(server), body={"messages": [page]})
        exchange = await Exchange("POST").serve(response)
    assert chunks_in(exchange)[0] == {"type": "start", "messageId": "msg_1"}


@pytest.mark.parametrize("answer", [reply(text("So.")), reply(text("So.", ErrorEvent()))])
async def test_frames_gives_the_same_bytes(answer: Reply) -> None:
    page: Any = {"id": "asst_7", "role": "assistant", "parts": [{"type": "step-start"}]}
    body = json.dumps({"messages": [page]})
    async with FakeClaude(answer, repeat=True) as server:
        exchange = await Exchange("POST").serve(ai_sdk.Response(chat(server), body=body))
        frames = [each async for each in ai_sdk.frames(chat(server), body=body)]
    assert b"".join(frames).decode() == exchange.text


async def test_nothing_at_all_is_an_answer_without_a_message() -> None:
    exchange = await Exchange("POST").serve(ai_sdk.Response(sk.from_iterable([])))
    assert exchange.status == 200
    assert chunks_in(exchange) == []


def test_bad_settings_are_refused_where_they_stand() -> None:
    stream: sk.Stream[Any] = sk.from_iterable([])
    with pytest.raises(TypeError, match=r"ai_sdk\.Response\(\) needs a stream"):
        ai_sdk.Response([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="version must be 6 or 7"):
        ai_sdk.Response(stream, version=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="heartbeat"):
        ai_sdk.Response(stream, heartbeat=0)
