"""
Frames of deltas that are decoded together say what each of them says alone.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from streamkit._claude.protocol.delta_frames import DELTA, deltas_in
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import ContentBlockDelta, Event, TextDelta

OPEN = (
    b'data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"c"}}\n\n'
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
)
PIECE = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}'
HALF = PIECE.index(b'"delta"')


def _frame(data: bytes) -> bytes:
    return DELTA + data + b"\n\n"


def _decoded(*chunks: bytes) -> tuple[list[Event], str, dict[str, int]]:
    """
    The events behind the beginning of a message, how it ends, and what was forgiven.
    """
    decoder = EventDecoder()
    decoder.feed(OPEN)
    assert decoder.progress.in_content
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.end()
    return events, str(decoder.error), dict(decoder.oddities)


def test_frames_of_one_read_are_decoded_together() -> None:
    pieces = ["Hi", "\n\n" + DELTA.decode() + "{", "}\r{", "\u2028", "🌊"]
    data = [PIECE.replace(b'"Hi"', json.dumps(piece).encode()) for piece in pieces]
    expected = [ContentBlockDelta(0, TextDelta(piece)) for piece in pieces]
    assert deltas_in(b"\n\n".join(DELTA + each for each in data)) == expected
    assert _decoded(b"".join(map(_frame, data)))[0] == expected


@pytest.mark.parametrize(
    "data",
    [
        [PIECE + PIECE, b"{}"],
        [PIECE + b" " + PIECE[:HALF], PIECE[HALF:]],
        [b'{"type":"content_block_delta","index":0,"new":[{}', b"{}]}" + PIECE],
        [PIECE, b'{"type":"ping"}'],
        [PIECE, b"{}"],
        [PIECE, b"", PIECE],
        [PIECE + b"\n: and a comment", PIECE],
        [PIECE[:HALF] + b"\n" + PIECE[HALF:], PIECE],
    ],
)
def test_frames_that_are_deltas_only_when_joined_are_none(data: list[bytes]) -> None:
    assert deltas_in(b"\n\n".join(DELTA + each for each in data)) is None


_DATA = st.sampled_from(
    [
        PIECE,
        PIECE,
        PIECE,
        PIECE + b"  ",
        PIECE + PIECE,
        PIECE + b"\r" + PIECE,
        PIECE + PIECE[:HALF],
        PIECE[:HALF],
        PIECE[HALF:],
        PIECE[:-1],
        b"}",
        b"{",
        b"{}",
        b"",
        b"7",
        b"[" + PIECE,
        PIECE + b"]",
        b'{"type":"ping"}',
        PIECE[:-1] + b',"new":1}',
        PIECE.replace(b"0", b"1"),
        PIECE.replace(b',"delta"', b',\n"delta"'),
        PIECE.replace(b',"delta"', b',\ndata: "delta"'),
        PIECE + b"\nid: 7",
        b'{"type":"content_block_stop","index":0}',
    ]
)
_FRAMES = st.one_of(
    _DATA.map(_frame), st.sampled_from([b"\n", b": }\n\n", b"event: ping\ndata: {}\n\n", PIECE + b"\n\n"])
)


@given(frames=st.lists(_FRAMES, max_size=8))
def test_frames_of_one_read_say_what_each_says_in_a_read_of_its_own(frames: list[bytes]) -> None:
    assert _decoded(b"".join(frames)) == _decoded(*frames)
