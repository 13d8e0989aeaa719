"""
Every recorded stream: decoded without a loss however it is cut, and added up to the message that the SDK makes of it.
"""

from __future__ import annotations

import hashlib
import json
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import msgspec
import pytest

from streamkit.claude.accumulate import MessageBuilder
from streamkit.claude.errors import GrammarError
from streamkit.claude.events import Event, MessageStart, Unknown, from_dict, to_dict
from streamkit.claude.wire import EventDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from streamkit.core.errors import StreamError

_SPLICED = "vercel_ai__spliced-message-start.chunks.txt__c1c26740"
_CUT_JSON = "anthropics_anthropic-sdk-python__incomplete_partial_json_response.txt__d3027ea8"

# How a recording ends that does not end well: the error, and the events before it.
BROKEN: dict[str, tuple[type[StreamError], int]] = {_SPLICED: (GrammarError, 7)}

# Where the message is not what the SDK makes of it: (recording, block, field) -> (why, the SHA-256 of our value).
# WIRE.md, "How it fails": "a cut tool call becomes input={}" in silence, so the text is kept next to it.
_CUT = "a clean end without message_stop: a cut tool call is not passed off as a whole one"
EXCEPTIONS: dict[tuple[str, int, str], tuple[str, str]] = {
    (_CUT_JSON, 1, "partial_json"): (_CUT, ""),
    (_SPLICED, 1, "partial_json"): (_CUT, ""),
}


def _decode(chunks: Iterable[bytes]) -> tuple[list[Event], EventDecoder]:
    decoder = EventDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    decoder.end()
    return events, decoder


def _cut_at_random(body: bytes, seed: str) -> Iterator[bytes]:
    places = sorted({0, len(body), *random.Random(seed).choices(range(len(body)), k=20)})
    return (body[a:b] for a, b in pairwise(places))


def _on_the_wire(body: bytes) -> list[Any]:
    """
    The data of each whole frame, read without any of our code; the recordings have one line of it a frame.
    """
    frames = body.split(b"\n\n")[:-1]
    return [json.loads(line[5:]) for frame in frames for line in frame.split(b"\n") if line.startswith(b"data:")]
