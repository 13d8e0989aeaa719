"""
What an event costs on its way to a `useChat` page: as chunks, and as the bytes of a response.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import streamkit as sk
from streamkit.testing import FakeClaude, Reply, reply, text, thinking, tool_use
from streamkit.ui import ai_sdk
from streamkit.ui.ai_sdk._response import ChunkFraming

from .measure import Aim, Contender, Table, race

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["tables"]

PIECES = 10_000
RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
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
    An answer of text, one of everything, and the recordings of real streams. Beside it pydantic-ai's adapter, which is given its
    own events of the same answers.
    """
    for name, answer in ANSWERS.items():
        yield await _table(name, [answer], rounds)
    paths = [path for path in sorted(RECORDINGS.glob("*.sse")) if "spliced" not in path.name]
    if recordings := [Reply.file(path) for path in paths]:
        yield await _table("recordings", recordings, rounds)


async def _table(name: str, answers: Sequence[Reply], rounds: int) -> Table:
    note = "The aim is 3 μs above the events alone on a quiet machine."
    rival = None
    if find_spec("pydantic_ai") is None:
        note += " pydantic-ai is not installed."
    else:
        rival = await PydanticAI.of(answers)
        if left_out := len(answers) - len(rival.answers):
            note += f" pydantic-ai cannot read {left_out} of the answers, which are left out."
        answers = rival.answers
    streams = [[sk.events.from_dict(event) for event in answer.events] for answer in answers]

    async def alone() -> None:
        for events in streams:
            await sk.from_iterable(events).collect()

    async def as_chunks() -> None:
        for events in streams:
            await (sk.from_iterable(events) | ai_sdk.chunks()).collect()

    async def as_frames() -> None:
        for events in streams:
            frame = ChunkFraming().item
            async with (sk.from_iterable(events) | ai_sdk.chunks()).open() as run:
                _ = [frame(chunk) async for chunk in run]

    contenders = [Contender(EVENTS, alone), Contender(CHUNKS, as_chunks), Contender(FRAMES, as_frames)]
    aims: list[Aim] = []
    if rival is not None:
        contenders.append(Contender(PYDANTIC_AI, rival.run))
        aims.append(Aim(FRAMES, PYDANTIC_AI, at_least=4))
    rows = await race(contenders, units=sum(map(len, streams)), rounds=rounds)
    title = f"{sum(map(len, streams)):,} events to a page: {name}, in memory"
    return Table(title, "μs per event", rows, FRAMES, aims, note)


class PydanticAI:
    """
    What pydantic-ai does with its own events of answers, which are made beforehand.

    Attributes:
        answers: Those that it can read.
    """

    def __init__(self) -> None:
        self.answers: list[Reply] = []
        self._events: list[list[Any]] = []

    @classmethod
    async def of(cls, answers: Sequence[Reply]) -> Self:
        """
        Have it read answers.
        """
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest, UserPromptPart
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        made = cls()
        question = ModelRequest(parts=[UserPromptPart("Hi")])
        async with FakeClaude(*answers) as server:
            provider = AnthropicProvider(anthropic_client=server.client())
            model = AnthropicModel("claude-sonnet-5", provider=provider)
            for answer in answers:
                try:
                    async with model_request_stream(model, [question]) as stream:
                        events = [event async for event in stream]
                except Exception:
                    continue
                made.answers.append(answer)
                made._events.append(events)
        return made

    async def run(self) -> None:
        """
        Have it write its chunks.
        """
        from pydantic_ai.ui.vercel_ai import VercelAIEventStream
        from pydantic_ai.ui.vercel_ai.request_types import SubmitMessage

        for events in self._events:
            shown = VercelAIEventStream[Any, Any](SubmitMessage(id="chat", messages=[]), sdk_version=6)
            _ = [frame async for frame in shown.encode_stream(shown.transform_stream(given(events)))]


async def given(events: list[Any]) -> AsyncIterator[Any]:
    for event in events:
        yield event
