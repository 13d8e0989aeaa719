"""
What is paid once.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import aclosing, suppress
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import aiostream
import anyio
import structlog

import streamkit as sk

from .measure import Contender, Row, Table, race
from .pages import RECORDINGS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

__all__ = ["tables"]

RUNS = 1_000
ITEMS = 10_000
_IMPORTS = {
    "streamkit": "import streamkit",
    "streamkit, its Claude sources and text() loaded": "import streamkit; streamkit.messages, streamkit.text",
    "anthropic": "import anthropic",
    "anyio": "import anyio",
    "msgspec": "import msgspec",
}


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    Importing, opening and closing, short streams, reading in a generator, logging.
    """
    yield await _imports(rounds)
    yield await _opening(rounds)
    if recordings := [path.read_bytes() for path in sorted(RECORDINGS.glob("*.sse"))]:
        yield await _recordings(recordings, rounds)
    yield await _reading(rounds)
    yield await _logging(rounds)


async def _imports(rounds: int) -> Table:
    taken: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    # pip compiles what it installs. uv does not, and some machines forbid Python to keep what it has compiled.
    with TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        for _ in range(rounds + 1):
            for name, code in _IMPORTS.items():
                timed = f"from time import process_time as now; start = now(); {code}; print(now() - start)"
                done = subprocess.run(  # noqa: ASYNC221 -- nothing else runs in this loop
                    [sys.executable, "-c", timed], check=True, capture_output=True, text=True, env=environment
                )
                taken[name].append(float(done.stdout) * 1e3)
    rows = [Row(name, min(times), median(times)) for name, times in taken.items()]
    return Table("importing, each in a fresh interpreter, compiled before", "ms", rows, "streamkit")


async def _opening(rounds: int) -> Table:
    async def once() -> AsyncGenerator[int, None]:
        yield 1

    async def generator() -> None:
        for _ in range(RUNS):
            async with aclosing(once()) as items:
                async for _ in items:
                    pass

    async def task_group() -> None:
        for _ in range(RUNS):
            async with anyio.create_task_group(), aclosing(once()) as items:
                async for _ in items:
                    pass

    async def streamkit() -> None:
        stream = sk.from_iterable(once)
        for _ in range(RUNS):
            async with stream.open() as run:
                async for _ in run:
                    pass

    async def streamkit_with_stages() -> None:
        stream = sk.from_iterable(once) | sk.map(str) | sk.filter(str.isdigit) | sk.map(int)
        for _ in range(RUNS):
            async with stream.open() as run:
                async for _ in run:
                    pass

    async def with_aiostream() -> None:
        for _ in range(RUNS):
            async with aiostream.stream.iterate(once()).stream() as items:
                async for _ in items:
                    pass

    contenders = [
        Contender("an async generator, closed", generator),
        Contender("the same in an anyio task group", task_group),
        Contender("streamkit", streamkit),
        Contender("streamkit, three pure stages", streamkit_with_stages),
        Contender("aiostream", with_aiostream),
    ]
    rows = await race(contenders, units=RUNS, rounds=rounds)
    return Table("opening, reading one item, closing", "μs per run", rows, "streamkit")


async def _recordings(bodies: Sequence[bytes], rounds: int) -> Table:
    """
    Answers as short as most are, about 50 events, so that opening them counts.
    """

    async def read(operators: Sequence[Callable[[], sk.Operator[Any, Any]]]) -> int:
        count = 0
        for body in bodies:
            stream: sk.Stream[Any] = sk.from_sse(body)
            for operator in operators:
                stream |= operator()
            with suppress(sk.StreamError):  # some were cut
                async with stream.open() as run:
                    async for _ in run:
                        count += 1
        return count

    whole = await read([])
    pipelines: dict[str, list[Callable[[], sk.Operator[Any, Any]]]] = {
        "from_sse()": [],
        "from_sse() | text()": [sk.text],
        "from_sse() | tool_calls()": [sk.tool_calls],
        "from_sse() | tool_input()": [sk.tool_input],
    }
    contenders = [
        Contender(name, partial(read, operators), result=lambda _: None)
        for name, operators in pipelines.items()
    ]
    rows = await race(contenders, units=whole, rounds=rounds)
    title = f"{len(bodies)} recordings, {whole / len(bodies):.0f} events each, from their bytes"
    return Table(title, "μs per event", rows, "from_sse()")


async def _reading(rounds: int) -> Table:
    """
    A run that an async generator awaits has its jobs in a task beside it, and watches each read.
    """
    items = sk.from_iterable(range(ITEMS))

    async def in_a_block() -> None:
        async with items.open() as run:
            async for _ in run:
                pass

    async def body() -> AsyncGenerator[int, None]:
        async with items.open() as run:
            async for item in run:
                yield item  # noqa: ASYNC119 -- what web frameworks are given, which is what is measured

    async def in_a_generator() -> None:
        async with aclosing(body()) as pieces:
            async for _ in pieces:
                pass

    contenders = [Contender("a run in a coroutine", in_a_block), Contender("in a generator", in_a_generator)]
    rows = await race(contenders, units=ITEMS, rounds=rounds)
    return Table("reading a run", "μs per item", rows, "a run in a coroutine")


async def _logging(rounds: int) -> Table:
    async def once() -> AsyncGenerator[int, None]:
        yield 1

    stream = sk.from_iterable(once)
    logger = logging.getLogger("streamkit")
    nowhere = _Nowhere()

    async def runs() -> None:
        for _ in range(RUNS):
            async with stream.open() as run:
                async for _ in run:
                    pass

    async def to_logging() -> None:
        logger.addHandler(nowhere)
        logger.setLevel(logging.DEBUG)
        try:
            await runs()
        finally:
            logger.setLevel(logging.NOTSET)
            logger.removeHandler(nowhere)

    async def to_structlog() -> None:
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
        )
        try:
            await runs()
        finally:
            structlog.reset_defaults()

    contenders = [
        Contender("nobody listens", runs),
        Contender("logging, at debug", to_logging),
        Contender("structlog, as JSON", to_structlog),
    ]
    rows = await race(contenders, units=RUNS, rounds=rounds)
    return Table("a run and its two lines of log, written nowhere", "μs per run", rows, "nobody listens")


class _Nowhere(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
