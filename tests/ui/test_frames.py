"""
`ui.ai_sdk.frames` and `ui.ag_ui.frames`: what their responses send, for frameworks that send an async generator.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

import streamkit as sk
from streamkit.testing import Drop, FakeClaude, Pause, error_reply, reply, text, thinking
from streamkit.ui import ag_ui, ai_sdk
from tests.serving.asgi import Exchange, parsed
from tests.support.claude import ASK
from tests.support.patience import patience
from tests.ui.ag_ui_client import FAILED_BEFORE, judge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


ANSWERS: Final = {
    "a whole answer": reply(thinking("Hm."), text("Hel", "lo"), id="msg_1"),
    "one that breaks": reply(text("Hel", Drop()), id="msg_1"),
}
WAYS: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any]]]] = {
    "ai_sdk": (ai_sdk.Response, ai_sdk.frames),
    "ag_ui": (ag_ui.Response, ag_ui.frames),
}


def answer(server: FakeClaude, way: str) -> sk.Stream[Any]:
    chat = sk.messages(server.client(), retry=None, **ASK)
    return chat | ag_ui.events("thread", "run") if way == "ag_ui" else chat


async def sent(frames: Any) -> str:
    with patience():
        return b"".join([each async for each in frames]).decode()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("said", ANSWERS)
async def test_the_bytes_are_those_of_the_response(way: str, said: str) -> None:
    response, frames = WAYS[way]
    async with FakeClaude(ANSWERS[said], repeat=True) as server:
        exchange = await Exchange("POST").serve(response(answer(server, way)))
        assert await sent(frames(answer(server, way))) == exchange.text


@pytest.mark.parametrize("way", WAYS)
async def test_an_error_before_the_first_item_is_told_in_the_protocol(way: str) -> None:
    async with FakeClaude(error_reply(429, message="secret")) as server:
        body = await sent(WAYS[way][1](answer(server, way)))
    told = [json.loads(data) for _, data in parsed(body) if data != "[DONE]"]
    assert told[-1]["type"] == {"ai_sdk": "error", "ag_ui": "RUN_ERROR"}[way]
    assert "secret" not in body
    if way == "ag_ui":
        judge(told, FAILED_BEFORE)


@pytest.mark.virtual_time
@pytest.mark.parametrize("way", WAYS)
async def test_a_comment_is_sent_where_nothing_comes(way: str) -> None:
    async def slow() -> AsyncIterator[Any]:
        await anyio.sleep(25)
        yield {"type": "CUSTOM", "name": "n", "value": 1} if way == "ag_ui" else ai_sdk.Data("n", 1)

    frames = WAYS[way][1](sk.from_iterable(slow), heartbeat=10)
    assert [each async for each in frames][:2] == [b": keep-alive\n\n"] * 2


@pytest.mark.parametrize("way", WAYS)
async def test_leaving_the_generator_ends_the_request(way: str) -> None:
    async with FakeClaude(reply(text("Hello", Pause(1000)))) as server:
        frames = WAYS[way][1](answer(server, way))
        with patience():
            async for each in frames:
                if b"Hello" in each:
                    break
            await frames.aclose()
            await server.connections[0].closed.wait()


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_stream_is_refused_at_once(way: str) -> None:
    with pytest.raises(TypeError, match=rf"{way}.frames\(\) needs a stream"):
        WAYS[way][1]("Hello")
    with pytest.raises(ValueError, match="heartbeat"):
        WAYS[way][1](sk.from_iterable([]), heartbeat=0)


async def test_a_page_of_another_version_and_a_message_that_goes_on() -> None:
    nothing: list[Any] = []
    body = {"messages": [{"id": "m", "role": "assistant", "parts": nothing}]}
    async with FakeClaude(reply(text("Hello"), id="msg_1")) as server:
        frames = ai_sdk.frames(answer(server, "ai_sdk"), version=6, body=body)
        first, *_ = parsed(await sent(frames))
    assert json.loads(first[1]) == {"type": "start", "messageId": "m"}
