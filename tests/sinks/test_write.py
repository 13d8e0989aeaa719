"""
write: text to a terminal or a file, as it comes.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from streamkit import from_iterable, tee
from streamkit.events import Restarted
from streamkit.sinks import write
from tests.support.patience import PATIENCE, patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


async def test_it_writes_to_stdout_as_it_is_when_the_sink_begins(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    sink = write()
    with pytest.MonkeyPatch.context() as patch:
        elsewhere = io.StringIO()
        patch.setattr(sys, "stdout", elsewhere)
        await (from_iterable(["a", "b"]) | sink)
        assert elsewhere.getvalue() == "ab"
    assert sys.stdout is before
    await (from_iterable(["c"]) | sink)
    assert capsys.readouterr().out == "c"


async def test_a_program_without_a_console_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    await (from_iterable(["a", "b"]) | write())
    with pytest.raises(TypeError, match="takes str"):
        await (from_iterable([1]) | write())  # type: ignore[operator, misc]  # pyright: ignore


class Recorder:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def write(self, text: str, /) -> None:
        self.calls.append(text)

    def flush(self) -> None:
        self.calls.append("flush")


async def test_each_piece_is_flushed() -> None:
    file = Recorder()
    await (from_iterable(["a", "b"]) | write(file))
    assert file.calls == ["a", "flush", "b", "flush"]


async def test_a_piece_is_in_the_file_before_the_next_one_comes(tmp_path: Path) -> None:
    path = tmp_path / "said.txt"
    proceed = anyio.Event()

    async def speak() -> AsyncIterator[str]:
        yield "first"
        await proceed.wait()
        yield "second"

    with path.open("w") as file:
        async with (from_iterable(speak) | write(file)).open() as run:
            while path.read_text() != "first":  # noqa: ASYNC110 -- the file cannot tell
                await anyio.sleep(0.001)
            proceed.set()
            await run
        assert path.read_text() == "firstsecond"


async def test_a_real_file_is_written_in_another_thread_and_one_in_memory_in_this_one() -> None:
    class Spy(Recorder):
        def __init__(self) -> None:
            super().__init__()
            self.threads: set[int] = set()

        def flush(self) -> None:
            self.threads.add(threading.get_ident())

    class RealSpy(Spy):
        def fileno(self) -> int:
            return 1

    memory, real = Spy(), RealSpy()
    await (from_iterable("abc") | tee(write(memory)) | write(real))
    assert memory.threads == {threading.get_ident()}
    assert real.threads.isdisjoint(memory.threads)
    assert "".join(memory.calls) == "".join(real.calls) == "abc"


class FullPipe:
    """
    A file whose other end nobody reads, until somebody does.
    """

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self.reader = os.fdopen(reading, "rb")
        self.file = os.fdopen(writing, "w")
        self.offered = 0

    async def speak(self) -> AsyncIterator[str]:
        while True:
            yield "x" * 1024
            self.offered += 1

    async def fill(self) -> None:
        """
        Wait until no more is taken: more than the pipe holds, and nothing while others had their time.
        """
        before = -1
        with patience():
            while self.offered > before or self.offered <= 64:
                before = self.offered
                await anyio.sleep(0.05)

    async def drain(self) -> None:
        self.received = len(await anyio.to_thread.run_sync(self.reader.read))
        self.reader.close()


async def test_a_full_pipe_stops_the_stream_and_not_the_event_loop() -> None:
    pipe = FullPipe()
    run = (from_iterable(pipe.speak) | write(pipe.file)).open()
    async with anyio.create_task_group() as tasks:
        async with run:
            await pipe.fill()
            assert 64 < pipe.offered < 5000
            run.cancel("enough")
            tasks.start_soon(pipe.drain)
        pipe.file.close()
    assert run.outcome.stopped_by == "cancel: enough"
    assert pipe.received in {1024 * pipe.offered, 1024 * (pipe.offered + 1)}


async def test_a_pipe_that_stays_full_does_not_keep_a_cancelled_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamkit.sinks._spool._PATIENCE", 0.05)
    pipe = FullPipe()
    async with (from_iterable(pipe.speak) | write(pipe.file)).open(close_timeout=2 * PATIENCE) as run:
        await pipe.fill()
        run.cancel("enough")
        stopped_at = anyio.current_time()
    assert anyio.current_time() - stopped_at < PATIENCE
    assert run.outcome.stopped_by == "cancel: enough"
    pipe.reader.close()
    with suppress(BrokenPipeError):
        pipe.file.close()


async def test_at_a_natural_end_a_slow_file_gets_all_the_time_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamkit.sinks._spool._PATIENCE", 0.01)
    pipe = FullPipe()
    async with anyio.create_task_group() as tasks:

        async def job() -> None:
            await (from_iterable(["x" * 1024] * 200) | write(pipe.file))
            pipe.file.close()

        tasks.start_soon(job)
        await anyio.sleep(0.2)
        await pipe.drain()
    assert pipe.received == 200 * 1024


async def test_a_failure_to_write_ends_the_run_with_it() -> None:
    async def endless() -> AsyncIterator[str]:
        while True:
            yield "x"

    reading, writing = os.pipe()
    os.close(reading)
    file = os.fdopen(writing, "w")
    run = (from_iterable(endless) | tee(write(file))).open()

    async def read() -> None:
        async with run:
            async for _ in run:
                pass

    with pytest.raises(BrokenPipeError):
        await read()
    assert run.outcome.kind == "failed"
    assert isinstance(run.outcome.error, BrokenPipeError)
    assert run.report.sinks["write"].error is run.outcome.error
    with pytest.raises(BrokenPipeError):
        file.close()


async def test_where_the_stream_starts_over_a_line_begins() -> None:
    file = io.StringIO()
    items: list[str | Restarted] = ["fir", Restarted(2, ConnectionError()), "first"]
    await (from_iterable(items) | write(file))
    assert file.getvalue() == "fir\nfirst"


@pytest.mark.parametrize("in_memory", [True, False])
async def test_what_is_no_text_is_refused(in_memory: bool, tmp_path: Path) -> None:
    items: list[Any] = ["a", 1, "b"]
    with io.StringIO() if in_memory else (tmp_path / "x").open("w+") as file:
        with pytest.raises(TypeError, match=r"write\(\) takes str, not int: put text\(\) or map"):
            await (from_iterable(items) | write(file))
        file.seek(0)
        assert file.read() == "a"


@pytest.mark.parametrize("junk", ["out.txt", 1, open, object()])
def test_junk_is_refused_at_once(junk: Any) -> None:
    with pytest.raises(TypeError, match="needs an open text file"):
        write(junk)


@pytest.mark.parametrize("in_memory", [True, False])
async def test_what_came_before_a_piece_that_the_file_does_not_know_is_written(
    in_memory: bool, tmp_path: Path
) -> None:
    """
    Also where all of it comes at once.
    """
    with (tmp_path / "x").open("w+b") as real:
        binary: Any = io.BytesIO() if in_memory else real
        file = io.TextIOWrapper(binary, encoding="ascii")
        with pytest.raises(UnicodeEncodeError):
            await (from_iterable(["a", "b", "é", "c"]) | write(file))
        binary.seek(0)
        assert binary.read() == b"ab"


async def test_a_file_of_codecs_is_a_text_file(tmp_path: Path) -> None:
    file: Any
    with codecs.getwriter("utf-8")((tmp_path / "x").open("wb")) as file:
        await (from_iterable(["é"]) | write(file))
    assert (tmp_path / "x").read_text("utf-8") == "é"


async def test_a_binary_and_an_asynchronous_file_are_refused(tmp_path: Path) -> None:
    binary: Any
    with (tmp_path / "x").open("wb") as binary, pytest.raises(TypeError, match="not in binary mode"):
        write(binary)
    with pytest.raises(TypeError, match="not in binary mode"):
        write(io.BytesIO())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async with await anyio.open_file(tmp_path / "x", "w") as asynchronous:
        with pytest.raises(TypeError, match="not an asynchronous one"):
            write(asynchronous)  # pyright: ignore[reportArgumentType]


def test_it_reads_like_its_source() -> None:
    assert repr(write()) == "write()"
    assert repr(write(io.StringIO())) == "write(<StringIO>)"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), KeyError("of the file")], ids=repr)
@pytest.mark.parametrize("beside", [False, True])
async def test_what_the_file_raises_comes_out_as_itself(error: BaseException, beside: bool) -> None:
    class Broken(io.StringIO):
        def fileno(self) -> int:  # so it is written in a thread
            return 1

        def write(self, text: str, /) -> int:
            raise error

    stream, sink = from_iterable(["a", "b"]), write(Broken())
    with pytest.raises(type(error)) as caught:
        await ((stream | tee(sink)).run() if beside else (stream | sink))
    assert caught.value is error
