"""
Any bytes at all, cut anywhere: events and then an end, or a `StreamError`.

`test_bounded_bytes.py` has what that costs.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import streamkit as sk
from streamkit._claude.protocol.sse import EventDecoder
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
from tests.support.claude import outcome_of
from tests.support.patience import patience
from tests.support.profiles import examples
from tests.support.work import is_a

from .reading import BOM, CITED, see

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

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

EXAMPLES = examples(pr=30, full=75)

fuzz = settings(
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


# -- what is drawn --------------------------------------------------------------------------------------------

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
EVERY = examples(pr=3, full=1)
"""Of the junk, each field gets one in so many, and the next field the next."""

NAMES = [
    "", "a b", '"', "\n", "ü", "items", "get", "class", "__class__", "__init__", "_x", "field_0", "self", "type",
    "text", "index", "usage", "content", "stop_reason", "model", "input", "citations", "unknown_deltas", "role",
]  # fmt: skip


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
            for other in JUNK[len(done) % EVERY :: EVERY]:
                place[key] = other
                frame = b"event: %b\ndata: %b\n\n" % (name, dumps(fields))
                yield f"{path} = {other!r}", b"".join([*frames[:number], frame, *frames[number + 1 :]])
            place[key] = value


@pytest.mark.pure
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
    outcome = await outcome_of(sk.from_sse(body) | operator)
    assert (outcome.kind == "complete") is (outcome.error is None)
    assert outcome.kind in {"complete", "truncated", "failed"} or outcome.stopped_by == "until"


@fuzz
@given(body=bodies())
async def test_so_does_the_sink_of_messages(body: bytes) -> None:
    with patience():
        try:
            message = await (sk.from_sse(body) | sk.sinks.message())
        except sk.StreamError:
            return
    message.to_dict(warnings=False)


FORGIVEN = {
    "array", "missing-field", "no-type", "null", "number", "string", "two-objects", "type-not-a-string", "wrong-field",
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_named_by_its_frame_and_never_quoted(name: str) -> None:
    seen = await see(sk.from_sse(REPLIES[0].insert(3, GARBAGE[name]).body))
    if name == "noise":  # a field that nobody knows
        assert seen == await see(sk.from_sse(REPLIES[0].body))
    elif name in FORGIVEN:
        assert (seen.kind, seen.error) == ("complete", None)
    else:
        assert (len(seen.events), seen.kind) == (3, "failed")
        assert seen.error is not None
        assert seen.error.startswith("GrammarError: frame 4: ")
        assert len(seen.error) < 150
