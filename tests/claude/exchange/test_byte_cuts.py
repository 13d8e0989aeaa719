"""
A body that is cut at any byte, on a real connection: in the middle of a character, of a line, of an event's JSON, or between a
frame and its blank line. What had come whole is given and nothing else, and the message is not called complete.

Natively on both event loops, and through the aiohttp transport. What a whole source makes of recordings that were cut is in
tests/conformance/test_every_byte.py, and what follows under each `resume` in its failure matrix.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import pytest

import streamkit as sk
from streamkit.events import to_dict
from streamkit.testing import Drop, FakeClaude, reply, text, thinking, tool_use
from tests.support.claude import ASK, finished
from tests.support.patience import patience
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import anthropic

    from streamkit._claude.transport.pooled_client import Transport

SAID: Final = "Ebbe früh: 🌊 um 5 €, Flut spät."
INPUT: Final = {"place": "Ærø", "sea": "海"}
ANSWER: Final = reply(thinking("Hm, 🌙."), text(SAID, chunk=3), tool_use("tides", INPUT, chunk=4))
BODY: Final = ANSWER.body


class Frame(NamedTuple):
    """
    Where a frame stands in the body.

    Attributes:
        start: Its first byte.
        data: The first byte of its data.
        end: The first byte behind its blank line.
    """

    start: int
    data: int
    end: int


FRAMES: Final = [
    Frame(match.start(), match.start(1), match.end())
    for match in re.finditer(rb"event: [a-z_]+\ndata: (.+)\n\n", BODY)
]


def inside_characters() -> Iterator[int]:
    """
    Behind each byte of a character but its last.
    """
    at = 0
    for character in BODY.decode():
        size = len(character.encode())
        yield from range(at + 1, at + size)
        at += size


CUTS: Final[dict[str, list[int]]] = {
    "in a character": [*inside_characters()],
    "in an event's name": [cut for frame in FRAMES for cut in range(frame.start + 1, frame.data)],
    "in an event's JSON": [cut for frame in FRAMES for cut in range(frame.data, frame.end - 2)],
    "before the blank line": [cut for frame in FRAMES for cut in (frame.end - 2, frame.end - 1)],
    "between two events": [frame.end for frame in FRAMES],
}

ENDS: Final = {"closed": (), "dropped": (Drop(),)}
AS_MANY: Final = examples(pr=6, full=10_000)
"""Cuts of each kind, for each of the ends, transports and event loops."""


def some(cuts: list[int]) -> list[int]:
    """
    Of many cuts as many as are tried, spread over all of the body.
    """
    return cuts[:: -(-len(cuts) // AS_MANY)]


class Expected:
    """
    What is right of the first `cut` bytes, found by splitting.
    """

    def __init__(self, cut: int) -> None:
        whole = [BODY[frame.data : frame.end] for frame in FRAMES if frame.end <= cut]
        self.events: list[dict[str, Any]] = [json.loads(data) for data in whole]
        deltas = [event["delta"] for event in self.events if event["type"] == "content_block_delta"]
        self.text: str = "".join(delta.get("text", "") for delta in deltas)
        kinds = [event["type"] for event in self.events]
        self.has_call: bool = kinds.count("content_block_stop") == 3
        self.is_whole: bool = "message_delta" in kinds


Connect: TypeAlias = "Callable[[FakeClaude], anthropic.AsyncAnthropic]"


@pytest.fixture(params=["httpx2", "aiohttp"])
def connect(request: pytest.FixtureRequest, anyio_backend_name: str) -> Connect:
    """
    Makes a client of either transport, which the server closes at its end.
    """
    transport: Transport = request.param
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")
        if anyio_backend_name == "trio":
            pytest.skip("aiohttp needs asyncio")
    return lambda server: server.client(http_client=sk.http_client(transport=transport))


def test_there_are_cuts_of_each_kind_in_each_part() -> None:
    assert b"".join(BODY[frame.start : frame.end] for frame in FRAMES) == BODY
    assert {1, 2, 3} <= {len(character.encode()) - 1 for character in BODY.decode() if ord(character) > 127}
    assert sorted({cut for cuts in CUTS.values() for cut in cuts}) == list(range(1, len(BODY) + 1))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", CUTS)
async def test_what_has_come_whole_is_given_and_nothing_else(kind: str, end: str, connect: Connect) -> None:
    cuts = some(CUTS[kind])
    async with FakeClaude(*(ANSWER.cut_bytes(cut, *ENDS[end]) for cut in cuts)) as server:
        chat = sk.messages(connect(server), **ASK, retry=sk.RetryPolicy(attempts=1), pings=True)
        for cut in cuts:
            await check(chat, cut, "truncated" if end == "closed" else "transport")
        assert len(server.requests) == len(cuts)
        with patience():
            for connection in server.connections[:-1]:
                await connection.closed.wait()


async def check(chat: sk.Stream[Any], cut: int, error_type: str) -> None:
    expected = Expected(cut)
    run = chat.open()
    given: list[Any] = []
    error: sk.StreamError | None = None
    try:
        with patience():
            async with run:
                async for event in run:
                    given.append(event)
    except sk.StreamTruncated as truncated:
        error = truncated
    outcome, message = run.outcome, run.outcome.message
    where = f"cut after {cut} bytes"
    assert [to_dict(event) for event in given] == expected.events, where
    assert "".join(sk.text().over(given)) == expected.text, where
    assert outcome.kind == ("complete" if expected.is_whole else "truncated"), where
    assert (error and error.type) == (None if expected.is_whole else error_type), where
    assert [call.input for call in outcome.tool_calls] == [INPUT] * expected.has_call, where
    assert (message is None) == (not expected.events), where
    if message is not None:
        said = "".join(block.text for block in message.content if block.type == "text")
        assert said == expected.text, where
    assert error is None or error.partial == message, where
    assert outcome.oddities == {}, where


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", CUTS)
async def test_the_answer_that_takes_its_place_has_every_character_once(
    kind: str, end: str, connect: Connect
) -> None:
    cuts = [cut for cut in some(CUTS[kind])[::4] if not Expected(cut).is_whole]
    answers = [each for cut in cuts for each in (ANSWER.cut_bytes(cut, *ENDS[end]), ANSWER)]
    async with FakeClaude(*answers) as server:
        policy = sk.RetryPolicy(attempts=2, base=0, resume="restart")
        chat = sk.messages(connect(server), **ASK, retry=policy) | sk.text(restarts=True)
        for cut in cuts:
            pieces: list[Any] = []
            run = await finished(chat, pieces)
            restarts = [at for at, piece in enumerate(pieces) if isinstance(piece, sk.Restarted)]
            counted = pieces[restarts[-1] + 1 :] if restarts else pieces
            assert "".join(counted) == SAID, f"cut after {cut} bytes"
            assert run.outcome.kind == "complete"


@pytest.mark.parametrize("size", examples(pr=[2, 7], full=[1, 2, 3, 7]))
async def test_a_body_that_comes_in_pieces_cut_anywhere_is_the_same(size: int, connect: Connect) -> None:
    async with FakeClaude(ANSWER.chunked(size)) as server:
        given: list[Any] = []
        run = await finished(sk.messages(connect(server), **ASK), given)
    assert [to_dict(event) for event in given] == ANSWER.events
    assert run.outcome.oddities == {}
