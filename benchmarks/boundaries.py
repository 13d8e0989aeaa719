"""
What it costs an item to cross from one task to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiostream
import anyio

import streamkit as sk

from .measure import Aim, Contender, Row, Table, collected, race

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

__all__ = ["tables"]

ITEMS = 20_000
BUFFER = 64
STREAMKIT = "streamkit"
MEMORY_STREAM = "anyio memory object stream"
AIOSTREAM = "aiostream"
SOURCE = "the source alone"
AIM = Aim(STREAMKIT, MEMORY_STREAM, at_least=5)


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    A buffer, a tee, a merge; and the cost of the source taken off.
    """
    yield await _buffer(rounds)
    for sinks in (1, 3):
        yield await _tee(sinks, rounds)
    yield await _merge(rounds)


async def numbers() -> AsyncIterator[int]:
    for x in range(ITEMS):
        yield x


async def half() -> AsyncIterator[int]:
    for x in range(ITEMS // 2):
        yield x


async def send_all(items: AsyncIterator[int], target: MemoryObjectSendStream[int]) -> None:
    async with target:
        async for x in items:
            await target.send(x)


async def _buffer(rounds: int) -> Table:
    async def nothing() -> list[int]:
        return await collected(numbers())

    async def streamkit() -> list[int]:
        async with (sk.from_iterable(numbers) | sk.buffer(BUFFER)).open() as run:
            return await collected(run)

    async def memory_object_stream() -> list[int]:
        async with anyio.create_task_group() as tasks:
            send, receive = anyio.create_memory_object_stream[int](BUFFER)
            tasks.start_soon(send_all, numbers(), send)
            async with receive:
                return await collected(receive)

    contenders = [
        Contender(STREAMKIT, streamkit),
        Contender(MEMORY_STREAM, memory_object_stream),
        Contender(SOURCE, nothing),
    ]
    return _table(f"a buffer of {BUFFER}", await race(contenders, units=ITEMS, rounds=rounds))


async def _tee(sinks: int, rounds: int) -> Table:
    @sk.sink
    async def total(items: AsyncIterator[int]) -> int:
        result = 0
        async for x in items:
            result += x
        return result

    async def nothing() -> list[int]:
        async for _ in numbers():
            pass
        return [sum(range(ITEMS))] * sinks

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

    contenders = [
        Contender(STREAMKIT, streamkit),
        Contender(MEMORY_STREAM, memory_object_streams),
        Contender(SOURCE, nothing),
    ]
    title = f"tee to {sinks} sink{'s' * (sinks > 1)}, buffer of {BUFFER}, for each sink"
    return _table(title, await race(contenders, units=ITEMS, rounds=rounds), sinks)


async def _merge(rounds: int) -> Table:
    async def nothing() -> list[int]:
        return sorted(await collected(half()) + await collected(half()))

    async def streamkit() -> list[int]:
        async with sk.merge(sk.from_iterable(half), sk.from_iterable(half)).open() as run:
            return sorted(await collected(run))

    async def with_aiostream() -> list[int]:
        async with aiostream.stream.merge(half(), half()).stream() as items:
            return sorted(await collected(items))

    async def memory_object_stream() -> list[int]:
        async with anyio.create_task_group() as tasks:
            send, receive = anyio.create_memory_object_stream[int](BUFFER)
            async with send:
                for _ in range(2):
                    tasks.start_soon(send_all, half(), send.clone())
            async with receive:
                return sorted(await collected(receive))

    contenders = [
        Contender(STREAMKIT, streamkit),
        Contender(MEMORY_STREAM, memory_object_stream),
        Contender(AIOSTREAM, with_aiostream),
        Contender(SOURCE, nothing),
    ]
    return _table("merge of two sources", await race(contenders, units=ITEMS, rounds=rounds))


def _table(title: str, rows: Sequence[Row], crossings: int = 1) -> Table:
    """
    The same with the source taken off: what is left is the boundary.
    """
    source = rows[-1]
    net = [
        Row(row.name, (row.best - source.best) / crossings, (row.median - source.median) / crossings)
        for row in rows[:-1]
    ]
    return Table(title, "μs per item, the source taken off", net, STREAMKIT, (AIM,))
