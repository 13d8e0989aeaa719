"""
`record`: what the real SDK reads from a real socket is in the cassette, and nothing of what it asked.
"""

from __future__ import annotations

import gzip
import json
import os
from contextlib import suppress
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.sources.cassette import Cassette, parse_recording
from streamkit.testing import (
    Drop,
    ErrorEvent,
    FakeClaude,
    Pause,
    Reply,
    Stall,
    error_reply,
    page,
    record,
    reply,
    text,
    tool_use,
)
from streamkit.testing._recorded_body import RecordedBody
from tests.support.claude import outcome_of
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SECRET = "the recipe is a secret"
KEY = "sk-ant-very-private"
ASK: Any = {
    "model": "claude-sonnet-5",
    "max_tokens": 64,
    "system": SECRET,
    "messages": [{"role": "user", "content": SECRET}] * 3,
    "tools": [{"name": "go", "description": SECRET, "input_schema": {"type": "object"}}],
    "metadata": {"user_id": SECRET},
}
HELLO = reply(text("Sa", "ône 🦀"), tool_use("go", {"to": "Rome"}), id="msg_1")
UNTRIED = sk.RetryPolicy(attempts=1)


def body_of(path: Path) -> bytes:
    return b"".join(read.data for read in parse_recording(path.read_bytes()))


def end_of(path: Path) -> str | None:
    return [read.end for read in parse_recording(path.read_bytes())][-1]


def head_of(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        head: dict[str, Any] = json.loads(file.readline())
    return head


async def run(stream: sk.Stream[Any]) -> tuple[list[Any], sk.Outcome]:
    """
    All that a stream gives, and how it ended.
    """
    items: list[Any] = []
    outcome = await outcome_of(stream, items)
    return items, outcome


ANSWERS = {
    "whole": (HELLO, "closed"),
    "bytes": (HELLO.chunked(1), "closed"),
    "one write": (Reply([HELLO.body]), "closed"),
    "truncated": (HELLO.cut_bytes(700), "closed"),
    "empty": (Reply([]), "closed"),
    "error event": (HELLO.cut(3, ErrorEvent()), "closed"),
    "dropped": (HELLO.cut_bytes(700, Drop()), "dropped"),
    "dropped byte by byte": (HELLO.chunked(1).cut_bytes(700, Drop()), "dropped"),
    "not UTF-8": (HELLO.insert(3, b": \xff\n\n"), "closed"),
}


@pytest.mark.parametrize(("answer", "end"), ANSWERS.values(), ids=ANSWERS)
async def test_what_was_read_is_recorded_and_plays_again(tmp_path: Path, answer: Reply, end: str) -> None:
    path = tmp_path / "run.jsonl"
    async with FakeClaude(answer) as server:
        client = record(server.client(), path)
        live, ended = await run(sk.messages(client, **ASK, retry=UNTRIED, pings=True))
    assert body_of(path) == answer.body
    assert end_of(path) == end
    again, replayed = await run(sk.replay(path))
    assert again == live
    assert (replayed.kind, replayed.stop_reason, replayed.usage) == (
        ended.kind,
        ended.stop_reason,
        ended.usage,
    )
    assert type(replayed.error) is type(ended.error)
    if isinstance(ended.error, sk.StreamError):
        assert isinstance(replayed.error, sk.StreamError)
        assert (replayed.error.type, replayed.error.retriable) == (ended.error.type, ended.error.retriable)


async def test_a_character_that_is_cut_is_recorded(tmp_path: Path) -> None:
    async with FakeClaude(HELLO.insert(3, Pause(0.01)).chunked(1)) as server:
        await sk.messages(record(server.client(), tmp_path / "run.jsonl"), **ASK).run()
    assert "base64" in (tmp_path / "run.jsonl").read_text("utf-8")
    assert body_of(tmp_path / "run.jsonl") == HELLO.body


READERS: dict[str, Callable[[anthropic.AsyncAnthropic], Any]] = {
    "messages": lambda client: sk.messages(client, **ASK).collect(),
    "beta messages": lambda client: sk.messages(client, **ASK, betas=["b-1"]).collect(),
    "from_sdk": lambda client: sk.from_sdk(client.messages.create(**ASK, stream=True)).collect(),
    "from_sdk with a helper": lambda client: sk.from_sdk(client.messages.stream(**ASK)).collect(),
    "beta by hand": lambda client: by_hand(client.beta.messages.create(**ASK, stream=True)),
    "by hand": lambda client: by_hand(client.messages.create(**ASK, stream=True)),
    "raw": lambda client: raw(client),
}


async def by_hand(request: Any) -> list[Any]:
    async with await request as stream:
        return [item async for item in stream]


async def raw(client: anthropic.AsyncAnthropic) -> bytes:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return b"".join([chunk async for chunk in response.iter_bytes()])


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
async def test_whoever_reads_gets_the_same_and_it_is_recorded(
    tmp_path: Path, read: Callable[..., Any]
) -> None:
    async with FakeClaude(HELLO, repeat=True) as server:
        plain = server.client()
        client = record(plain, tmp_path)
        assert type(client) is type(plain)
        assert await read(client) == await read(plain)
        assert len(server.connections) == 1
    assert os.listdir(tmp_path) == ["001.jsonl"]
    assert body_of(tmp_path / "001.jsonl") == HELLO.body


async def test_nothing_that_was_asked_is_in_the_file(tmp_path: Path) -> None:
    async with FakeClaude(HELLO) as server:
        client = record(
            server.client(api_key=KEY, default_headers={"x-mine": SECRET}), tmp_path / "run.jsonl"
        )
        await sk.messages(client, **ASK).run()
        [request] = server.requests
        assert KEY in str(request.headers)
        assert SECRET in str(request.body)
    kept = (tmp_path / "run.jsonl").read_text("utf-8")
    assert KEY not in kept
    assert SECRET not in kept
    head = head_of(tmp_path / "run.jsonl")
    assert set(head) == {"streamkit", "version", "recorded", "request", "response"}
    assert head["request"] == {"model": "claude-sonnet-5", "max_tokens": 64, "messages": 3, "tools": 1}
    assert head["response"] == {"status": 200, "request_id": "req_000000000000000000000001"}


async def test_what_has_another_type_than_in_the_api_is_not_in_the_file(tmp_path: Path) -> None:
    async with FakeClaude(HELLO) as server:
        client = record(server.client(), tmp_path / "run.jsonl")
        odd: dict[str, Any] = {**ASK, "model": [SECRET], "max_tokens": SECRET, "messages": SECRET}
        async with await client.post(
            "/v1/messages",
            body={**odd, "stream": True},
            cast_to=object,
            stream=True,
            stream_cls=anthropic.AsyncStream[Any],
        ) as stream:
            async for _ in stream:
                pass
    assert head_of(tmp_path / "run.jsonl")["request"] == {"tools": 1}


async def test_the_times_are_those_of_the_reads(tmp_path: Path) -> None:
    async with FakeClaude(HELLO.insert(3, Pause(0.05)).after(Pause(0.03))) as server:
        await sk.messages(record(server.client(), tmp_path / "run.jsonl"), **ASK).run()
    times = [read.at for read in parse_recording((tmp_path / "run.jsonl").read_bytes())]
    assert times == sorted(times)
    assert times[0] >= 0.025
    assert max(after - before for before, after in pairwise(times)) >= 0.04


class Timed(httpx2.AsyncByteStream):
    """
    A body that takes its time, and may break.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.closed = 0
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in HELLO.steps:
            assert isinstance(step, bytes)
            await anyio.sleep(1)
            yield step
        await anyio.sleep(0.5)
        if self._error is not None:
            raise self._error

    async def aclose(self) -> None:
        self.closed += 1


@pytest.fixture
def reading(tmp_path: Path) -> Callable[[Timed], AsyncIterator[bytes]]:
    """
    Reads a body that is recorded to run.jsonl, of a request that was sent two seconds before.
    """

    def read(body: Timed) -> AsyncIterator[bytes]:
        file = FileIO(tmp_path / "run.jsonl", "w")
        stream = RecordedBody(body, anyio.current_time() - 2, lambda: Cassette(file, {}))
        return httpx2.Response(200, stream=stream).aiter_raw()

    return read


@pytest.mark.virtual_time
@pytest.mark.parametrize("error", [None, httpx2.ReadError("reset"), httpx2.ReadTimeout("late")], ids=repr)
async def test_a_recording_plays_at_the_pace_of_the_stream(
    tmp_path: Path, reading: Callable[[Timed], AsyncIterator[bytes]], error: Exception | None
) -> None:
    body = Timed(error)
    await run(sk.from_sse(reading(body)))
    reads = list(parse_recording((tmp_path / "run.jsonl").read_bytes()))
    count = len(HELLO.steps)
    assert [read.at for read in reads] == [*(3.0 + number for number in range(count)), 2.5 + count]
    assert reads[-1].end == ("closed" if error is None else "dropped")
    assert body.closed == 1
    for speed in (1.0, 4.0):
        began = anyio.current_time()
        await run(sk.replay(tmp_path / "run.jsonl", speed=speed))
        assert anyio.current_time() - began == pytest.approx((2.5 + count) / speed)


@pytest.mark.virtual_time
async def test_a_body_that_is_left_is_recorded_as_far_as_it_was_read(
    tmp_path: Path, reading: Callable[[Timed], AsyncIterator[bytes]]
) -> None:
    body = Timed()
    async with sk.from_sse(reading(body)).open() as running:
        async for item in running:
            if item.type == "content_block_delta":
                break
    assert body.closed == 1
    assert body_of(tmp_path / "run.jsonl") == HELLO.cut(3).body
    assert end_of(tmp_path / "run.jsonl") == "closed"
    _, outcome = await run(sk.replay(tmp_path / "run.jsonl"))
    assert outcome.kind == "truncated"


@pytest.mark.virtual_time
async def test_a_cancellation_leaves_nothing_open(
    tmp_path: Path, reading: Callable[[Timed], AsyncIterator[bytes]]
) -> None:
    body = Timed()
    with anyio.move_on_after(4.5):
        await sk.from_sse(reading(body)).run()
    assert body.closed == 1
    assert [read.at for read in parse_recording((tmp_path / "run.jsonl").read_bytes())] == [3, 4, 5, 6, 6.5]
    assert end_of(tmp_path / "run.jsonl") == "closed"


@pytest.mark.virtual_time
async def test_a_body_that_is_closed_is_recorded_though_its_iterator_is_still_held(tmp_path: Path) -> None:
    body = Timed()
    stream = RecordedBody(body, 0, lambda: Cassette(FileIO(tmp_path / "run.jsonl", "w"), {}))
    chunks = aiter(stream)
    await anext(chunks)
    await stream.aclose()
    assert (end_of(tmp_path / "run.jsonl"), body.closed) == ("closed", 1)
    await chunks.aclose()
    assert len(list(parse_recording((tmp_path / "run.jsonl").read_bytes()))) == 2


async def test_a_run_that_is_left_is_recorded_and_closed(tmp_path: Path) -> None:
    async with FakeClaude(HELLO.cut(3, Stall())) as server:
        async with sk.messages(record(server.client(), tmp_path / "run.jsonl"), **ASK).open() as running:
            async for item in running:
                if item.type == "content_block_delta":
                    break
        with patience():
            await server.all_closed()
    assert body_of(tmp_path / "run.jsonl") == HELLO.cut(3).body
    assert end_of(tmp_path / "run.jsonl") == "closed"


async def test_a_response_that_is_closed_early_is_whole_on_disk_at_once(tmp_path: Path) -> None:
    async with FakeClaude(HELLO.cut(3, Stall())) as server:
        client = record(server.client(), tmp_path / "run.jsonl")
        request = client.messages.with_streaming_response.create(**ASK, stream=True)
        with anyio.CancelScope() as scope:
            async with request as response:
                async for _ in response.iter_bytes():
                    if body_of(tmp_path / "run.jsonl") == HELLO.cut(3).body:
                        scope.cancel()
        assert end_of(tmp_path / "run.jsonl") == "closed"
        with patience():
            await server.all_closed()


async def test_a_response_that_nobody_reads_leaves_no_file(tmp_path: Path) -> None:
    async with FakeClaude(HELLO) as server:
        stream = await record(server.client(), tmp_path).messages.create(**ASK, stream=True)
        await stream.close()
        with patience():
            await server.all_closed()
    assert os.listdir(tmp_path) == []


async def test_what_is_no_stream_of_events_is_left_alone(tmp_path: Path) -> None:
    answers = [HELLO, error_reply(529), page()]
    async with FakeClaude(*answers) as server:
        client = record(server.client(), tmp_path)
        whole = await client.messages.create(model="claude-sonnet-5", max_tokens=64, messages=ASK["messages"])
        assert whole.id == "msg_1"
        for _ in answers[1:]:
            with suppress(anthropic.OverloadedError, sk.StreamError):
                await sk.messages(client, **ASK, retry=None).run()
        assert len(server.requests) == 3
        assert server.requests[0].headers["accept-encoding"] != "identity"
    assert os.listdir(tmp_path) == []


async def test_two_requests_at_once_get_a_file_each(tmp_path: Path) -> None:
    answers = [reply(text(letter, Pause(0.02), letter)) for letter in "ab"]
    async with FakeClaude(*answers) as server:
        client = record(server.client(), tmp_path / "run.jsonl")
        async with anyio.create_task_group() as group:
            for _ in answers:
                group.start_soon(sk.messages(client, **ASK).run)
    kept = {body_of(tmp_path / name) for name in ("run.jsonl", "run-2.jsonl")}
    assert kept == {answer.body for answer in answers}


async def test_a_retry_has_a_file_of_its_own(tmp_path: Path) -> None:
    async with FakeClaude(reply(ErrorEvent()), HELLO) as server:
        await sk.messages(record(server.client(), tmp_path), **ASK, retry=sk.RetryPolicy(base=0)).run()
    assert [body_of(tmp_path / f"00{number}.jsonl") for number in (1, 2)] == [
        reply(ErrorEvent()).body,
        HELLO.body,
    ]


async def test_a_directory_is_created_and_what_is_in_it_kept(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    async with FakeClaude(HELLO, repeat=True) as server:
        for mine in ("", "003.jsonl"):
            client = record(server.client(), folder)
            assert folder.is_dir()
            for _ in range(2 if mine else 1):
                await sk.messages(client, **ASK).run()
                if mine:
                    (folder / mine).write_text("mine")
    assert sorted(os.listdir(folder)) == [f"00{number}.jsonl" for number in range(1, 5)]
    assert (folder / "003.jsonl").read_text() == "mine"


async def test_a_named_file_is_replaced_when_there_is_something_to_record(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    path.parent.mkdir()
    path.write_text("old")
    async with FakeClaude(HELLO) as server:
        client = record(server.client(), str(path))
        assert path.read_text() == "old"
        await sk.messages(client, **ASK).run()
    assert body_of(path) == HELLO.body


async def test_a_directory_may_have_a_dot_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "run.d").mkdir()
    async with FakeClaude(HELLO) as server:
        await sk.messages(record(server.client(), tmp_path / "run.d"), **ASK).run()
    assert body_of(tmp_path / "run.d" / "001.jsonl") == HELLO.body


async def test_the_current_directory_has_cassettes_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with FakeClaude(HELLO) as server:
        await sk.messages(record(server.client()), **ASK).run()
    assert body_of(Path("cassettes", "001.jsonl")) == HELLO.body


async def test_a_place_where_nothing_can_be_written_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    async with FakeClaude() as server:
        client = server.client()
        for place in (tmp_path / "file", tmp_path / "file" / "folder", tmp_path / "file" / "run.jsonl"):
            with pytest.raises(OSError, match=r"file"):
                record(client, place)

        def access(path: Path, mode: int) -> bool:
            return path.name != "run.jsonl"

        monkeypatch.setattr(os, "access", access)
        (tmp_path / "run.jsonl").touch()
        with pytest.raises(PermissionError, match=r"record\(\) cannot write here: .*run\.jsonl"):
            record(client, tmp_path / "run.jsonl")


async def test_a_disk_that_is_full_is_told_and_the_response_closed(tmp_path: Path) -> None:
    os.symlink("/dev/full", tmp_path / "run.jsonl")
    async with FakeClaude(HELLO.cut(1, Stall())) as server:
        with pytest.raises(OSError, match="No space left"):
            await sk.messages(record(server.client(), tmp_path / "run.jsonl"), **ASK).run()
        with patience():
            await server.all_closed()


async def test_a_place_that_has_gone_harms_only_the_responses_until_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "cassettes"
    async with FakeClaude(HELLO, repeat=True) as server:
        client = record(server.client(), folder)
        folder.rmdir()
        with pytest.raises(FileNotFoundError):
            await sk.messages(client, **ASK).run()
        folder.mkdir()
        await sk.messages(client, **ASK).run()
    assert len(os.listdir(folder)) == 1


async def test_responses_are_asked_for_uncompressed_and_refused_when_they_are_not(tmp_path: Path) -> None:
    squeezed = Reply([gzip.compress(HELLO.body)], headers={"content-encoding": "gzip"})
    async with FakeClaude(HELLO, squeezed) as server:
        client = record(server.client(default_headers={"accept-encoding": "gzip"}), tmp_path)
        await sk.messages(client, **ASK).run()
        assert server.requests[0].headers["accept-encoding"] == "identity"
        with pytest.raises(RuntimeError, match="cannot record one in gzip"):
            await sk.messages(client, **ASK).run()
        with patience():
            await server.all_closed()
    assert len(os.listdir(tmp_path)) == 1


async def test_other_middleware_goes_on_working(tmp_path: Path) -> None:
    seen: list[str] = []

    async def outside(request: anthropic.APIRequest, call_next: anthropic.AsyncCallNext) -> Any:
        seen.append("outside")
        return await call_next(request)

    async def inside(request: anthropic.APIRequest, call_next: anthropic.AsyncCallNext) -> Any:
        seen.append("inside")
        return "made up" if request.retries_taken == 0 and len(seen) > 2 else await call_next(request)

    async with FakeClaude(HELLO) as server:
        client = record(server.client().with_middleware(outside), tmp_path).with_middleware(inside)
        await sk.messages(client, **ASK).run()
        made_up: Any = await client.messages.create(**ASK, stream=True)
    assert seen == ["outside", "inside"] * 2
    assert made_up == "made up"
    assert body_of(tmp_path / "001.jsonl") == HELLO.body


async def test_the_sdk_s_span_of_the_call_is_complete(tmp_path: Path) -> None:
    sdk: Any = pytest.importorskip("opentelemetry.sdk.trace")
    memory: Any = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    export: Any = pytest.importorskip("opentelemetry.sdk.trace.export")
    kept = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    async with FakeClaude(HELLO, repeat=True) as server:
        client = record(server.client(open_telemetry={"tracer_provider": provider}), tmp_path)
        await sk.messages(client, **ASK).run()
        await by_hand(client.messages.create(**ASK, stream=True))
    for span in kept.get_finished_spans():
        assert span.status.status_code.name == "OK"
        assert span.attributes["anthropic.message.stop_reason"] == "tool_use"
        assert "gen_ai.response.time_to_first_chunk" in span.attributes
    assert [body_of(tmp_path / name) for name in os.listdir(tmp_path)] == [HELLO.body] * 2


async def test_what_others_keep_on_a_body_is_still_there(tmp_path: Path) -> None:
    async def observing(request: anthropic.APIRequest, call_next: anthropic.AsyncCallNext) -> Any:
        response = await call_next(request)
        body: Any = response.http_response.stream
        body.stream_observer = "kept"
        return response

    async with FakeClaude(HELLO) as server:
        client = record(server.client(), tmp_path).with_middleware(observing)
        response = await client.messages.with_raw_response.create(**ASK, stream=True)
        body: Any = response.http_response.stream
        assert body.stream_observer == "kept"
        assert not hasattr(body, "nonsense")
        await response.http_response.aclose()


def test_only_an_asynchronous_client_can_be_recorded(tmp_path: Path) -> None:
    wrong: Any
    synchronous = r"needs an asynchronous client, anthropic\.AsyncAnthropic, not a synchronous one"
    with anthropic.Anthropic(api_key=KEY) as wrong, pytest.raises(TypeError, match=synchronous):
        record(wrong, tmp_path / "none")
    for wrong in (anthropic.AsyncAnthropic, "client", None):
        with pytest.raises(TypeError, match=r"needs a client of the SDK, anthropic\.AsyncAnthropic, not "):
            record(wrong, tmp_path / "none")
    assert os.listdir(tmp_path) == []
