"""
Bytes that were kept: response bodies, recorded files, and the pace at which they are played.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import ErrorEvent, FakeClaude, reply, text, tool_use
from tests.support.claude import ASK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

HELLO = reply(text("Hello", " world"), tool_use("go", {"to": "Rome"}))
BODY = HELLO.body
TYPES = [
    "message_start",
    *["content_block_start", *["content_block_delta"] * 2, "content_block_stop"] * 2,
    "message_delta",
    "message_stop",
]


def pieces(size: int, body: bytes = BODY) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


async def read_all(run: sk.Run[Any]) -> list[str]:
    async with run:
        return [item.type async for item in run]


async def arrivals(stream: sk.Stream[Any]) -> list[tuple[float, str]]:
    began = anyio.current_time()
    async with stream.open() as run:
        return [(round(anyio.current_time() - began, 6), item.type) async for item in run]


# -- from_sse ------------------------------------------------------------------------------------------------


class Chunks:
    """
    An asynchronous iterator that counts how often it is closed.
    """

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = iter(chunks)
        self.closed = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed += 1


async def test_bytes_in_every_form_give_the_same_events() -> None:
    async def generator() -> AsyncIterator[bytes]:
        for piece in pieces(9):
            yield piece

    forms: list[Any] = [
        BODY,
        bytearray(BODY),
        memoryview(BODY),
        pieces(1),
        iter(pieces(7)),
        generator(),
        generator,
        lambda: pieces(11),
        Chunks(*pieces(13)),
    ]
    for form in forms:
        run = sk.from_sse(form).open()
        assert await read_all(run) == TYPES
        assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "tool_use")
        assert (run.outcome.attempts, run.outcome.request_id) == ([], None)
        assert [call.input for call in run.outcome.tool_calls] == [{"to": "Rome"}]


async def test_the_body_of_a_response_can_be_read() -> None:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=BODY)))
    async with client, client.stream("GET", "http://localhost") as response:
        assert await read_all(sk.from_sse(response.aiter_bytes()).open()) == TYPES


async def test_what_repeats_can_be_opened_again_and_what_does_not_says_so() -> None:
    for form in (BODY, pieces(5), lambda: iter(pieces(5))):
        stream = sk.from_sse(form)
        assert await stream.collect() == await stream.collect()
    spent = sk.from_sse(iter(pieces(5)))
    await spent.run()
    with pytest.raises(RuntimeError, match="cannot be opened twice"):
        await spent.run()


async def test_the_chunks_are_closed_however_far_they_were_read() -> None:
    for stop_at, kind in (("message_start", "stopped"), ("message_stop", "stopped"), ("never", "complete")):
        chunks = Chunks(*pieces(50))
        async with sk.from_sse(chunks).open() as run:
            async for item in run:
                if item.type == stop_at:
                    break
        assert (chunks.closed, run.outcome.kind) == (1, kind)
    chunks = Chunks(BODY)
    async with sk.from_sse(chunks).open() as run:
        assert run.outcome.message is None
    assert (chunks.closed, run.outcome.kind) == (1, "stopped")


async def test_nothing_is_taken_before_it_is_asked_for() -> None:
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number, frame in enumerate(HELLO.steps):
            taken.append(number)
            assert isinstance(frame, bytes)
            yield frame

    async with sk.from_sse(chunks).open() as run:
        assert taken == []
        items = aiter(run)
        await anext(items)
        assert taken == [0, 1, 2]  # up to the first content
        await anext(items)
        await anext(items)
        assert taken == [0, 1, 2]


async def test_an_error_of_the_chunks_stays_what_it_is_and_a_broken_connection_is_told() -> None:
    async def failing(error: Exception) -> AsyncIterator[bytes]:
        yield BODY[:700]
        raise error

    for error in (KeyError("mine"), FileNotFoundError("gone"), TimeoutError("late")):
        with pytest.raises(type(error)) as caught:
            await sk.from_sse(failing(error)).run()
        assert caught.value is error
    for broken in (
        httpx2.ReadError("reset"),
        ConnectionResetError("reset"),
        httpx2.RemoteProtocolError("cut"),
    ):
        run = sk.from_sse(failing(broken)).open()
        with pytest.raises(sk.StreamTruncated) as told:
            await read_all(run)
        assert (told.value.type, told.value.__cause__, run.outcome.kind) == ("transport", broken, "truncated")
        assert told.value.partial.content[0].text == "Hello"


async def test_content_without_a_beginning_is_a_message() -> None:
    run = sk.from_sse(BODY[BODY.index(b"event: content_block_start") :]).open()
    await read_all(run)
    assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "tool_use")
    assert run.outcome.oddities == {"missing_start": 1}


async def test_a_chunk_that_is_no_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="from_sse\\(\\) takes chunks of bytes, and got str"):
        await sk.from_sse(["text"]).run()  # type: ignore[list-item]
    with pytest.raises(TypeError, match="from_sse\\(\\) takes bytes, and got str"):
        sk.from_sse("text")  # type: ignore[arg-type]


def test_it_reads_like_its_source() -> None:
    assert repr(sk.from_sse(pieces(3))) == "from_sse([…])"
    assert repr(sk.from_sse(b"secret")) == repr(sk.from_sse(bytearray(b"secret"))) == "from_sse(<bytes>)"


# -- replay --------------------------------------------------------------------------------------------------


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return written(tmp_path, BODY)


def written(tmp_path: Path, body: bytes) -> Path:
    path = tmp_path / "run.sse"
    path.write_bytes(body)
    return path


def cassette(tmp_path: Path, *lines: str, head: str | None = None) -> Path:
    path = tmp_path / "run.cassette"
    head = head or json.dumps({"streamkit": "cassette", "version": 1, "recorded": "2026-01-01"})
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def timed(tmp_path: Path) -> Path:
    frames = [frame.decode() for frame in HELLO.steps if isinstance(frame, bytes)]
    reads = [
        (0.5, "".join(frames[:3])),
        (2.0, frames[3][:10]),
        (4.0, frames[3][10:] + "".join(frames[4:])),
    ]
    return cassette(tmp_path, *(json.dumps({"at": at, "data": data}) for at, data in reads))


@pytest.mark.virtual_time
async def test_a_raw_body_is_played_as_fast_as_it_can_be_read_or_at_an_even_pace(raw: Path) -> None:
    assert await arrivals(sk.replay(raw)) == [(0, kind) for kind in TYPES]
    for speed in (1.0, 2.0, 0.5):
        # What comes before the first content is handed on with it.
        frames = [max(number, TYPES.index("content_block_delta")) for number, _ in enumerate(TYPES)]
        expected = [(round(at * 0.02 / speed, 6), kind) for at, kind in zip(frames, TYPES, strict=True)]
        assert await arrivals(sk.replay(raw, speed=speed)) == expected


@pytest.mark.virtual_time
async def test_a_cassette_is_played_with_its_own_timing(tmp_path: Path) -> None:
    path = timed(tmp_path)
    assert await arrivals(sk.replay(path)) == [(0, kind) for kind in TYPES]
    for speed in (1.0, 4.0):
        times = [at / speed for at in [0.5] * 3 + [4.0] * (len(TYPES) - 3)]
        assert await arrivals(sk.replay(str(path), speed=speed)) == list(zip(times, TYPES, strict=True))


@pytest.mark.virtual_time
async def test_a_run_can_be_left_while_a_cassette_is_silent(tmp_path: Path) -> None:
    began = anyio.current_time()
    run = sk.replay(timed(tmp_path), speed=1).open()
    with anyio.move_on_after(1):
        await read_all(run)
    assert (anyio.current_time() - began, run.outcome.kind) == (1, "cancelled")


async def test_a_recording_can_be_played_again(raw: Path) -> None:
    stream = sk.replay(raw)
    assert await stream.collect() == await stream.collect()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (reply(text("Hel", ErrorEvent())).body, "overloaded_error"),
        (BODY[:700], "inside a message"),
        (b"", "before a message began"),
    ],
)
async def test_a_recording_of_a_failure_fails_again(raw: Path, body: bytes, message: str) -> None:
    await anyio.Path(raw).write_bytes(body)
    with pytest.raises(sk.StreamError, match=message):
        await sk.replay(raw).run()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.virtual_time
async def test_frames_are_paced_whatever_their_line_ends(tmp_path: Path, line_end: str) -> None:
    path = written(tmp_path, BODY.replace(b"\n", line_end.encode()))
    assert (await arrivals(sk.replay(path, speed=1)))[-1] == (
        round((len(TYPES) - 1) * 0.02, 6),
        "message_stop",
    )


BAD_CASSETTES: dict[str, tuple[str | None, list[str], str]] = {
    "a JSON document": ('{"id": "msg_1"}', [], "line 1: "),
    "another version": ('{"streamkit": "cassette", "version": 2}', [], "line 1: "),
    "no JSON at all": ("{broken", [], "line 1: "),
    "a line that is no JSON": (None, ["{"], "line 2: "),
    "a line without its time": (None, ['{"data": ""}'], "line 2: .*`at`"),
    "a line without its data": (None, ['{"at": 1}'], "line 2: .*`data`"),
    "a time that is none": (None, ['{"at": "soon", "data": ""}'], r"line 2: .*\$\.at"),
    "a time before the request": (None, ['{"at": -1, "data": ""}'], r"line 2: .*\$\.at"),
    "data that is no text": (None, ['{"at": 1, "data": 5}'], r"line 2: .*\$\.data"),
}


@pytest.mark.parametrize(("head", "lines", "message"), BAD_CASSETTES.values(), ids=BAD_CASSETTES)
async def test_a_bad_cassette_is_refused_with_its_line(
    tmp_path: Path, head: str | None, lines: list[str], message: str
) -> None:
    run = sk.replay(cassette(tmp_path, *lines, head=head)).open()
    with pytest.raises(sk.GrammarError, match=f"not a cassette of version 1: {message}"):
        await read_all(run)
    assert run.outcome.kind == "failed"


def test_a_missing_file_and_an_impossible_speed_are_refused_at_once(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"replay\(\) found no file at .*nothing\.sse"):
        sk.replay(tmp_path / "nothing.sse")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        sk.replay(tmp_path)
    for speed in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="must be above 0, or None for as fast as possible, not "):
            sk.replay(raw, speed=speed)


async def test_a_file_that_has_gone_is_told_as_such(raw: Path) -> None:
    stream = sk.replay(raw)
    await anyio.Path(raw).unlink()
    with pytest.raises(FileNotFoundError):
        await stream.run()


def test_a_replay_reads_like_its_source(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(raw.parent)
    assert repr(sk.replay("run.sse")) == "replay('run.sse')"
    assert repr(sk.replay("run.sse", speed=2.0)) == "replay('run.sse', speed=2.0)"


async def test_what_jsonl_has_kept_plays_again(recording: Path, tmp_path: Path) -> None:
    kept = tmp_path / "run.jsonl"
    try:
        events = await (sk.replay(recording) | sk.tee(sk.sinks.jsonl(kept))).collect()
    except sk.StreamError:
        pytest.skip("this recording is broken on purpose")
    assert await sk.replay(kept).collect() == events


async def test_the_results_of_a_tool_loop_are_played_as_what_they_were(tmp_path: Path) -> None:
    async def go(to: str) -> list[dict[str, str]]:
        return [{"type": "text", "text": to}]

    kept = tmp_path / "run.jsonl"
    async with FakeClaude(HELLO, reply(text("Done."))) as server:
        loop = sk.tool_loop(server.client(), tools=[go], **ASK)
        items = await (loop | sk.tee(sk.sinks.jsonl(kept))).collect()
    assert await sk.replay(kept).collect() == items
    assert any(isinstance(item, sk.ToolResult) for item in items)
    with kept.open("a") as file:
        file.write('{"type": "tool_result", "id": 3}\n')
    [*_, last] = await sk.replay(kept).collect()
    assert last == from_dict({"type": "tool_result", "id": 3})  # another program's


async def test_a_run_that_was_kept_behind_one_that_was_cut_is_played(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    keep = sk.tee(sk.sinks.jsonl(path, append=True))
    for body in (BODY[: BODY.index(b" world")], BODY):
        with contextlib.suppress(sk.StreamTruncated):
            await (sk.from_sse(body) | keep).run()
    assert "".join(await (sk.replay(path) | sk.text()).collect()) == "HelloHello world"
