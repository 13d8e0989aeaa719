"""
What is paid once, and what a second consumer costs.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import aclosing
from statistics import median
from typing import TYPE_CHECKING

import aiostream
import anyio

import streamkit as sk

from .measure import Contender, Row, Table, race

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from anyio.streams.memory import MemoryObjectReceiveStream

__all__ = ["tables"]

RUNS = 1_000
ITEMS = 20_000
BUFFER = 64
_IMPORTS = {
    "streamkit": "import streamkit",
    "streamkit, its Claude sources and text() loaded": "import streamkit; streamkit.messages, streamkit.text",
    "anthropic": "import anthropic",
    "anyio": "import anyio",
    "msgspec": "import msgspec",
}


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    Importing, opening and closing, and teeing.
    """
    yield await _imports(rounds)
    yield await _opening(rounds)
    for sinks in (1, 3):
        yield await _tee(sinks, rounds)


async def _imports(rounds: int) -> Table:
    taken: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    for _ in range(rounds + 1):
        for name, code in _IMPORTS.items():
            timed = f"from time import process_time as now; start = now(); {code}; print(now() - start)"
            done = subprocess.run(  # noqa: ASYNC221 -- nothing else runs in this loop
                [sys.executable, "-c", timed], check=True, capture_output=True, text=True
            )
            taken[name].append(float(done.stdout) * 1e3)
    rows = [Row(name, min(times), median(times)) for name, times in taken.items()]
    return Table("importing, each in a fresh interpreter with warm files", "ms", rows, "streamkit")


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


async def _tee(sinks: int, rounds: int) -> Table:
    async def numbers() -> AsyncIterator[int]:
        for x in range(ITEMS):
            yield x

    @sk.sink
    async def total(items: AsyncIterator[int]) -> int:
        result = 0
        async for x in items:
            result += x
        return result

    async def nothing() -> list[int]:
        async for _ in numbers():
            pass
        return expected

    async def streamkit() -> list[int]:
        async with (sk.from_iterable(numbers) | sk.tee(*[total()] * sinks, buffer=BUFFER)).open() as run:
            async for _ in run:
                pass
        return [report.result for report in run.report.sinks.values()]

    async def memory_object_streams() -> list[int]:
        totals: list[int] = []

        async def consume(items: MemoryObjectReceiveStream[int]) -> None:
            result = 0
            async for x in items:
                result += x
            totals.append(result)

        async with anyio.create_task_group() as tasks:
            pairs = [anyio.create_memory_object_stream[int](BUFFER) for _ in range(sinks)]
            for _, receive in pairs:
                tasks.start_soon(consume, receive)
            async for x in numbers():
                for send, _ in pairs:
                    await send.send(x)
            for send, _ in pairs:
                send.close()
        return totals

    expected = [sum(range(ITEMS))] * sinks
    contenders = [
        Contender("streamkit tee", streamkit),
        Contender("anyio memory object streams", memory_object_streams),
        Contender("the source alone", nothing),
    ]
    rows = await race(contenders, units=ITEMS, rounds=rounds)
    title = f"tee to {sinks} sink{'s' * (sinks > 1)}, buffer of {BUFFER}"
    note = "What exceeds the source, divided by the sinks, is the cost of one sink and item."
    return Table(title, "μs per item", rows, "streamkit tee", note=note)
