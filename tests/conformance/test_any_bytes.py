"""
Any bytes at all, cut anywhere: events and then an end, or a `StreamError`; in memory that is bounded, and in linear time.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import streamkit as sk
from streamkit._claude.exchange.continuation import continuation
from streamkit._claude.exchange.stitching import Stitching
from streamkit._claude.protocol import sse as wire
from streamkit._claude.protocol.attempt import Attempt
from streamkit._claude.protocol.events import from_dict, to_dict
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.sse import MAX_FRAME, EventDecoder
from streamkit.testing import (
    GARBAGE,
    PING,
    ErrorEvent,
    Reply,
    event,
    huge,
    reindexed,
    reply,
    swapped,
    text,
    thinking,
    tool_use,
    without,
)
from streamkit.testing._fake_claude.frames import dumps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterable, Iterator
    from types import FrameType

CITED = {"type": "char_location", "cited_text": "tide", "document_index": 0}
FOUND: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
REPLIES = [
    reply(text("Hello", " wörld 🌊")),
    reply(thinking("Hm. Hm.", chunk=3), text("So it is.", chunk=4), tool_use("go", {"to": [1, None]}, chunk=5)),
    reply(text("Cited", citations=[CITED]), tool_use("search", type="server_tool_use"), FOUND, text("so")),
    reply({"type": "redacted_thinking", "data": "x"}, {"type": "compaction", "content": "all"}, usage={"sips": 2}),
    reply(text("No"), stop_reason="refusal", stop_details={"type": "refusal", "category": "x"}),
    reply(),
]  # fmt: skip
GARBAGES = [frame for name, frame in GARBAGE.items() if name != "too-deep"]

EXAMPLES = 75

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


# -- what is drawn --------------------------------------------------------------------------------------------

BOM = b"\xef\xbb\xbf"
DATA_ALONE = b'data: {"type":"ping"}\n\n'
PIECES: list[bytes] = [
    b"\n", b"\r", b"\r\n", b"\n\n", BOM, b":", b" ", b"data", b"data:", b"data: ", b"event: ", b"id: 1",
    b"event: error", b"event: content_block_delta\ndata: ", b"{", b"}", b"[", b'"', b"null", b"1e999", b"-0", b"NaN",
    b"\x00", b"\xff", b"\xe2\x80\xa8", b'{"type":"ping"}', b'{"type":"message_stop"}', DATA_ALONE, ErrorEvent().frame,
    *GARBAGES, *(event(each) for answer in REPLIES for each in answer.events),
]  # fmt: skip
"""Bytes of all kinds, and the events of real messages."""

pieces = st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))

JUNK: list[Any] = [
    None, True, 0, -1, 2**70, 1e308, 0.5, "", "x", "text", "\ud83d", "tool_use", [], [None], {}, {"type": "x"},
    {"type": 1}, {"type": "text", "text": "y"}, [{"type": "text", "text": "z"}], {"type": "tool_use"}, {"to": 1},
]  # fmt: skip
NAMES = [
    "", "a b", '"', "\n", "ü", "items", "get", "class", "__class__", "__init__", "_x", "field_0", "self", "type",
    "text", "index", "usage", "content", "stop_reason", "model", "input", "citations", "unknown_deltas", "role",
]  # fmt: skip


def is_a(value: object, kind: type) -> bool:
    """
    As `isinstance`, but for type checkers the value stays anything.
    """
    return isinstance(value, kind)


def keys_of(value: Any) -> list[Any] | None:
    """
    The keys of a JSON object, or the indices of a list.
    """
    if is_a(value, dict):
        return list(value)
    return list(range(len(value))) if is_a(value, list) else None


def places(value: Any) -> Iterator[Any]:
    """
    Every object and list in a JSON value.
    """
    keys = keys_of(value)
    if keys is not None:
        yield value
        for key in keys:
            yield from places(value[key])


def change(draw: st.DrawFn, value: Any) -> None:
    """
    Give one of the fields somewhere in an event another value, or take it away, or add one.
    """
    place: Any = draw(st.sampled_from(list(places(value))))
    keys = keys_of(place)
    if is_a(place, dict) and (not keys or draw(st.booleans())):
        place[draw(st.sampled_from(NAMES))] = draw(st.sampled_from(JUNK))
    elif keys:
        key = draw(st.sampled_from(keys))
        if draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(st.sampled_from(JUNK))


@st.composite
def edited(draw: st.DrawFn) -> bytes:
    """
    A message in which events are missing, come twice or elsewhere, or have other fields or indices.
    """
    answer: Reply = draw(st.sampled_from(REPLIES))
    for _ in range(draw(st.integers(0, 2))):
        if len(answer.steps) < 2:
            break
        numbers = st.integers(-1, len(answer.steps) - 1)
        match draw(st.sampled_from(["without", "swapped", "reindexed"])):
            case "without":
                answer = without(answer, draw(st.sampled_from(answer.events))["type"])
            case "swapped":
                answer = swapped(answer, draw(numbers), draw(numbers))
            case _ if indices := sorted({each["index"] for each in answer.events if "index" in each}):
                answer = reindexed(answer, {draw(st.sampled_from(indices)): draw(st.integers(-1, 3))})
            case _:
                pass
    events: list[dict[str, Any]] = answer.events
    for _ in range(draw(st.integers(0, 2))):
        again = draw(st.sampled_from(events or [{"type": "ping"}]))
        events.insert(draw(st.integers(0, len(events))), deepcopy(again))
    frames: list[bytes] = []
    changed = draw(st.sets(st.integers(0, len(events)), max_size=3))
    for number, fields in enumerate(events):
        frame = event(fields)
        if number in changed:
            change(draw, fields)
            frame = b"%b\ndata: %b\n\n" % (frame.split(b"\n")[0], dumps(fields))
        frames.append(frame)
    if draw(st.booleans()):
        frames = [frame[frame.index(b"data: ") :] for frame in frames]
    return b"".join(frames)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """
    The frames of a message, with garbage between them and bytes changed in them.
    """
    answer: Reply = draw(st.sampled_from(REPLIES))
    for frame in draw(
        st.lists(st.sampled_from([PING, ErrorEvent().frame, huge(100), *GARBAGES]), max_size=2)
    ):
        answer = answer.insert(draw(st.integers(0, len(answer.steps))), frame)
    body = bytearray(answer.body)
    for _ in range(draw(st.integers(0, 3))):
        at, size = draw(st.integers(0, len(body) - 1)), draw(st.integers(0, 12))
        match draw(st.sampled_from(["changed", "lost", "twice", "cut"])):
            case "changed":
                body[at : at + size] = draw(pieces)
            case "lost":
                del body[at + 1 : at + size]
            case "twice":
                body[at:at] = body[at : at + size]
            case _:
                del body[at + 1 :]
    return bytes(body)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """
    Anything, with any line ends, perhaps behind a mark of the byte order.
    """
    parts = draw(st.lists(st.one_of(st.binary(max_size=50), pieces, edited(), damaged()), max_size=5))
    body = b"".join([draw(st.sampled_from([b"", b"", b"", BOM, BOM[:2]])), *parts])
    return body.replace(b"\n", draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r"])))


def cut(body: bytes, places: Iterable[float]) -> list[bytes]:
    """
    The same bytes, cut at these places, of which 0 is the beginning and 1 the end; a place that comes twice gives b"".
    """
    at = sorted([0, len(body), *(round(place * len(body)) for place in places)])
    return [body[a:b] for a, b in pairwise(at)]


cuts = st.lists(st.floats(0, 1), max_size=12)


# -- whatever comes ------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """
    What came of some bytes.
    """

    events: list[dict[str, Any]]
    kind: str
    error: str | None


async def see(stream: sk.Stream[Any]) -> Seen:
    """
    Read to the end. Whatever is raised that is no `StreamError` comes out, and so does what the outcome raises.
    """
    run = stream.open()
    events: list[dict[str, Any]] = []
    caught: sk.StreamError | None = None
    with anyio.fail_after(30):
        try:
            async with run:
                async for item in run:
                    events.append(to_dict(item))
        except sk.StreamError as error:
            caught = error
    check_outcome(run.outcome, caught)
    return Seen(events, run.outcome.kind, None if caught is None else f"{type(caught).__name__}: {caught}")


def check_outcome(outcome: sk.Outcome, error: sk.StreamError | None) -> None:
    """
    All that an outcome tells can be asked for, and holds together, whatever has come.
    """
    failed = "truncated" if isinstance(error, sk.StreamTruncated) else "failed"
    assert (outcome.kind, outcome.error) == ("complete" if error is None else failed, error)
    dumped = [message.to_dict(warnings=False) for message in outcome.messages]
    last = outcome.message
    assert (last and last.to_dict(warnings=False)) == (dumped[-1] if dumped else None)
    assert error is None or error.partial == last
    assert all(isinstance(call.input, dict) for call in outcome.tool_calls)
    assert isinstance(to_dict(outcome.usage), dict)
    assert (outcome.request_id, list(outcome.attempts)) == (None, [])
    if last is not None:
        assert last.stop_reason == outcome.stop_reason


def a_byte_at_a_time(body: bytes) -> list[bytes]:
    return [body[at : at + 1] for at in range(len(body))]


@fuzz
@given(body=bodies(), places=cuts)
async def test_any_bytes_are_events_and_an_end_or_a_stream_error_however_they_are_cut(
    body: bytes, places: list[float]
) -> None:
    seen = await see(sk.from_sse(body))
    assert await see(sk.from_sse(cut(body, places))) == seen
    # As a connection gives them: a frame at a time.
    assert await see(sk.from_sse(lambda: as_they_come(before_each(b"event: ", body)))) == seen
    if len(body) < 2_000:
        assert await see(sk.from_sse(a_byte_at_a_time(body))) == seen


def before_each(word: bytes, body: bytes) -> list[bytes]:
    first, *others = body.split(word)
    return [first, *(word + other for other in others)]


async def as_they_come(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        await anyio.lowlevel.checkpoint()
        yield chunk


def decoded(chunks: Iterable[bytes]) -> tuple[list[Any], str]:
    decoder = EventDecoder()
    events = [item for chunk in chunks for item in decoder.feed(chunk)]
    decoder.end()
    return events, repr(decoder.error)


def test_any_two_pieces_are_the_same_together_and_one_after_the_other() -> None:
    for first, second in product(PIECES, PIECES):
        body = first + second + DATA_ALONE
        together = decoded([body])
        assert decoded([first, second, DATA_ALONE]) == together, (first, second)
        if len(body) < 100:
            assert decoded(a_byte_at_a_time(body)) == together, (first, second)


def each_field(value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """
    For each field anywhere in an event, its path, what it is in, and its key.
    """
    for key in keys_of(value) or ():
        yield f"{path}.{key}", value, key
        yield from each_field(value[key], f"{path}.{key}")


def with_each_field_changed(events: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """
    The message with any one field missing, or of any other value.
    """
    frames = [event(fields) for fields in events]
    done: set[str] = set()
    for number, fields in enumerate(events):
        name = fields["type"].encode()
        kind = fields.get("delta", fields.get("content_block", {})).get("type", "")
        for path, place, key in list(each_field(fields, f"{fields['type']} {kind}")):
            if path in done:
                continue
            done.add(path)
            value = place[key]
            for other in JUNK:
                place[key] = other
                frame = b"event: %b\ndata: %b\n\n" % (name, dumps(fields))
                yield f"{path} = {other!r}", b"".join([*frames[:number], frame, *frames[number + 1 :]])
            place[key] = value


@pytest.mark.parametrize("answer", REPLIES, ids=range(len(REPLIES)))
async def test_any_value_of_any_field_is_an_event_or_a_stream_error(answer: Reply) -> None:
    for what, body in with_each_field_changed(answer.events):
        try:
            await see(sk.from_sse(body))
        except Exception as error:
            pytest.fail(f"{what}: {error!r}")


OPERATORS: list[sk.Operator[Any, Any]] = [
    sk.text(), sk.thinking(), sk.tool_calls(), sk.tool_calls(broken="emit", server=True, when="message"),
    sk.citations(), sk.usage(), sk.blocks(),
    sk.split(text=sk.text(), calls=sk.tool_calls(broken="skip")), sk.only("text_delta"), sk.validate(), sk.meter(),
    sk.throttle(0.001), sk.smooth("word"), sk.text() | sk.until("or"), sk.tee(sk.sinks.collect()),
]  # fmt: skip


@fuzz
@given(body=bodies(), operator=st.sampled_from(OPERATORS))
async def test_so_do_operators_end_whatever_comes(body: bytes, operator: sk.Operator[Any, Any]) -> None:
    run = (sk.from_sse(body) | operator).open()
    with anyio.fail_after(30):
        try:
            async with run:
                async for _ in run:
                    pass
        except sk.StreamError:
            pass
    assert (run.outcome.kind == "complete") is (run.outcome.error is None)
    assert run.outcome.kind in {"complete", "truncated", "failed"} or run.outcome.stopped_by == "until"


@fuzz
@given(body=bodies())
async def test_so_does_the_sink_of_messages(body: bytes) -> None:
    with anyio.fail_after(30):
        try:
            message = await (sk.from_sse(body) | sk.sinks.message())
        except sk.StreamError:
            return
    message.to_dict(warnings=False)


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_named_by_its_frame_and_never_quoted(name: str) -> None:
    seen = await see(sk.from_sse(REPLIES[0].insert(3, GARBAGE[name]).body))
    if name == "noise":  # a field that nobody knows
        assert seen == await see(sk.from_sse(REPLIES[0].body))
    else:
        assert (len(seen.events), seen.kind) == (3, "failed")
        assert seen.error is not None
        assert seen.error.startswith("GrammarError: frame 4: ")
        assert len(seen.error) < 150


# -- memory --------------------------------------------------------------------------------------------------

LIMIT = 1 << 15
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


class Kept(bytearray):
    """
    Counts the bytes that operators go through; those of methods are seen by the profiler.
    """

    gone_through = 0

    def __contains__(self, part: Any) -> bool:
        Kept.gone_through += len(self)
        return super().__contains__(part)

    def __getitem__(self, at: Any) -> Any:
        Kept.gone_through += len(range(*at.indices(len(self)))) if is_a(at, slice) else 1
        return super().__getitem__(at)  # pyright: ignore[reportUnknownVariableType]

    def __delitem__(self, at: Any) -> None:
        Kept.gone_through += len(self)
        super().__delitem__(at)

    def __iadd__(self, more: Any) -> Self:
        Kept.gone_through += len(more)
        return super().__iadd__(more)

    def __add__(self, more: Any) -> bytearray:
        Kept.gone_through += len(self) + len(more)
        return super().__add__(more)

    def __eq__(self, other: object) -> bool:
        Kept.gone_through += len(self)
        return super().__eq__(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]


@contextmanager
def counting() -> Generator[list[int]]:
    """
    Count the calls of functions, Python's and C's, and the bytes and characters that methods of their strings go through.
    """
    counted = [0]

    def count(frame: FrameType, kind: str, function: Any) -> None:
        if kind == "call":
            counted[0] += 1
        elif kind == "c_call" and not frame.f_code.co_qualname.startswith("Kept."):
            of = getattr(function, "__self__", None)
            counted[0] += 1 + (len(of) if isinstance(of, bytes | bytearray | str) else 0)

    Kept.gone_through = 0
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(None)
        counted[0] += Kept.gone_through


Feed = Callable[[bytes], object]


def work(feed: Feed, chunks: list[bytes]) -> int:
    with counting() as counted:
        for chunk in chunks:
            feed(chunk)
    return counted[0]


def allocated(feed: Feed, chunks: list[bytes]) -> int:
    """
    Bytes that were allocated at the same time within each call, added up: whoever copies what is kept at each call shows.
    """
    total = 0
    tracemalloc.start()
    try:
        for chunk in chunks:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            feed(chunk)
            total += tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return total


METERS = [work, allocated]
TWICE = 2.25
"""How much more twice as much may take: a little is left for what grows in steps."""


def in_chunks(size: int, body: bytes) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


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
    meter(EventDecoder().feed, MANY[name](400))  # whatever is made once
    few, more, many = (meter(EventDecoder().feed, MANY[name](n)) for n in (400, 800, 1600))
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


@pytest.mark.parametrize("name", RUNS)
async def test_twice_as_much_takes_a_run_twice_the_work(name: str) -> None:
    async def counted(n: int) -> int:
        chunks = RUNS[name](n)
        with counting() as counted:
            await see(sk.from_sse(chunks))
        return counted[0]

    await counted(400)
    few, more, many = [await counted(n) for n in (400, 800, 1600)]
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
