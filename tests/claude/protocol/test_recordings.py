"""
Every recorded stream: decoded without a loss however it is cut, and added up to what the SDK makes of it.
"""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import msgspec
import pytest

from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import Event, Unknown, from_dict, to_dict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamkit._core.errors import StreamError

Wire = dict[str, Any]

_SDK = "anthropics_anthropic-sdk-python__"
SPLICED = "vercel_ai__spliced-message-start.chunks.txt__c1c26740"
INCOMPLETE = f"{_SDK}incomplete_partial_json_response.txt__d3027ea8"

# The recordings that do not end well: the error, and how many events come before it.
BROKEN: dict[str, tuple[type[StreamError], int]] = {
    SPLICED: (StreamSpliced, 7),  # a second message begins inside the first
}

# The recordings whose `message_stop` has no blank line after it: it is never dispatched, and the end is
# complete all the same, for the stop reason is there.
UNTERMINATED = {
    INCOMPLETE,
    f"{_SDK}basic_response.txt__2f355ddd",
    f"{_SDK}compaction_response.txt__3848b614",
    f"{_SDK}fallback_credit_response.txt__ff1c35a8",
    f"{_SDK}fallback_response.txt__683cdece",
    f"{_SDK}tool_use_response.txt__ebd6e77a",
}


def _decode(chunks: Iterable[bytes]) -> tuple[list[Event], EventDecoder]:
    decoder = EventDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    decoder.end()
    return events, decoder


def _on_the_wire(body: bytes) -> list[Wire]:
    """
    The data of each whole frame, read with none of our code; in the recordings it is one line.
    """
    lines = [line for frame in body.split(b"\n\n")[:-1] for line in frame.split(b"\n")]
    return [json.loads(line.removeprefix(b"data:")) for line in lines if line.startswith(b"data:")]


def _messages(body: bytes) -> list[bytes]:
    """
    The body of each message: the SDK takes one a stream (it adds a second one's blocks to the first).
    """
    start = b"event: message_start"
    return [start + each for each in body.split(start)[1:]]


def test_every_event_is_what_the_wire_says(recording: Path) -> None:
    body = recording.read_bytes()
    expected = _on_the_wire(body)
    events, decoder = _decode([body])
    if recording.stem in BROKEN:
        error, count = BROKEN[recording.stem]
        assert type(decoder.error) is error
        expected = expected[:count]
    else:
        assert decoder.error is None
        assert decoder.progress.finished is (recording.stem not in UNTERMINATED)
    assert [json.loads(msgspec.json.encode(event)) for event in events] == expected
    assert [to_dict(event) for event in events] == expected
    assert [from_dict(each) for each in expected] == events
    assert not any(isinstance(event, Unknown) for event in events)


@pytest.mark.parametrize("cut", ["one byte", "random", "CRLF", "CR"])
def test_where_it_is_cut_makes_no_difference(recording: Path, cut: str) -> None:
    body = recording.read_bytes()
    expected, _ = _decode([body])
    events, decoder = _decode(_cut(body, cut, recording.stem))
    assert events == expected
    assert type(decoder.error) is (BROKEN[recording.stem][0] if recording.stem in BROKEN else type(None))


def _cut(body: bytes, how: str, seed: str) -> Iterator[bytes]:
    if how == "one byte":
        return (body[i : i + 1] for i in range(len(body)))
    sent = body.replace(b"\n", {"CRLF": b"\r\n", "CR": b"\r"}.get(how, b"\n"))
    places = sorted({0, len(sent), *random.Random(seed).choices(range(len(sent)), k=len(sent) // 50)})
    return (sent[a:b] for a, b in pairwise(places))


class _SDKClient:
    """
    The real SDK, which gets the bytes that it is given.
    """

    def __init__(self) -> None:
        self._body = b""
        http_client = httpx2.Client(transport=httpx2.MockTransport(self._respond))
        self.client = anthropic.Anthropic(api_key="none", max_retries=0, http_client=http_client)

    def _respond(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self._body)

    def accumulated(self, body: bytes) -> Wire:
        """
        What its own helper makes of them.
        """
        self._body = body
        with self.client.beta.messages.stream(model="m", max_tokens=1, messages=[]) as stream:
            return _plain(stream.get_final_message())

    def events(self, body: bytes) -> list[Any]:
        """
        The raw events that it decodes.
        """
        self._body = body
        with self.client.beta.messages.create(model="m", max_tokens=1, messages=[], stream=True) as stream:
            return list(stream)


@pytest.fixture(scope="module")
def sdk() -> Iterator[_SDKClient]:
    client = _SDKClient()
    with client.client:
        yield client


def _plain(message: Any) -> Wire:
    plain: Wire = message.to_dict()
    for block in plain["content"]:
        block.pop("parsed_output", None)  # the helper's own
    return plain


def test_the_message_is_what_the_sdk_makes_of_it(recording: Path, sdk: _SDKClient) -> None:
    for body in _messages(recording.read_bytes()):
        builder = MessageBuilder()
        assert builder.take(iter(_decode([body])[0])) is None
        assert _plain(builder.build(beta=True)) == sdk.accumulated(body)


def test_the_sdks_raw_events_add_up_to_the_same(recording: Path, sdk: _SDKClient) -> None:
    for body in _messages(recording.read_bytes()):
        ours, theirs = MessageBuilder(), MessageBuilder()
        assert ours.take(iter(_decode([body])[0])) is None
        assert theirs.take(iter(sdk.events(body))) is None
        assert theirs.to_dict() == ours.to_dict()


def test_the_type_is_beta_only_where_it_must_be(recording: Path) -> None:
    builder = MessageBuilder()
    assert builder.take(iter(_decode(_messages(recording.read_bytes())[:1])[0])) is None
    built = builder.build()
    beta_words = ("mcp_tool", "advisor", "compaction", "fallback", "context_management", "iterations")
    said = json.dumps(builder.to_dict())
    assert type(built).__name__ == (
        "BetaMessage" if any(f'"{word}' in said for word in beta_words) else "Message"
    )
    built.to_dict()  # without a warning


def test_the_tables_name_recordings_that_exist() -> None:
    folder = Path(__file__).parents[4] / "shared" / "recordings"
    if not folder.exists():
        pytest.skip(f"no recorded streams: there is no {folder}")
    named = {*BROKEN, *UNTERMINATED}
    assert named <= {path.stem for path in folder.glob("*.sse")}
