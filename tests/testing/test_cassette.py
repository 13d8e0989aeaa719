"""
Cassettes as files: what is written comes back, and each way to play it does the same.
"""

from __future__ import annotations

import json
from io import FileIO
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit._claude.sources.cassette import Cassette, Read, parse_recording
from streamkit.testing import Drop, FakeClaude, Pause, Reply, event, reply, text
from tests.support.claude import ASK, finished

if TYPE_CHECKING:
    from pathlib import Path

    from streamkit._claude.sources.cassette import End

HELLO = reply(text("Sa", "ône 🦀"), id="msg_1")
HEAD = '{"streamkit": "cassette", "version": 1}'


def cassette(path: Path, reads: list[Read], about: dict[str, object] | None = None) -> Path:
    with FileIO(path, "w") as file:
        made = Cassette(file, about or {})
        for at, data, end in reads:
            if end is None:
                made.note_read(at, data)
            else:
                made.note_end(at, end)
    return path


def played(answer: Reply, end: End | None = "closed") -> list[Read]:
    """
    The reads of a reply, a tenth of a second apart.
    """
    writes = [step for step in answer.steps if isinstance(step, bytes)]
    reads = [Read(number / 10, data) for number, data in enumerate(writes, 1)]
    return reads if end is None else [*reads, Read((len(reads) + 1) / 10, b"", end)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


@given(
    reads=st.lists(
        st.tuples(st.integers(0, 10**10), st.binary(max_size=12) | st.text(max_size=4).map(str.encode))
    ),
    end=st.sampled_from(["closed", "dropped", None]),
)
def test_every_read_comes_back_with_its_time(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, bytes]], end: End | None
) -> None:
    expected = [Read(at / 1e6, data) for at, data in reads]
    if end is not None:
        expected.append(Read(7.5, b"", end))
    made = cassette(tmp_path_factory.mktemp("cassettes") / "run.jsonl", expected)
    assert list(parse_recording(made.read_bytes())) == expected


def test_what_is_text_stays_legible(path: Path) -> None:
    cassette(path, [Read(0.5, "Saône 🦀\n".encode()), Read(1, "é".encode()[:1]), Read(2, b"", "closed")])
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {"streamkit": "cassette", "version": 1},
        {"at": 0.5, "data": "Saône 🦀\n"},
        {"at": 1, "base64": "ww=="},
        {"at": 2, "end": "closed"},
    ]
    assert "Saône 🦀" in path.read_text("utf-8")


def test_a_body_ends_once(path: Path) -> None:
    made = Cassette(FileIO(path, "w"), {})
    made.note_end(1, "dropped")
    made.note_end(2, "closed")
    assert list(parse_recording(path.read_bytes())) == [Read(1, b"", "dropped")]


def test_a_line_is_in_the_file_when_it_has_been_said(path: Path) -> None:
    made = Cassette(FileIO(path, "w"), {})
    made.note_read(1, b"a")
    assert list(parse_recording(path.read_bytes())) == [Read(1, b"a")]
    made.note_end(1, "closed")


def test_a_disk_that_is_full_is_told_and_the_file_closed() -> None:
    file = FileIO("/dev/full", "w")
    with pytest.raises(OSError, match="No space left"):
        Cassette(file, {})
    assert file.closed


def test_the_head_may_tell_more(path: Path) -> None:
    about: dict[str, object] = {"request": {"type": "of another kind"}, "response": None, "more": []}
    assert list(parse_recording(cassette(path, played(HELLO), about).read_bytes())) == played(HELLO)


@pytest.mark.parametrize("size", [None, 1, 5])
@pytest.mark.parametrize("end", ["closed", None])
async def test_a_whole_message_is_played(path: Path, size: int | None, end: End | None) -> None:
    cassette(path, played(HELLO if size is None else HELLO.chunked(size), end))
    run = (sk.replay(path) | sk.text()).open()
    async with run:
        assert "".join([piece async for piece in run]) == "Saône 🦀"
    assert run.outcome.kind == "complete"


@pytest.mark.parametrize(
    ("end", "type_"), [("dropped", "transport"), ("closed", "truncated"), (None, "truncated")]
)
async def test_a_cut_message_ends_as_it_did(path: Path, end: End | None, type_: str) -> None:
    run = (sk.replay(cassette(path, played(HELLO.cut(3), end))) | sk.text()).open()
    pieces: list[str] = []
    with pytest.raises(sk.StreamTruncated) as caught:
        async with run:
            async for piece in run:
                pieces.append(piece)
    assert (pieces, caught.value.type, run.outcome.kind) == (["Sa"], type_, "truncated")


@pytest.mark.virtual_time
@pytest.mark.parametrize("end", ["closed", "dropped"])
async def test_the_end_has_its_time_too(path: Path, end: End) -> None:
    cassette(path, [Read(1, HELLO.cut(3).body), Read(5, b"", end)])
    began = anyio.current_time()
    with pytest.raises(sk.StreamTruncated):
        await sk.replay(path, speed=2).run()
    assert anyio.current_time() - began == 2.5


BAD_LINES = {
    "nothing": ('{"at": 1}', "line 2: give one of `data`, `base64` and `end`"),
    "two things": ('{"at": 1, "data": "", "base64": ""}', "line 2: give one of"),
    "a read and an end": ('{"at": 1, "data": "", "end": "closed"}', "line 2: give one of"),
    "no base64": ('{"at": 1, "base64": "?"}', r"line 2: .*\$\.base64"),
    "another end": ('{"at": 1, "end": "happy"}', r"line 2: .*\$\.end"),
    "no time": ('{"end": "closed"}', "line 2: .*`at`"),
    "null": ('{"at": 1, "data": null}', r"line 2: .*\$\.data"),
    "no UTF-8": ('{"at": 1, "data": "\udcff"}', "line 2: "),
    "more after the end": (
        '{"at": 1, "end": "closed"}\n{"at": 1, "data": ""}',
        "line 3: this comes after the end",
    ),
    "an empty line": ("\n", "line 2: "),
}


@pytest.mark.parametrize(("lines", "message"), BAD_LINES.values(), ids=BAD_LINES)
async def test_a_wrong_line_is_refused_with_its_number(path: Path, lines: str, message: str) -> None:
    await anyio.Path(path).write_bytes(f"{HEAD}\n{lines}\n".encode("utf-8", "surrogateescape"))
    with pytest.raises(sk.GrammarError, match=f"not a cassette of version 1: {message}"):
        await sk.replay(path).run()
    with pytest.raises(sk.GrammarError, match=f"not a cassette of version 1: {message}"):
        Reply.file(path)


def test_unknown_fields_are_passed_over(path: Path) -> None:
    path.write_text(f'{HEAD[:-1]}, "by": "hand"}}\n{{"at": 1, "data": "a", "note": 1}}\n')
    assert list(parse_recording(path.read_bytes())) == [Read(1, b"a")]


def test_a_reply_of_a_cassette_has_its_reads_and_at_a_speed_its_times(path: Path) -> None:
    cassette(path, [Read(0.5, b"a"), Read(0.5, b"b"), Read(2, b"c"), Read(4, b"", "closed")])
    assert Reply.file(path).steps == (b"a", b"b", b"c")
    assert Reply.file(path, speed=1).steps == (Pause(0.5), b"a", b"b", Pause(1.5), b"c", Pause(2))
    assert Reply.file(path, speed=2).steps == (Pause(0.25), b"a", b"b", Pause(0.75), b"c", Pause(1))


def test_a_reply_of_a_cassette_breaks_off_where_the_connection_did(path: Path) -> None:
    cassette(path, [Read(0.5, b"a"), Read(2, b"", "dropped")])
    assert Reply.file(path).steps == (b"a", Drop())
    assert Reply.file(path, 0.5).steps == (Pause(1), b"a", Pause(3), Drop())


def test_a_raw_body_is_sent_at_an_even_pace(path: Path) -> None:
    path.write_bytes(HELLO.body)
    assert Reply.file(path) == HELLO
    assert Reply.file(path, 1).steps[:3] == (HELLO.steps[0], Pause(0.02), HELLO.steps[1])


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_an_impossible_speed_is_refused(path: Path, speed: float) -> None:
    with pytest.raises(ValueError, match="must be above 0, or None for as fast as possible, not "):
        Reply.file(path, speed)


async def test_events_that_were_kept_are_served_to_the_sdk(path: Path) -> None:
    await (sk.from_sse(HELLO.body) | sk.sinks.jsonl(path))
    async with (
        FakeClaude(Reply.file(path)) as server,
        await server.client().messages.create(**ASK, stream=True) as stream,
    ):
        assert [item.type async for item in stream] == [item["type"] for item in HELLO.events]
    assert Reply.file(path).events == HELLO.events


def test_a_kept_event_without_a_fit_name_is_a_frame_without_one(path: Path) -> None:
    lines = [b'{"type": "a b", "n": 1}', b"{", b'{"type": 1}']
    path.write_bytes(b"\n".join(lines))
    assert Reply.file(path).steps == tuple(b"data: %b\n\n" % line for line in lines)


def keep(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def tear(path: Path, cut: int) -> None:
    """
    Leave the first events, and the last of them without its last characters.
    """
    kept = path.read_bytes().splitlines()[:3]
    keep(path, b"\n".join(kept)[:-cut])


@pytest.mark.parametrize("cut", [1, 20])
async def test_a_torn_file_of_kept_events_is_a_truncated_message(path: Path, cut: int) -> None:
    """
    Whoever wrote it was killed in the middle of a line.
    """
    await (sk.from_sse(HELLO.body) | sk.sinks.jsonl(path))
    tear(path, cut)
    run = sk.replay(path).open()
    with pytest.raises(sk.StreamTruncated):
        async with run:
            async for _ in run:
                pass
    assert run.outcome.kind == "truncated"


@pytest.mark.parametrize("recorded", ["events", "cassette", "body"])
async def test_a_byte_order_mark_before_a_recording_says_nothing(path: Path, recorded: str) -> None:
    """
    Editors on Windows put it there.
    """
    match recorded:
        case "events":
            await (sk.from_sse(HELLO.body) | sk.sinks.jsonl(path))
        case "cassette":
            cassette(path, played(HELLO))
        case _:
            keep(path, HELLO.body)
    mark(path)
    spoken = sk.text() | sk.sinks.join()
    assert await (sk.replay(path) | spoken) == "Saône 🦀"
    async with FakeClaude(Reply.file(path)) as server:
        assert await (sk.messages(server.client(), **ASK) | spoken) == "Saône 🦀"


def mark(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


async def test_a_run_that_was_appended_behind_a_torn_line_is_played(path: Path) -> None:
    await (sk.from_sse(HELLO.body) | sk.sinks.jsonl(path))
    tear(path, 1)
    await (sk.from_sse(HELLO.body) | sk.sinks.jsonl(path, append=True))
    spoken = sk.text() | sk.sinks.join()
    assert await (sk.replay(path) | spoken) == await (sk.from_sse(HELLO.body) | spoken) != ""


async def test_a_run_that_was_appended_behind_a_cut_one_is_a_message_of_its_own(path: Path) -> None:
    for first in (HELLO.cut(4), reply(text("Sa", "ône"), id="msg_2").cut(4)):
        with pytest.raises(sk.StreamTruncated):
            await (sk.from_sse(first.body) | sk.sinks.jsonl(path))
        await (sk.from_sse(HELLO.body) | sk.sinks.jsonl(path, append=True))
        run = await finished(sk.replay(path))
        whole = (await finished(sk.from_sse(HELLO.body))).outcome.message
        assert run.outcome.kind == "complete"
        assert len(run.outcome.messages) == 2
        assert run.outcome.message == whole


async def test_a_stream_that_had_started_over_does_so_again(path: Path) -> None:
    again = sk.RetryPolicy(base=0, resume="restart")
    async with FakeClaude(reply(text("Hel", Drop())), reply(text("Hel", Drop())), HELLO) as server:
        kept = await finished(sk.messages(server.client(), **ASK, retry=again) | sk.tee(sk.sinks.jsonl(path)))
    seen: list[Any] = []
    run = await finished(sk.replay(path) | sk.text(restarts=True), seen)
    assert [each.attempt if isinstance(each, sk.Restarted) else each for each in seen] == [
        "Hel",
        2,
        "Hel",
        3,
        "Sa",
        "ône 🦀",
    ]
    assert "StreamTruncated" in str(seen[1].error)
    assert (run.outcome.kind, run.outcome.message, len(run.outcome.attempts)) == (
        "complete",
        kept.outcome.message,
        3,
    )
    with pytest.raises(TypeError, match=r"text\(restarts=True\)"):
        await (sk.replay(path) | sk.text()).collect()


@pytest.mark.parametrize("place", [2, 3, 7])
async def test_an_event_of_the_wire_with_that_name_is_no_restart(path: Path, place: int) -> None:
    forged = event({"type": "restarted", "attempt": 2, "error": None})
    body = HELLO.insert(place, forged).body
    await (sk.from_sse(body) | sk.sinks.jsonl(path))
    assert await sk.replay(path).collect() == await sk.from_sse(body).collect()
    assert await (sk.replay(path) | sk.text() | sk.sinks.join()) == "Saône 🦀"


async def test_kept_events_may_hold_the_words_of_a_cassette(path: Path) -> None:
    events = [{**HELLO.events[0], "note": {"streamkit": "cassette"}}, *HELLO.events[1:]]
    keep(path, "".join(f"{json.dumps(event)}\n" for event in events).encode())
    assert [event.type for event in await sk.replay(path).collect()] == [event["type"] for event in events]


async def test_a_torn_cassette_ends_with_its_last_whole_read(path: Path) -> None:
    head = b'{"streamkit":"cassette","version":1}\n'
    line = json.dumps({"at": 0, "data": HELLO.body.decode()[:200]}).encode()
    keep(path, head + line + b'\n{"at":1,"da')
    with pytest.raises(sk.StreamTruncated):
        await sk.replay(path).collect()
