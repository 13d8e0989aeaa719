"""
What gateways and clouds answer in forms of their own: errors in frames and as JSON, a whole message instead of a stream.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

import anthropic
import pytest

import streamkit as sk
from streamkit.testing import PING, Drop, FakeClaude, Reply, error_frame, json_body, reply, tool_use
from tests.support.claude import ASK, HELLO
from tests.support.patience import patience

BUSY: Any = {"error": {"type": "overloaded_error", "message": "Overloaded, come again"}}
WRONG: Any = {"error": {"type": "invalid_request_error", "message": "thinking must come first"}}
AT_ONCE = sk.RetryPolicy(attempts=3, base=0)
MESSAGE: Any = {
    **HELLO.events[0]["message"],
    "content": [
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "toolu_1", "name": "go", "input": {"to": "Rome"}},
    ],
    "stop_reason": "tool_use",
}


async def failed(stream: sk.Stream[Any]) -> tuple[sk.StreamError, list[Any]]:
    seen: list[Any] = []
    run = stream.open()
    with pytest.raises(sk.StreamError) as caught, patience():
        async with run:
            async for item in run:
                seen.append(item)
    assert run.outcome.error is caught.value
    return caught.value, seen


FRAMES = {
    "no event line": error_frame(BUSY),
    "an event of another name": error_frame(BUSY, "message"),
    "an error event": error_frame(BUSY, "error"),
    "no frame at all": json.dumps(BUSY).encode() + b"\n\n",
    "JSON over several lines": json.dumps(BUSY, indent=2).encode() + b"\n\n",
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
async def test_an_error_in_a_frame_of_any_form(frame: bytes) -> None:
    async with FakeClaude(HELLO.cut(4, frame), HELLO.cut(1, PING, frame), HELLO) as server:
        error, seen = await failed(sk.messages(server.client(), **ASK) | sk.text())
        assert (error.type, error.status_code, error.retriable) == ("overloaded_error", 529, True)
        assert "come again" in str(error)
        assert error.request_id == "req_000000000000000000000001"
        assert "".join(seen) == "Hello world"
        # Before the content it is retried unseen.
        assert (
            await (sk.messages(server.client(), **ASK, retry=AT_ONCE) | sk.text() | sk.sinks.join())
            == "Hello world"
        )


async def test_an_error_as_bare_json_at_the_very_end_of_a_body() -> None:
    for ending in ([json.dumps(WRONG).encode()], [b'{"detail": "thinking must come first', b'"}', Drop()]):
        async with FakeClaude(HELLO.cut(4, *ending)) as server:
            error, _ = await failed(sk.messages(server.client(), **ASK))
            assert "thinking must come first" in str(error)


@pytest.mark.parametrize("said", ["model runner has stopped"])
@pytest.mark.parametrize(
    "form",
    [
        {"error": ...},
        {"message": ...},
        {"detail": ...},
        {"type": "error", "message": ...},
        {"error": {"message": ..., "code": 418}},
    ],
    ids=str,
)
async def test_what_it_says_is_kept(form: Any, said: str) -> None:
    document = json.loads(json.dumps(form, default=lambda _: said))
    answers = [
        HELLO.cut(3, error_frame(document)),
        HELLO.cut(3, error_frame(document, "error")),
        json_body(document),
    ]
    async with FakeClaude(*answers) as server:
        for _ in answers:
            error, _ = await failed(sk.messages(server.client(), **ASK))
            assert said in str(error)
            assert not error.retriable


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/plain"])
async def test_an_error_as_the_whole_body_with_status_200(content_type: str) -> None:
    busy, wrong = (json_body(each, content_type) for each in (BUSY, WRONG))
    async with FakeClaude(busy, HELLO, wrong) as server:
        assert (
            await (sk.messages(server.client(), **ASK, retry=AT_ONCE) | sk.text() | sk.sinks.join())
            == "Hello world"
        )
        error, seen = await failed(sk.messages(server.client(), **ASK, retry=AT_ONCE))
        assert (error.type, error.status_code, seen) == ("invalid_request_error", 400, [])
        assert str(error) == "invalid_request_error: thinking must come first"
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    "form", ["json", "indented", "labelled as a stream", "compressed", "in a frame", "drips"]
)
async def test_a_whole_message_instead_of_a_stream_is_that_message(form: str) -> None:
    data = json.dumps(MESSAGE).encode()
    answer = {
        "json": json_body(MESSAGE),
        "indented": Reply([json.dumps(MESSAGE, indent=2).encode()], headers={"content-type": "application/json"}),
        "labelled as a stream": json_body(MESSAGE, "text/event-stream"),
        "compressed": Reply([gzip.compress(data)], headers={"content-type": "application/json", "content-encoding": "gzip"}),
        "in a frame": Reply([b"data: " + data + b"\n\n"]),
        "drips": json_body(MESSAGE).chunked(10),
    }[form]  # fmt: skip
    async with FakeClaude(answer) as server:
        chat = sk.messages(server.client(), **ASK, retry=AT_ONCE)
        run = (chat | sk.validate() | sk.split(text=sk.text(), call=sk.tool_calls(when="message"))).open()
        async with run:
            seen = [item async for item in run]
        assert [name for name, _ in seen] == ["text", "call"]
        assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "tool_use")
        assert [call.input for call in run.outcome.tool_calls] == [{"to": "Rome"}]
        assert run.outcome.message is not None
        assert run.outcome.message.id == MESSAGE["id"]
        assert run.outcome.usage.input_tokens == 10


async def test_json_that_is_neither_is_no_stream() -> None:
    cut = Reply([json.dumps(MESSAGE).encode()[:-20]], headers={"content-type": "text/event-stream"})
    async with FakeClaude(json_body({"choices": []}), cut, json_body(MESSAGE)) as server:
        error, _ = await failed(sk.messages(server.client(), **ASK, retry=AT_ONCE))
        assert error.type == "grammar"
        assert "content-type is 'application/json'" in str(error)
        # One that was cut may be whole the next time.
        assert (
            await (sk.messages(server.client(), **ASK, retry=AT_ONCE) | sk.text() | sk.sinks.join())
            == "Hello"
        )


async def test_bytes_and_recordings_are_read_so_too() -> None:
    assert await (sk.from_sse(json.dumps(MESSAGE).encode()) | sk.text()).collect() == ["Hello"]
    error, _ = await failed(sk.from_sse(json.dumps(BUSY).encode()))
    assert error.type == "overloaded_error"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_so_it_is_on_the_aiohttp_transport(anyio_backend: str) -> None:
    pytest.importorskip("aiohttp")
    async with (
        FakeClaude(json_body(BUSY), HELLO.cut(2, error_frame(BUSY)), json_body(MESSAGE)) as server,
        anthropic.DefaultAioHttpClient() as http_client,
    ):
        chat = sk.messages(server.client(http_client=http_client), **ASK, retry=AT_ONCE)
        assert await (chat | sk.text()).collect() == ["Hello"]


async def test_a_json_answer_leaves_the_connection_usable() -> None:
    async with FakeClaude(json_body(MESSAGE), HELLO) as server:
        client = server.client()
        for _ in range(2):
            await sk.messages(client, **ASK).run()
        assert len(server.connections) == 1


@pytest.mark.parametrize("status", [520, 522, 524, 530, 599])
async def test_every_status_from_500_on_is_retried(status: int) -> None:
    sick = Reply([b"<html>error code</html>"], status, {"content-type": "text/html"})
    async with FakeClaude(sick, HELLO) as server:
        assert len(await sk.messages(server.client(), **ASK, retry=AT_ONCE).collect()) == 7


async def test_a_tool_call_that_an_error_cut_is_no_call() -> None:
    answer = reply(tool_use("go", {"to": "Rome"}, chunk=4)).cut(4, error_frame({"error": "gone"}))
    async with FakeClaude(answer) as server:
        run = (sk.messages(server.client(), **ASK) | sk.tool_calls()).open()
        with pytest.raises(sk.StreamError, match="gone"):
            async with run:
                assert [call async for call in run] == []
        assert run.outcome.tool_calls == []
