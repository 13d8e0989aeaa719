"""
What any bytes cost: memory that is bounded, and work that grows as they do.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit._claude.exchange.continuation import continuation
from streamkit._claude.exchange.stitching import Stitching
from streamkit._claude.protocol import sse as wire
from streamkit._claude.protocol.attempt import Attempt
from streamkit._claude.protocol.events import from_dict
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.sse import MAX_FRAME, EventDecoder
from streamkit.testing import (
    PING,
    event,
    huge,
    reply,
    text,
    tool_use,
)
from tests.support.profiles import examples
from tests.support.work import TWICE, Feed, Kept, allocated, counting, in_chunks, work

from .reading import BOM, CITED, see

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# -- memory --------------------------------------------------------------------------------------------------

LIMIT = examples(pr=1 << 13, full=1 << 15)
SLACK = 8_000
"""Bytes that are there in any case."""

ENDLESS: dict[str, bytes] = {
    "one line": b"data: " + b"x" * 1000,
    "one line of text": b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"' + b"x" * 1000,
    "a name": b"event: " + b"x" * 1000,
    "many lines": b"data: x\n",
    "empty lines of data": b"data:\r\n",
    "comments": b":\r",
    "a field": b"x\n",
    "a character, cut": "🌊".encode(),
}  # fmt: skip
"""How frames go on that never end."""


def endless(name: str, size: int, total: int) -> Iterator[bytes]:
    """
    At least `total` bytes of a frame that does not end, in chunks of `size`.
    """
    unit = ENDLESS[name]
    block = unit * (1 + size // len(unit))
    at = sent = 0
    while sent < total:
        chunk = (block + block)[at : at + size]
        at = (at + size) % len(unit)
        sent += size
        yield chunk


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 1 << 17])
@pytest.mark.parametrize("name", ENDLESS)
def test_a_frame_that_never_ends_is_refused_at_its_limit_and_takes_no_more_memory(
    name: str, size: int
) -> None:
    chunks = endless(name, size, 2 * LIMIT)
    decoder = EventDecoder(max_frame=LIMIT)
    fed = 0
    tracemalloc.start()
    try:
        while decoder.error is None:
            chunk = next(chunks)
            fed += len(chunk)
            assert decoder.feed(chunk) == []
        peak = tracemalloc.get_traced_memory()[1]
        assert isinstance(decoder.error, sk.GrammarError)
        assert str(decoder.error) == f"frame 1 is larger than {LIMIT} bytes"
        # A CR and LF count as one; the last line's own end may be in it.
        written = 7 / 6 if name == "empty lines of data" else 1
        assert LIMIT * written <= fed <= (LIMIT + 2) * written + size
        assert peak < 1.5 * LIMIT + 4 * size + SLACK
        for chunk in chunks:
            assert decoder.feed(chunk) == []
        assert tracemalloc.get_traced_memory()[0] < 2 * size + SLACK, "what was refused is let go"
    finally:
        tracemalloc.stop()


async def test_the_limit_is_64_mib_and_one_byte_more_is_refused() -> None:
    megabyte = b"x" * (1 << 20)
    given = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal given
        yield event({"type": "aside"}) + b": "
        while True:
            given += 1
            yield megabyte

    tracemalloc.start()
    try:
        seen = await see(sk.from_sse(body))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert MAX_FRAME == 64 << 20
    assert seen.error == f"GrammarError: frame 2 is larger than {MAX_FRAME} bytes"
    assert [each["type"] for each in seen.events] == ["aside"]
    assert given == 64, "nothing is read after that"
    assert peak < 1.5 * MAX_FRAME
    start = b'data: {"type":"aside","text":"'
    text_ = b"x" * (MAX_FRAME - len(start) - 2)
    for more, error in ((b"", "StreamTruncated"), (b"x", "GrammarError: frame 1 is larger")):
        seen = await see(sk.from_sse([start, text_, more, b'"}\n', b"\n"]))
        assert seen.error is not None
        assert seen.error.startswith(error)
        assert len(seen.events) == (not more)


LARGE: dict[str, bytes] = {
    "text": huge(LIMIT),
    "lines of data": b'data: {"type":"ping"\n' + b"data: \n" * (LIMIT // 7) + b"data: }\n\n",
    "comments": b":\n" * (LIMIT // 2) + PING,
    "fields": b"ab\n" * (LIMIT // 3) + PING,
}


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 16])
@pytest.mark.parametrize("name", LARGE)
def test_a_large_frame_takes_a_small_multiple_of_its_bytes(name: str, size: int) -> None:
    frame = LARGE[name]
    decoder = EventDecoder()
    events = decoder.feed(PING)
    tracemalloc.start()
    try:
        for at in range(0, len(frame), size):
            events += decoder.feed(frame[at : at + size])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(events) == 2
    # The chunk, what was kept, both joined, the frame, its data, and the text.
    assert peak < 6.5 * len(frame) + SLACK


# -- time: counted, not measured -----------------------------------------------------------------------------


METERS = [work, allocated]
SIZES = examples(pr=(200, 400, 800), full=(400, 800, 1600))
"""How much of something there is, each twice as much as the one before."""
DELTA = event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}})
MESSAGE = reply(text("x")).body
LINES = b'data: {"type":"ping"\n%bdata: }\n\n'

MANY: dict[str, Callable[[int], list[bytes]]] = {
    "one huge frame in small chunks": lambda n: in_chunks(16, huge(16 * n)),
    "one huge frame, a byte at a time": lambda n: in_chunks(1, huge(n)),
    "one huge frame of characters that are cut": lambda n: in_chunks(7, huge(n).replace(b"x", "🌊".encode())),
    "a frame that does not end": lambda n: in_chunks(7, b"data: " + b"x" * 7 * n),
    "many small frames, one to a chunk": lambda n: [DELTA] * n,
    "many small frames in one chunk": lambda n: [DELTA * n],
    "many small frames, cut": lambda n: in_chunks(7, DELTA * (n // 8)),
    "many small frames with CRLF, cut": lambda n: in_chunks(7, DELTA.replace(b"\n", b"\r\n") * (n // 8)),
    "many pings in one chunk": lambda n: [PING * n],
    "many comments": lambda n: in_chunks(7, b":\n\n" * n),
    "many messages in one chunk": lambda n: [MESSAGE * (n // 8)],
    "many messages, cut": lambda n: in_chunks(16, MESSAGE * (n // 32)),
    "one frame of many lines of data": lambda n: in_chunks(16, LINES % (b"data:  \n" * n)),
    "one frame of many lines of data in one chunk": lambda n: [LINES % (b"data:  \n" * n)],
    "one frame of many lines of data, a byte at a time": lambda n: in_chunks(1, LINES % (b"data:\n" * n)),
    "one frame of many comments": lambda n: in_chunks(7, b":\n" * n + PING),
    "one frame of many names": lambda n: in_chunks(7, b"event: x\n" * n + PING),
    "LFs alone": lambda n: in_chunks(7, b"\n" * 7 * n),
    "CRs alone in one chunk": lambda n: [b"\r" * n],
    "CRs alone, one at a time": lambda n: [b"\r"] * n,
    "CRs alone, two at a time": lambda n: [b"\r\r"] * n,
    "CRs alone, seven at a time": lambda n: [b"\r" * 7] * n,
    "CRLFs, cut": lambda n: in_chunks(7, b"\r\n" * 7 * n),
    "CRs in a frame that does not end": lambda n: in_chunks(3, b":\r" * n),
    "chunks without bytes": lambda n: [b"data: {", *[b""] * n],
    "BOMs": lambda n: in_chunks(1, BOM * n),
    "fields that nobody knows": lambda n: [
        event({"type": "ping", f"field {number % 200}": 1}) for number in range(n)
    ],
    "events that nobody knows": lambda n: [event({"type": f"aside {number}"}) for number in range(n)],
    "what is no JSON to the fast decoder": lambda n: [
        event({"type": "aside", "text": "\ud83d" * 9})
    ] * (n // 4),
}  # fmt: skip
"""Much of each kind, so much that the work doubles with `n`."""


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("name", MANY)
def test_twice_as_much_takes_twice_the_work(
    name: str, meter: Callable[[Feed, list[bytes]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "bytearray", Kept, raising=False)
    meter(EventDecoder().feed, MANY[name](SIZES[0]))  # whatever is made once
    few, more, many = (meter(EventDecoder().feed, MANY[name](n)) for n in SIZES)
    assert more < TWICE * few
    assert many < TWICE * more


class Copying:
    def __init__(self) -> None:
        self.kept = b""

    def feed(self, chunk: bytes) -> None:
        self.kept = self.kept + chunk


class Searching:
    def __init__(self) -> None:
        self.kept = Kept()

    def feed(self, chunk: bytes) -> None:
        self.kept += chunk
        self.kept.find(b"\n\n")


class Asking(Searching):
    def feed(self, chunk: bytes) -> None:
        self.kept += chunk
        self.found = self.kept.__contains__(b"\n\n")


class Retrying(Searching):
    def feed(self, chunk: bytes) -> None:
        self.kept += chunk
        self.copied = bytes(self.kept)


@pytest.mark.parametrize(
    ("decoder", "meter"), [(Copying, allocated), (Searching, work), (Asking, work), (Retrying, allocated)]
)
def test_the_meters_see_what_is_quadratic(
    decoder: Callable[[], Any], meter: Callable[[Feed, list[bytes]], int]
) -> None:
    few, more = (meter(decoder().feed, in_chunks(16, huge(16 * n))) for n in (400, 800))
    assert more > 3 * few


def test_the_decoder_keeps_bytes_where_they_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "bytearray", Kept, raising=False)
    work(EventDecoder().feed, in_chunks(16, huge(1600)))
    assert 1600 < Kept.gone_through < 16_000


RUNS: dict[str, Callable[[int], list[bytes]]] = {
    **{name: MANY[name] for name in MANY if "small" in name or "messages" in name or "nobody" in name},
    "many messages in one read": lambda n: [MESSAGE * (n // 8)],
    "many blocks": lambda n: [reply(*[text("x")] * n).body],
    "many pieces of a tool's input": lambda n: in_chunks(100, reply(tool_use("go", "[" * n, chunk=1)).body),
    "many citations": lambda n: [reply(text("x", citations=[CITED] * n)).body],
}


@pytest.mark.pure
@pytest.mark.parametrize("name", RUNS)
async def test_twice_as_much_takes_a_run_twice_the_work(name: str) -> None:
    async def counted(n: int) -> int:
        chunks = RUNS[name](n)
        with counting() as counted:
            await see(sk.from_sse(chunks))
        return counted[0]

    await counted(SIZES[0])
    few, more, many = [await counted(n) for n in SIZES]
    assert more < TWICE * few
    assert many < TWICE * more


SEAMS: dict[str, tuple[str, Callable[[int], tuple[str, list[str]]]]] = {
    "pieces without text": ("claude-sonnet-5", lambda n: ("All the tides.", [""] * n)),
    "white space that was not shown": ("claude-haiku-4-5", lambda n: (" " * n, [" "] * n)),
    "a repetition": ("claude-sonnet-5", lambda n: ("All the tides. " * n, ["All the tides. "] * n)),
}


@pytest.mark.parametrize(("model", "said"), SEAMS.values(), ids=SEAMS)
def test_twice_as_much_at_a_seam_takes_twice_the_work(
    model: str, said: Callable[[int], tuple[str, list[str]]]
) -> None:
    def counted(n: int) -> int:
        before, after = said(n)
        message = MessageBuilder()
        message.take(map(from_dict, reply(text("Well: " + before, closed=False), end="content").events))
        asked = continuation(message, {"model": model, "messages": []})
        stitching = Stitching(asked, Attempt(2), lambda: message.usage)
        events = [from_dict(each) for each in reply(text(*after, "So.")).events]
        with counting() as counted:
            for each in events:
                stitching.add([each])
        return counted[0]

    few, more, many = (counted(n) for n in (200, 400, 800))
    assert more < TWICE * few
    assert many < TWICE * more
