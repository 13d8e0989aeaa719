"""
What an event costs on its way to a `useChat` page: as chunks, and as the bytes of a response.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import streamkit as sk
from streamkit.testing import FakeClaude, reply, text, thinking, tool_use
from streamkit.ui import ai_sdk
from streamkit.ui.ai_sdk._response import _Chunks  # the framing of the response

from .measure import Aim, Contender, Table, race

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamkit.testing import Reply

__all__ = ["tables"]

PIECES = 10_000
EVENTS = "the events alone"
CHUNKS = "streamkit, chunks()"
FRAMES = "streamkit, chunks() and framing"
PYDANTIC_AI = "pydantic-ai, its adapter and encoding"

ANSWERS: dict[str, Reply] = {
    "text": reply(text("tide " * PIECES, chunk=5)),
    "thinking, text and a tool": reply(
        thinking("tide " * (PIECES // 3), chunk=5),
        text("tide " * (PIECES // 3), chunk=5),
        tool_use("look", {"tides": "tide " * (PIECES // 3)}, id="toolu_1", chunk=5),
    ),
}


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    An answer of text, and one of everything. Beside it pydantic-ai's adapter, which is given its own events of the same answer.
    """
    for name, answer in ANSWERS.items():
        yield await _table(name, answer, rounds)


async def _table(name: str, answer: Reply, rounds: int) -> Table:
    events = [sk.events.from_dict(event) for event in answer.events]
    stream = sk.from_iterable(events)

    async def alone() -> list[Any]:
        return await stream.collect()

    async def as_chunks() -> list[Any]:
        return await (stream | ai_sdk.chunks()).collect()

    async def as_frames() -> list[bytes]:
        frame = _Chunks().item
        async with (stream | ai_sdk.chunks()).open() as run:
            return [frame(chunk) async for chunk in run]

    contenders = [
        Contender(EVENTS, alone, lambda got: "".join(sk.text().over(got))),
        Contender(CHUNKS, as_chunks, text_in_chunks),
        Contender(FRAMES, as_frames, text_in_frames),
    ]
    note = "The aim is 3 μs above the events alone on a quiet machine."
    if find_spec("pydantic_ai") is None:
        note += " pydantic-ai is not installed."
    else:
        contenders.append(Contender(PYDANTIC_AI, await pydantic_ai(answer), text_in_frames))
    rows = await race(contenders, units=len(events), rounds=rounds)
    aims = [Aim(FRAMES, PYDANTIC_AI, at_least=4)] if len(contenders) > 3 else []
    title = f"{len(events):,} events to a page: {name}, in memory"
    return Table(title, "μs per event", rows, FRAMES, aims, note)


def text_in_chunks(chunks: list[dict[str, Any]]) -> str:
    """
    The text that a page shows.
    """
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


def text_in_frames(frames: list[bytes] | list[str]) -> str:
    """
    The same of the bytes of a response.
    """
    data = [frame if isinstance(frame, str) else frame.decode() for frame in frames]
    return text_in_chunks(
        [json.loads(each.removeprefix("data: ")) for each in data if not each.startswith("data: [DONE]")]
    )


async def pydantic_ai(answer: Reply) -> Callable[[], Awaitable[list[str]]]:
    """
    What pydantic-ai does with its own events of an answer, which are made beforehand.
    """
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest, UserPromptPart
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.ui.vercel_ai import VercelAIEventStream
    from pydantic_ai.ui.vercel_ai.request_types import SubmitMessage

    async with FakeClaude(answer) as server:
        provider = AnthropicProvider(anthropic_client=server.client())
        model = AnthropicModel("claude-sonnet-5", provider=provider)
        question = ModelRequest(parts=[UserPromptPart("Hi")])
        async with model_request_stream(model, [question]) as stream:
            events = [event async for event in stream]

    async def given() -> AsyncIterator[Any]:
        for event in events:
            yield event

    async def run() -> list[str]:
        shown = VercelAIEventStream[Any, Any](SubmitMessage(id="chat", messages=[]), sdk_version=6)
        return [frame async for frame in shown.encode_stream(shown.transform_stream(given()))]

    return run
