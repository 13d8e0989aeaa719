"""
Bytes become events however they are cut, and a stream that breaks says how.
"""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from streamkit._claude.protocol.errors import GrammarError, StreamSpliced, StreamTruncated
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import ContentBlockDelta, Event, Ping, TextDelta, Unknown, to_dict
from tests.support.patience import PATIENCE

START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","model":"c",'
    b'"role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1}}}\n\n'
)
DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"Hi"}    }\n\n'
)
STOPPING = (
    b'event: message_delta\ndata: {"type":"message_delta",'
    b'"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}\n\n'
)
NOT_YET = STOPPING.replace(b'"end_turn"', b"null")
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'

HI = ContentBlockDelta(0, TextDelta("Hi"))


def _decode(*chunks: bytes) -> tuple[list[Event], EventDecoder]:
    decoder = EventDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    decoder.end()
    return events, decoder


def _types(*chunks: bytes) -> list[str]:
    return [to_dict(event)["type"] for event in _decode(*chunks)[0]]


# -- frames --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b'event:ping\ndata:{"type":"ping"}\n\n',
        b'data: {"type":"ping"}\nevent: ping\n\n',
        b'data: {"type":"ping"}\n\n',
        b'event: something else\ndata: {"type":"ping"}\n\n',
        b'event: content_block_delta\ndata: {"type":"ping"}\n\n',
        b"event: ping\ndata: {}\n\n",
        b'event: ping\ndata: {\ndata: "type":\ndata:  "ping"}\n\n',
        b'event: content_block_delta\ndata: {"type":\ndata: "ping"}\n\n',
        b': a comment\nevent: ping\n:\nid: 7\nretry: 10\nunknown\ndata: {"type":"ping"}\n\n',
        b'\n\n\nevent: ping\ndata: {"type":"ping"}\n\n\n\n',
        b'event: message_stop\n\nevent: ping\ndata: {"type":"ping"}\n\n',
        b':\n\n: keep-alive\n\ndata: {"type":"ping"}\n\n',
        b'event: ping\ndata\n\nevent: ping\ndata: \n\ndata: {"type":"ping"}\n\n',
        b'\xef\xbb\xbfevent: ping\ndata: {"type":"ping"}\n\n',
    ],
)
def test_a_ping_however_it_is_written(frame: bytes) -> None:
    for sent in (frame, frame.replace(b"\n", b"\r\n"), frame.replace(b"\n", b"\r")):
        assert _decode(sent)[0] == [Ping()]
        assert _decode(*(bytes([byte]) for byte in sent))[0] == [Ping()]


def test_a_line_separator_within_text_ends_no_line() -> None:
    text = "a\u2028b\u2029c\x85d\x0be"
    event = json.dumps({"type": "aside", "text": text}, ensure_ascii=False).replace(r"\u000b", r"\u000b")
    assert _decode(b"data: " + event.encode() + b"\n\n")[0] == [Unknown(type="aside", text=text)]


def test_a_raw_line_break_within_data_is_not_json_white_space() -> None:
    for frame in (DELTA.replace(b',"delta"', b',\n"delta"'), DELTA.replace(b',"delta"', b',\r"delta"')):
        events, decoder = _decode(START, frame, DELTA)
        assert len(events) == 1
        assert isinstance(decoder.error, GrammarError)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_frame_is_dispatched_with_its_last_byte(line_end: bytes) -> None:
    decoder = EventDecoder()
    assert len(decoder.feed(START.replace(b"\n", line_end))) == 1
    frame = DELTA.replace(b"\n", line_end)
    assert decoder.feed(frame[:-1]) == ([HI] if line_end == b"\r\n" else [])
    assert decoder.feed(frame[-1:]) == ([] if line_end == b"\r\n" else [HI])
    assert decoder.feed(frame) == [HI]
    assert decoder.feed(frame + frame) == [HI, HI]


_FRAMES = st.sampled_from(
    [
        DELTA,
        PING,
        START + STOPPING + STOP,
        b": comment\n\n",
        b"\n",
        'data: {"type":"aside","text":"…\u2028🌊"}\n\n'.encode(),
        b'event: content_block_delta\ndata: {"type":"content_block_delta",\ndata: "index":1,'
        b'"delta":{"type":"new"}}\n\n',
        DELTA.replace(b'"index":0', b'"index":0,"new":1'),
    ]
)


@given(
    frames=st.lists(_FRAMES, max_size=8),
    line_ends=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    bom=st.booleans(),
    cuts=st.lists(st.floats(0, 1), max_size=12),
)
def test_where_the_bytes_are_cut_makes_no_difference(
    frames: list[bytes], line_ends: bytes, bom: bool, cuts: list[float]
) -> None:
    body = b"".join(frames)
    expected, _ = _decode(body)
    sent = (b"\xef\xbb\xbf" if bom else b"") + body.replace(b"\n", line_ends)
    places = sorted({0, len(sent), *(round(cut * len(sent)) for cut in cuts)})
    events, decoder = _decode(*(sent[a:b] for a, b in pairwise(places)))
    assert events == expected
    # A delta without a beginning, and behind it a message: two of which the first is cut.
    assert decoder.error is None or isinstance(decoder.error, StreamTruncated | GrammarError)


def test_a_large_event_costs_linear_time() -> None:
    text = b"x" * 20_000_000
    frame = (
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":'
    )
    frame += b'"text","text":"' + text + b'"}}\n\n'
    decoder = EventDecoder()
    chunks = [frame[i : i + 1024] for i in range(0, len(frame), 1024)]
    began = time.process_time()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    # Copying what is there at every chunk would move 200 GB: minutes.
    assert time.process_time() - began < PATIENCE
    assert len(to_dict(events[0])["content_block"]["text"]) == len(text)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", [b"content_block_delta", b"ping"])
def test_a_frame_larger_than_allowed_is_refused(size: int, name: bytes) -> None:
    frame = b"event: " + name + b'\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"new"}}'
    for limit, accepted in ((len(frame), 2), (len(frame) - 1, 1)):
        decoder = EventDecoder(max_frame=limit)
        sent = b'data: {"type":"ping"}\n\n' + frame + b"\n\n"
        events = [event for i in range(0, len(sent), size) for event in decoder.feed(sent[i : i + size])]
        assert len(events) == accepted
        if accepted == 1:
            assert str(decoder.error) == f"frame 2 is larger than {limit} bytes"
        else:
            assert decoder.error is None


def test_a_frame_that_does_not_end_is_not_kept_beyond_the_limit() -> None:
    decoder = EventDecoder(max_frame=1000)
    for _ in range(10):
        decoder.feed(b"x" * 200)
    assert isinstance(decoder.error, GrammarError)


# -- how a stream ends ---------------------------------------------------------------------------------------

WHOLE = START + DELTA + STOPPING + STOP


@pytest.mark.parametrize(
    ("body", "finished", "reason"),
    [
        (WHOLE, True, None),
        (WHOLE + PING, True, None),
        (WHOLE + WHOLE, True, None),
        (START + DELTA + STOPPING, False, None),
        (START + DELTA + STOPPING + STOP[:-1], False, None),
        (START + DELTA + STOPPING + WHOLE, True, None),
        (WHOLE + DELTA[:20], True, None),
        (b"", False, "before a message began"),
        (PING + b": comment\n\n", False, "before a message began"),
        (START + DELTA, False, "inside a message"),
        (START + DELTA + NOT_YET, False, "inside a message"),
        (START + DELTA + STOPPING[:-1], False, "inside a message"),
        (WHOLE + START, False, "inside a message"),
        (WHOLE + START + DELTA, False, "inside a message"),
    ],
)
def test_an_end_is_complete_or_truncated(body: bytes, finished: bool, reason: str | None) -> None:
    _, decoder = _decode(body)
    assert decoder.progress.finished is finished
    if reason is None:
        assert decoder.error is None
    else:
        assert isinstance(decoder.error, StreamTruncated)
        assert reason in str(decoder.error)
        assert (decoder.error.type, decoder.error.retriable) == ("truncated", True)


def test_an_unterminated_frame_is_never_dispatched() -> None:
    assert _types(START, DELTA[:-1]) == ["message_start"]


def test_finished_is_known_before_the_end() -> None:
    decoder = EventDecoder()
    assert not decoder.progress.finished
    decoder.feed(START + STOPPING)
    assert not decoder.progress.finished
    decoder.feed(STOP)
    assert decoder.progress.finished


def test_where_a_message_begins_inside_another_is_told_and_it_is_read_on() -> None:
    decoder = EventDecoder()
    other = START.replace(b'"id":"m"', b'"id":"other"')
    body = START + DELTA + NOT_YET + other + DELTA + STOPPING + STOP
    assert len(decoder.feed(body[:-20])) == 3
    assert isinstance(decoder.error, StreamSpliced)
    assert [event.type for event in decoder.read_on()] == [
        "message_start",
        "content_block_delta",
        "message_delta",
    ]
    assert not decoder.spliced
    assert [event.type for event in decoder.feed(body[-20:])] == ["message_stop"]


def test_each_of_many_messages_inside_one_another_can_be_gone_on_with() -> None:
    decoder = EventDecoder()
    others = [START.replace(b'"id":"m"', b'"id":"other %d"' % number) + DELTA for number in range(3)]
    decoder.feed(START + DELTA + b"".join(others) + STOPPING + STOP)
    lengths: list[int] = []
    while decoder.spliced:
        lengths.append(len(decoder.read_on()))
    assert (lengths, decoder.error, decoder.progress.finished) == ([2, 2, 4], None, True)


def test_the_lines_behind_a_splice_in_one_frame_are_read_on() -> None:
    other = START.replace(b'"id":"m"', b'"id":"other"')
    decoder = EventDecoder()
    joined = b"".join(
        frame.partition(b"\n")[2].rstrip() + b"\n" for frame in (DELTA, other, DELTA, STOPPING, STOP)
    )
    assert len(decoder.feed(START + joined + b"\n" + PING)) == 2
    assert decoder.spliced
    assert [event.type for event in decoder.read_on()] == [
        "message_start",
        "content_block_delta",
        "message_delta",
        "message_stop",
        "ping",
    ]
    assert (decoder.error, decoder.progress.finished) == (None, True)


def test_the_same_start_behind_the_stop_reason_begins_nothing_in_an_answer() -> None:
    decoder = EventDecoder(until_stop=True)
    events = decoder.feed(START + DELTA + STOPPING + START + STOP)
    assert [event.type for event in events][2:] == ["message_delta", "message_stop"]
    assert (decoder.error, decoder.oddities) == (None, {"repeated_start": 1})


def test_an_error_without_framing_behind_a_whole_message_is_forgiven() -> None:
    _, decoder = _decode(WHOLE, b'{"error": {"message": "Bad gateway", "code": 502}}\n\n')
    assert (decoder.error, decoder.oddities) == (None, {"after_end": 1})


# -- errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        ERROR,
        ERROR.replace(b"event: error\n", b""),
        ERROR.replace(b"event: error\n", b"event: content_block_delta\n"),
        ERROR.replace(b'"type":"error",', b""),
        ERROR.replace(b'"type":"error","error":{', b"").replace(b"}}", b"}"),
    ],
)
def test_an_error_event_ends_the_stream_after_what_came_before(frame: bytes) -> None:
    events, decoder = _decode(START + DELTA + frame + DELTA, DELTA)
    assert len(events) == 2
    error = decoder.error
    assert error is not None
    assert (error.type, error.status_code, error.retriable) == ("overloaded_error", 529, True)
    assert str(error) == "overloaded_error: Overloaded"


@pytest.mark.parametrize("data", [b"upstream connect error", b"", b"[]", b"null", b'{"type":"error"}'])
def test_an_error_event_that_names_no_type_is_unknown(data: bytes) -> None:
    events, decoder = _decode(START + b"event: error\ndata: " + data + b"\n\n")
    assert len(events) == 1
    assert decoder.error is not None
    assert (decoder.error.type, decoder.error.retriable) == ("unknown_error", False)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (DELTA.replace(b"Hi", b"secret \xff"), "frame 3: not UTF-8 at byte "),
        (DELTA.replace(b'"Hi"', b'"secret'), "frame 3: not JSON at byte "),
        (b"event: message_stop\ndata: secret\n\n", "frame 3: not JSON at byte 0"),
        (b'data: {"type":"message_stop" secret\n\n', "frame 3: not JSON at byte "),
    ],
)
def test_a_frame_that_cannot_be_decoded_ends_the_stream_and_is_not_quoted(frame: bytes, message: str) -> None:
    for chunks in ([START + DELTA + frame + DELTA], [START, DELTA, frame, DELTA]):
        events, decoder = _decode(*chunks)
        assert len(events) == 2
        assert isinstance(decoder.error, GrammarError)
        assert str(decoder.error).startswith(message)
        assert "secret" not in str(decoder.error)


def test_a_frame_is_known_by_its_json_when_it_comes_alone() -> None:
    for kind in (b"ping", b"message_stop", b"aside"):
        frame = b'event: content_block_delta\ndata: {"type":"' + kind + b'"}\n\n'
        assert _types(START, frame) == ["message_start", kind.decode()]


def test_nothing_is_decoded_after_an_error() -> None:
    decoder = EventDecoder()
    decoder.feed(START + ERROR)
    error = decoder.error
    assert decoder.feed(DELTA) == []
    decoder.end()
    assert decoder.error is error


CUT = [DELTA[:at] for at in range(len(b"event: content_block_delta\ndata: "), len(DELTA) - 3)]
OTHER = START.replace(b'"id":"m"', b'"id":"msg_2"')


@pytest.mark.parametrize("between", [b"", b"\n", b"\n\n", b"\n\ndata: [DONE]\n\n"])
def test_another_message_behind_a_frame_that_was_cut_at_any_byte_is_spliced(between: bytes) -> None:
    for cut in CUT:
        body = START + DELTA + cut + between + OTHER + DELTA
        for chunks in ([body], [body[at : at + 7] for at in range(0, len(body), 7)]):
            decoder = EventDecoder(until_stop=True)
            events = [event for chunk in chunks for event in decoder.feed(chunk)]
            assert [event.type for event in events] == ["message_start", "content_block_delta"], cut
            assert isinstance(decoder.error, StreamSpliced), cut
            assert decoder.error.retriable
            assert to_dict(decoder.read_on()[0])["message"]["id"] == "msg_2"
            assert decoder.error is None


def test_another_message_behind_a_cut_frame_needs_no_event_lines() -> None:
    bare = OTHER[OTHER.index(b"data:") :]
    for cut in CUT:
        decoder = EventDecoder(until_stop=True)
        decoder.feed(START + DELTA + cut + bare)
        assert isinstance(decoder.error, StreamSpliced), cut


@pytest.mark.parametrize("between", [b"", b"\n", b"\n\n"])
def test_an_error_behind_a_frame_that_was_cut_at_any_byte_is_that_error(between: bytes) -> None:
    for cut in CUT:
        for error in (ERROR, ERROR[ERROR.index(b"data:") :]):
            events, decoder = _decode(START + DELTA + cut + between + error)
            assert len(events) == 2
            assert decoder.error is not None
            assert (decoder.error.type, decoder.error.retriable) == ("overloaded_error", True), cut


def test_an_error_without_framing_behind_a_cut_is_that_error() -> None:
    # Where a value is due, it might be a part of the event.
    for cut in (cut for cut in CUT if not cut.rstrip().endswith((b":", b","))):
        _, decoder = _decode(START + DELTA + cut + b'{"error": {"code": 504, "message": "upstream timeout"}}')
        assert decoder.error is not None
        assert (decoder.error.status_code, str(decoder.error)) == (504, "unknown_error: upstream timeout"), (
            cut
        )


def test_a_stream_that_ends_behind_a_cut_frame_is_truncated() -> None:
    for cut in CUT:
        for end in (b"", b"\n\n", b"\n\ndata: [DONE]\n\n"):
            _, decoder = _decode(START + DELTA + cut + end)
            assert isinstance(decoder.error, StreamTruncated), cut


def test_a_message_that_goes_on_behind_a_cut_frame_has_lost_something() -> None:
    for cut in CUT[1:]:  # without any data a frame says nothing
        for following in (DELTA, START + DELTA, b'data: {"type":"aside"}\n\n'):
            events, decoder = _decode(START + DELTA + cut + b"\n\n" + following)
            assert len(events) == 2
            assert isinstance(decoder.error, GrammarError)
            assert not isinstance(decoder.error, StreamSpliced)
            assert str(decoder.error).startswith("frame 3: not JSON"), cut


def block(index: int) -> bytes:
    start = b'{"type":"content_block_start","index":%d,"content_block":{"type":"text","text":""}}' % index
    return b"event: content_block_start\ndata: " + start + b"\n\n"


@pytest.mark.parametrize("between", [b"", b"\n", b"\n\n"])
def test_behind_a_frame_that_was_cut_the_same_message_is_told_by_its_blocks(between: bytes) -> None:
    """
    Where they begin again it is another answer under the same id, and where they go on something is missing.
    """
    for cut in CUT[1:]:
        begun = START + block(0) + DELTA + block(1) + cut + between + START
        for index in (0, 1):
            decoder = EventDecoder(until_stop=True)
            assert len(decoder.feed(begun + block(index) + DELTA)) == 4, cut
            assert isinstance(decoder.error, StreamSpliced), cut
            assert len(decoder.read_on()) == 3
        events, decoder = _decode(begun + block(2))
        assert len(events) == 4
        assert isinstance(decoder.error, GrammarError), cut
        assert not isinstance(decoder.error, StreamSpliced), cut


def test_behind_a_cut_before_all_content_the_same_message_begins_once() -> None:
    """
    Nobody has seen anything of it. Where text had come without a block, the first block would be joined to that.
    """
    first = block(0)
    for cut in (first[:at] for at in range(len(b"event: content_block_start\ndata: {"), len(first) - 3)):
        events, decoder = _decode(START + cut + b"\n\n" + START + first + DELTA)
        assert [event.type for event in events] == [
            "message_start",
            "content_block_start",
            "content_block_delta",
        ]
        assert decoder.oddities == {"cut_frame": 1, "repeated_start": 1}
        _, decoder = _decode(START + DELTA + cut + b"\n\n" + START + first)
        assert isinstance(decoder.error, GrammarError), cut


def test_a_frame_that_was_cut_behind_the_same_start_has_lost_something() -> None:
    for cut in CUT[1:]:
        events, decoder = _decode(START + block(0) + DELTA + START + cut + b"\n\n" + block(0))
        assert len(events) == 3
        assert isinstance(decoder.error, GrammarError), cut
        assert not isinstance(decoder.error, StreamSpliced), cut


def test_what_an_event_has_inside_is_not_taken_for_what_follows_it() -> None:
    inner = b'{"type":"message_start","message":{"type":"message","role":"assistant","content":[]}'
    for frame in (b"data: " + inner + b"\n\n", b'data: {"type":"aside","input":{"message":"no"}\n\n'):
        events, decoder = _decode(frame)
        assert not events
        assert decoder.error is not None
        assert decoder.error.type == "truncated"


def test_a_type_that_is_an_object_inside_an_event_that_was_cut_is_nothing() -> None:
    cut = b'data: {"type":"content_block_delta","delta":{"text":"{"type":{"x":1}}'
    events, decoder = _decode(START + cut)
    decoder.end()
    assert len(events) == 1
    assert decoder.error is not None
    assert decoder.error.type == "truncated"


def test_events_one_behind_another_in_the_data_of_one_frame_are_events() -> None:
    body = DELTA[DELTA.index(b"{") : -2]
    for between in (b"", b" "):
        events, decoder = _decode(START + b"data: " + body + between + body + b"\n\n" + DELTA)
        assert [event.type for event in events] == ["message_start", *3 * ["content_block_delta"]]
        assert decoder.oddities["joined_frames"] == 1
