"""
write: text to a terminal or a file, as it comes.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from streamkit import from_iterable, tee
from streamkit.claude.events import Restarted
from streamkit.sinks import write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


async def test_it_writes_to_stdout_as_it_is_when_the_sink_begins(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    sink = write()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.StringIO())
        await (from_iterable(["a", "b"]) | sink)
        assert sys.stdout.getvalue() == "ab"  # type: ignore[attr-defined]  # pyright: ignore
    assert sys.stdout is before
    await (from_iterable(["c"]) | sink)
    assert capsys.readouterr().out == "c"


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
            while path.read_text() != "first":
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


async def test_a_full_pipe_stops_the_stream_but_not_the_event_loop() -> None:
    pulled = 0

    async def speak() -> AsyncIterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield "x" * 1024

    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as file:
        async with (from_iterable(speak) | write(file)).open() as run:
            before = -1
            while pulled > before:  # the pipe holds 64 KiB, and the sink its bound
                before = pulled
                await anyio.sleep(0.05)
            assert pulled < 5000
            run.cancel("enough")
            reader.read(1 << 20)  # let the writing thread go
        assert run.outcome.stopped_by == "cancel: enough"
        os.set_blocking(reading, False)
        while reader.read(1 << 20):
            pass


async def test_a_failure_to_write_ends_the_run_with_it() -> None:
    async def endless() -> AsyncIterator[str]:
        while True:
            yield "x"

    reading, writing = os.pipe()
    os.close(reading)
    file = os.fdopen(writing, "w")
    with pytest.raises(BrokenPipeError):
        async with (from_iterable(endless) | tee(write(file))).open() as run:
            async for _ in run:
                pass
    assert run.outcome.kind == "failed"
    assert isinstance(run.outcome.error, BrokenPipeError)
    assert run.report.sinks["write"].error is run.outcome.error
    with pytest.raises(BrokenPipeError):
        file.close()


async def test_where_the_stream_starts_over_a_line_begins() -> None:
    file = io.StringIO()
    await (from_iterable(["fir", Restarted(2, ConnectionError()), "first"]) | write(file))
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


async def test_a_binary_and_an_asynchronous_file_are_refused(tmp_path: Path) -> None:
    binary: Any
    with (tmp_path / "x").open("wb") as binary, pytest.raises(TypeError, match="not in binary mode"):
        write(binary)
    with pytest.raises(TypeError, match="not in binary mode"):
        write(io.BytesIO())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async with await anyio.open_file(tmp_path / "x", "w") as asynchronous:
        with pytest.raises(TypeError, match="not an asynchronous one"):
            write(asynchronous)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_it_reads_like_its_source() -> None:
    assert repr(write()) == "write()"
    assert repr(write(io.StringIO())) == "write(<StringIO>)"
