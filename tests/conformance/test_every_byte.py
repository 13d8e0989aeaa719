"""
Every recorded stream, cut at every byte: what has come whole is kept, what is missing is said, and a message that is not
whole is never called complete.

What must come out is found without this library: the frames by splitting, the messages by the SDK's own helper.
"""

from __future__ import annotations

import copy
import json
import random
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2

import streamkit as sk
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.record import Record
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.testing import Drop, FakeClaude, Reply
from tests.support.claude import ASK
from tests.support.patience import patience
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Wire = dict[str, Any]

MADE_UP = frozenset({"text", "thinking", "signature", "citation", "input_json", "compaction"})
"""What the SDK's helper says besides the wire's events."""

SMALL = 4_000
"""Bytes up to which a recording is cut with every kind of line end."""

LARGE = 20_000
"""Bytes from which on a run is cut around some of the events, on each backend others: all before a cut is read again."""

EVENTS_OF_LARGE = examples(pr=6, full=2)
"""Every so many events of a large recording, on each backend."""

BYTES_OF_LARGE = examples(pr=7, full=1)
"""Every so many bytes of a large recording at which the decoder is asked what it would say; it is fed each byte alone."""

KINDS: dict[type[Exception] | None, str] = {
    None: "complete",
    sk.StreamTruncated: "truncated",
    StreamSpliced: "failed",
}

RANDOM = 8
"""Cuts anywhere, for each recording and backend."""


@dataclass(frozen=True)
class Truth:
    """
    What is right of a recording, cut after any number of its events.

    Attributes:
        body: Its bytes.
        ends: Where each frame with an event ends.
        whole: After so many events, whether the last message has had its `message_stop`, or told its stop reason.
        messages: After so many events, the messages so far; what the SDK's helper has accumulated from the same events.
        legal: How many events stand where they may; one more is an error.
    """

    body: bytes
    ends: list[int]
    whole: list[bool]
    messages: list[list[Wire]]
    legal: int

    def came(self, cut: int) -> int:
        """
        How many events there are in the first `cut` bytes.
        """
        return bisect_right(self.ends, cut)

    def given(self, came: int) -> int:
        """
        How many are handed on where so many have come.
        """
        return min(came, self.legal)

    def error(self, came: int) -> type[sk.StreamError] | None:
        """
        What a body with so many events ends in; None is complete.
        """
        if came > self.legal:
            return StreamSpliced
        return None if self.whole[came] else sk.StreamTruncated


@cache
def truth_of(recording: Path) -> Truth:
    body = recording.read_bytes()
    ends: list[int] = []
    events: list[Wire] = []
    at = 0
    for frame in body.split(b"\n\n")[:-1]:
        at += len(frame) + 2
        data = [line.removeprefix(b"data:") for line in frame.split(b"\n") if line.startswith(b"data:")]
        if data:
            ends.append(at)
            events.append(json.loads(b"".join(data)))
    whole = wholes(events)
    legal = len(whole) - 1
    return Truth(body, ends, whole, messages_after(events[:legal], accumulated(body)), legal)


def wholes(events: list[Wire]) -> list[bool]:
    """
    After each number of events, whether what has come is whole; up to one that may not stand where it does.
    """
    whole = [False]
    is_open = told = False
    for event in events:
        match event:
            case {"type": "message_start"} if is_open and not told:
                break
            case {"type": "message_start", "message": message}:
                is_open, told = True, message["stop_reason"] is not None
            case {"type": "message_delta", "delta": {"stop_reason": str()}}:
                told = True
            case {"type": "message_stop"}:
                is_open = False
            case _:
                pass
        whole.append(not is_open or told)
    return whole


def accumulated(body: bytes) -> Iterator[list[Wire]]:
    """
    For each message of a body, what the SDK's helper has made of it after each of its events but pings.
    """
    start = b"event: message_start"
    # It takes one message a stream, and adds a second one's blocks to the first.
    sent = [start + each for each in body.split(start)[1:]]

    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=sent.pop(0))

    http_client = httpx2.Client(transport=httpx2.MockTransport(respond))
    with anthropic.Anthropic(api_key="none", max_retries=0, http_client=http_client) as client:
        while sent:
            with client.beta.messages.stream(model="m", max_tokens=1, messages=[]) as stream:
                yield [
                    plain(stream.current_message_snapshot) for event in stream if event.type not in MADE_UP
                ]


def messages_after(events: list[Wire], snapshots: Iterator[list[Wire]]) -> list[list[Wire]]:
    after: list[list[Wire]] = [[]]
    rest: Iterator[Wire] = iter(())
    for event in events:
        before = after[-1]
        if event["type"] == "ping":
            after.append(before)
            continue
        if event["type"] == "message_start":
            rest = iter(next(snapshots))
            before = [*before, {}]
        after.append([*before[:-1], next(rest)])
    return after


def plain(message: Any) -> Wire:
    said: Wire = message.to_dict()
    for block in said["content"]:
        block.pop("parsed_output", None)  # the helper's own
    return said


# -- the decoder, at every byte -------------------------------------------------------------------------------


def test_cut_at_every_byte_it_keeps_what_has_come_and_says_what_is_missing(recording: Path) -> None:
    truth = truth_of(recording)
    cut_at_every_byte(truth, b"\n")
    if len(truth.body) <= SMALL:
        cut_at_every_byte(truth, b"\r\n")
        cut_at_every_byte(truth, b"\r")


def cut_at_every_byte(truth: Truth, line_end: bytes) -> None:
    """
    Go through a body once, and after each byte see what would be said if it ended there.
    """
    body = truth.body.replace(b"\n", line_end)
    # A frame is over with the CR of its blank line: an LF after that adds nothing.
    more = len(line_end) - 1
    ends = [end + truth.body.count(b"\n", 0, end) * more - more for end in truth.ends]
    decoder, record = EventDecoder(), Record()
    came = given = 0
    right, complaint = truth.given(0), truth.error(0)
    every = BYTES_OF_LARGE if len(body) > LARGE else 1
    for cut in range(len(body) + 1):
        events = decoder.feed(body[cut - 1 : cut])
        if came < len(ends) and ends[came] == cut:
            came += 1
            right, complaint = truth.given(came), truth.error(came)
        if events:
            given += len(events)
            record.add(events)
            assert record.message.build(beta=True).to_dict() == truth.messages[given][-1], (
                f"cut after {cut} bytes"
            )
        assert given == right, f"cut after {cut} bytes"
        if cut % every and not events:
            continue
        # The end changes nothing but `error`: the decoder itself goes on.
        ended = copy.copy(decoder)
        ended.end()
        assert kind_of(ended.error) is complaint, f"cut after {cut} bytes"
    assert came == len(truth.ends)
    assert [message.to_dict() for message in record.messages()] == truth.messages[given]


def kind_of(error: Exception | None) -> type[Exception] | None:
    return None if error is None else type(error)


# -- the whole source ----------------------------------------------------------------------------------------


async def read(stream: sk.Stream[Any]) -> tuple[sk.Outcome, int, sk.StreamError | None]:
    """
    Read a stream: how it ended, the number of events, and what was raised.
    """
    run = stream.open()
    number = 0
    try:
        async with run:
            async for _ in run:
                number += 1
    except sk.StreamError as error:
        return run.outcome, number, error
    return run.outcome, number, None


async def check(stream: sk.Stream[Any], truth: Truth, cut: int, *, messages: bool = True) -> None:
    """
    Read a body that was cut, and compare.

    Args:
        stream: What reads it.
        truth: What is right.
        cut: How many of its bytes there are.
        messages: Whether the outcome's messages are built too, which takes most of the time.
    """
    outcome, number, error = await read(stream)
    came = truth.came(cut)
    assert number == truth.given(came), f"cut after {cut} bytes"
    assert kind_of(error) is truth.error(came), f"cut after {cut} bytes"
    assert (outcome.kind, outcome.error) == (KINDS[kind_of(error)], error), f"cut after {cut} bytes"
    if not messages:
        return
    right, said = truth.messages[number], outcome.message
    assert (said and said.to_dict()) == (right[-1] if right else None), f"cut after {cut} bytes"
    assert outcome.stop_reason == (right[-1]["stop_reason"] if right else None), f"cut after {cut} bytes"
    if error is not None:
        assert error.partial == said, f"cut after {cut} bytes"


async def test_cut_around_every_event_a_run_says_so_too(recording: Path, anyio_backend_name: str) -> None:
    truth = truth_of(recording)
    # Messages are built on one of the backends; what holds them, the test above has looked at.
    is_large = len(truth.body) > LARGE
    mine = set(truth.ends[anyio_backend_name == "trio" :: EVENTS_OF_LARGE if is_large else 2])
    ends = mine if is_large else truth.ends
    around = {end + offset for end in ends for offset in (-1, 0, 1) if end + offset <= len(truth.body)}
    chance = random.Random(f"{recording.stem} {anyio_backend_name}")
    anywhere = {0, len(truth.body), *chance.choices(range(len(truth.body)), k=RANDOM)}
    with patience():
        for cut in sorted(around | anywhere):
            stream = sk.from_sse(truth.body[:cut])
            await check(stream, truth, cut, messages=cut in anywhere or cut in mine)


async def test_cut_anywhere_on_a_connection_it_is_the_same(recording: Path, anyio_backend_name: str) -> None:
    truth = truth_of(recording)
    chance = random.Random(f"{anyio_backend_name} {recording.stem}")
    cuts = [(chance.randrange(len(truth.body)), then) for then in ((), (Drop(),))]
    async with FakeClaude(*(Reply([truth.body[:cut], *then]) for cut, then in cuts)) as server:
        chat = sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(attempts=1), pings=True)
        with patience():
            for cut, _ in cuts:
                await check(chat, truth, cut)
