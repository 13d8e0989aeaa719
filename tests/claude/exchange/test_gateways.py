"""
Odd answers of gateways over a real socket: through the SDK's client, natively and on the aiohttp transport.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.testing import FakeClaude, Reply, event

if TYPE_CHECKING:
    from collections.abc import Callable

    import anthropic

    Wire = dict[str, Any]

ASK: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
}
START: Wire = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    },
}
BLOCK: Wire = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
HELLO: Wire = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
NULL: Wire = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}}
CLOSED: Wire = {"type": "content_block_stop", "index": 0}
CHANGE: Wire = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 5},
}
STOP: Wire = {"type": "message_stop"}
DONE = b"data: [DONE]\n\n"
ERROR = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})

ODD: dict[str, tuple[list[Wire | bytes], dict[str, int]]] = {
    "as documented": ([START, BLOCK, HELLO, CLOSED, CHANGE, STOP], {}),
    "OpenAI's end": ([START, BLOCK, DONE, HELLO, CLOSED, CHANGE, STOP, DONE], {"skipped_frame": 2}),
    "an error behind the message": ([START, BLOCK, HELLO, CLOSED, CHANGE, STOP, ERROR], {"after_end": 1}),
    "the beginning twice": ([START, START, BLOCK, HELLO, CLOSED, CHANGE, STOP], {"repeated_start": 1}),
    "no beginning": ([BLOCK, HELLO, CLOSED, CHANGE, STOP], {"missing_start": 1}),
    "a null in a delta": (
        [START, BLOCK, NULL, HELLO, CLOSED, CHANGE, STOP],
        {"content_block_delta.delta.text": 1},
    ),
    "no blank lines": (
        [b"".join(event(each)[:-1] for each in (START, BLOCK, HELLO, CLOSED, CHANGE, STOP)) + b"\n"],
        {"joined_frames": 1},
    ),
}


def answer(sent: list[Wire | bytes]) -> Reply:
    return Reply([each if isinstance(each, bytes) else event(each) for each in sent])


async def check(client: anthropic.AsyncAnthropic, oddities: dict[str, int]) -> None:
    async with (sk.messages(client, **ASK, retry=sk.RetryPolicy(attempts=2)) | sk.text()).open() as run:
        assert "".join([piece async for piece in run]) == "Hello"
    outcome = run.outcome
    assert (outcome.kind, outcome.stop_reason, outcome.oddities) == ("complete", "end_turn", oddities)
    [message] = outcome.messages
    assert message.content[0].text == "Hello"  # type: ignore[union-attr]
    [attempt] = outcome.attempts
    assert attempt.oddities == oddities


every_oddity = pytest.mark.parametrize(("sent", "oddities"), ODD.values(), ids=ODD)


@every_oddity
async def test_an_odd_answer_is_whole(sent: list[Wire | bytes], oddities: dict[str, int]) -> None:
    async with FakeClaude(answer(sent)) as server:
        await check(server.client(), oddities)


@every_oddity
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_so_it_is_on_the_aiohttp_transport(sent: list[Wire | bytes], oddities: dict[str, int]) -> None:
    async with FakeClaude(answer(sent)) as server, sk.http_client(transport="aiohttp") as http_client:
        await check(server.client(http_client=http_client), oddities)


def created(client: anthropic.AsyncAnthropic) -> Any:
    return client.messages.create(**ASK, stream=True)


async def wrapped(client: anthropic.AsyncAnthropic) -> Any:
    """
    What is read through the SDK's own decoding, because somebody has a stream of a class of his own.
    """
    stream: Any = await created(client)
    base: Any = stream.__class__
    own: Any = type("Wrapped", (base,), {})
    return own(cast_to=stream._cast_to, response=stream.response, client=stream._client)


# Where the SDK's own iterators fail, those under them are left to the garbage collector; trio warns of it.
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
@pytest.mark.parametrize("give", [created, wrapped])
@pytest.mark.parametrize(
    "name",
    [
        "as documented",
        "OpenAI's end",
        "the beginning twice",
        "a null in a delta",
        "an error behind the message",
    ],
)
async def test_so_it_is_for_a_stream_of_the_sdk(give: Callable[[Any], Any], name: str) -> None:
    sent, oddities = ODD[name]
    async with FakeClaude(answer(sent)) as server:
        run = (sk.from_sdk(give(server.client())) | sk.text()).open()
        async with run:
            assert "".join([piece async for piece in run]) == "Hello"
    assert run.outcome.kind == "complete"
    gc.collect()  # what it warns of is of this test
    if not (give is wrapped and name == "OpenAI's end"):  # which the SDK skips, as a frame without a name
        assert run.outcome.oddities == oddities
