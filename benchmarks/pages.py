"""
What an event costs on its way to a page: told in the page's protocol, and as the bytes of a response.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamkit as sk
from streamkit.testing import Reply, reply, text, thinking, tool_use
from streamkit.ui import ag_ui, ai_sdk
from streamkit.ui.ag_ui._response import Frames
from streamkit.ui.ai_sdk._response import ChunkFraming

from .measure import Aim, Contender, Table, race
from .pydantic_ai_pages import PydanticAI, ag_ui_frames, vercel_ai_frames

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from streamkit._core.algebra import Operator, Stream
    from streamkit._serving.framing import Framing

__all__ = ["ag_ui_tables", "use_chat_tables"]

PIECES = 10_000
RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
EVENTS = "the events alone"
PYDANTIC_AI = "pydantic-ai, its adapter and encoding"
ABOVE = 3
"""Microseconds that an event may cost above the events alone."""

ANSWERS: dict[str, Reply] = {
    "text": reply(text("tide " * PIECES, chunk=5)),
    "thinking, text and a tool": reply(
        thinking("tide " * (PIECES // 3), chunk=5),
        text("tide " * (PIECES // 3), chunk=5),
        tool_use("look", {"tides": "tide " * (PIECES // 3)}, id="toolu_1", chunk=5),
    ),
}


@dataclass(frozen=True)
class Protocol:
    """
    What a page speaks.

    Attributes:
        name: Its name.
        operator: As the tables call what makes its items.
        tell: That operator.
        framing: How they are written.
        rival: How pydantic-ai writes its own events of an answer.
    """

    name: str
    operator: str
    tell: Callable[[], Operator[Any, Any]]
    framing: Callable[[], Framing]
    rival: Callable[[list[Any]], AsyncIterator[str]]

    @property
    def framed(self) -> str:
        """
        What the tables call all of it.
        """
        return f"streamkit, {self.operator} and framing"


USE_CHAT = Protocol("a useChat page", "chunks()", ai_sdk.chunks, ChunkFraming, vercel_ai_frames)
AG_UI = Protocol("an AG-UI client", "events()", partial(ag_ui.events, "thread", "run"), Frames, ag_ui_frames)


async def use_chat_tables(rounds: int) -> AsyncIterator[Table]:
    """
    As `_tables`, for the AI SDK's UI message stream.
    """
    async for table in _tables(USE_CHAT, rounds):
        yield table


async def ag_ui_tables(rounds: int) -> AsyncIterator[Table]:
    """
    As `_tables`, for AG-UI.
    """
    async for table in _tables(AG_UI, rounds):
        yield table


async def _tables(protocol: Protocol, rounds: int) -> AsyncIterator[Table]:
    """
    An answer of text, one of everything, and the recordings of real streams. Beside it pydantic-ai's adapter, which is given its
    own events of the same answers. At last the recordings once more, read from their bytes.
    """
    for name, answer in ANSWERS.items():
        yield await _in_memory(protocol, name, [answer], rounds)
    paths = [path for path in sorted(RECORDINGS.glob("*.sse")) if "spliced" not in path.name]
    if paths:
        yield await _in_memory(protocol, "recordings", [Reply.file(path) for path in paths], rounds)
        yield await _from_bytes(protocol, [path.read_bytes() for path in paths], rounds)


async def _in_memory(protocol: Protocol, name: str, answers: Sequence[Reply], rounds: int) -> Table:
    note, rival = "", None
    if find_spec("pydantic_ai") is None:
        note = "pydantic-ai is not installed."
    else:
        rival = await PydanticAI.of(answers)
        if left_out := len(answers) - len(rival.answers):
            note = f"pydantic-ai cannot read {left_out} of the answers, which are left out."
        answers = rival.answers
    events = [[sk.events.from_dict(event) for event in answer.events] for answer in answers]
    contenders = _contenders(protocol, [sk.from_iterable(each) for each in events])
    aims = [Aim(protocol.framed, EVENTS, above=ABOVE)]
    if rival is not None:
        contenders.append(Contender(PYDANTIC_AI, partial(rival.write, protocol.rival)))
        if len(events) == 1:  # of short answers, most is the run around them, which the rival is spared
            aims.append(Aim(protocol.framed, PYDANTIC_AI, at_least=4))
    count = sum(map(len, events))
    rows = await race(contenders, units=count, rounds=rounds)
    title = f"{count:,} events to {protocol.name}: {name}, in memory"
    return Table(title, "μs per event", rows, protocol.framed, aims, note)


async def _from_bytes(protocol: Protocol, recordings: Sequence[bytes], rounds: int) -> Table:
    streams: list[Stream[Any]] = []
    count = 0
    for recording in recordings:
        stream = sk.from_sse([recording])
        try:
            count += len(await stream.collect())
        except sk.StreamError:  # it is of an answer that was cut
            continue
        streams.append(stream)
    rows = await race(_contenders(protocol, streams), units=count, rounds=rounds)
    title = f"{count:,} events to {protocol.name}: recordings, from their bytes by from_sse()"
    aims = [Aim(protocol.framed, EVENTS, above=ABOVE)]
    return Table(title, "μs per event", rows, protocol.framed, aims)


def _contenders(protocol: Protocol, streams: Sequence[Stream[Any]]) -> list[Contender]:
    """
    The same streams, read to their ends: alone, told in the protocol, and written too.
    """

    async def read(tell: Callable[[Stream[Any]], Stream[Any]]) -> None:
        for stream in streams:
            async with tell(stream).open() as run:
                async for _ in run:
                    pass

    async def write() -> None:
        for stream in streams:
            frame = protocol.framing().item
            async with (stream | protocol.tell()).open() as run:
                async for item in run:
                    frame(item)

    alone: Callable[[], Awaitable[None]] = partial(read, lambda stream: stream)
    told: Callable[[], Awaitable[None]] = partial(read, lambda stream: stream | protocol.tell())
    return [
        Contender(EVENTS, alone),
        Contender(f"streamkit, {protocol.operator}", told),
        Contender(protocol.framed, write),
    ]
