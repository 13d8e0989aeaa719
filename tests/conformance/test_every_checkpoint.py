"""
A run that is cancelled after any number of steps leaves nothing open, whoever reads it and how.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.sinks import collect
from tests.support.patience import PATIENCE
from tests.support.profiles import examples

Make = Callable[[sk.Stream[int]], sk.Stream[Any]]
Reader = Callable[[sk.Stream[Any]], Awaitable[None]]

STEPS = range(0, 60, examples(pr=6, full=1))


class Source:
    """
    A stream whose openings and closings are counted, with a cleanup that awaits.
    """

    def __init__(self) -> None:
        self.open = 0
        self.stream = sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[int]:
        self.open += 1
        try:
            for number in range(6):
                await anyio.lowlevel.checkpoint()
                yield number
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.open -= 1


async def later(item: int) -> int:
    await anyio.lowlevel.checkpoint()
    return item


async def passes(piece: str, so_far: str) -> bool:
    await anyio.lowlevel.checkpoint()
    return True


def alone(item: int) -> sk.Stream[int]:
    return sk.from_iterable([item])


PIPELINES: dict[str, Make] = {
    "batch": lambda stream: stream | sk.batch(2, within=1),
    "buffer": lambda stream: stream | sk.buffer(2),
    "calls": lambda stream: stream | sk.map_async(later, 3),
    "concat": lambda stream: sk.concat(stream, stream),
    "flat_map": lambda stream: stream | sk.flat_map(alone, concurrency=2),
    "heartbeat": lambda stream: stream | sk.heartbeat(5, 0),
    "merge": lambda stream: sk.merge(stream, stream),
    "race": lambda stream: sk.race(stream, stream),
    "split": lambda stream: stream | sk.split(ordered=False, a=sk.skip(0), b=sk.skip(1)),
    "gate": lambda stream: stream | sk.map(str) | sk.gate(passes, "grapheme"),
    "take_until": lambda stream: stream | sk.take_until(anyio.sleep_forever),
    "tee": lambda stream: stream | sk.tee(collect(), buffer=1),
    "throttle": lambda stream: stream | sk.throttle(0.0001, merge="latest"),
    "timeout": lambda stream: stream | sk.timeout(idle=5),
    "zip": lambda stream: sk.zip(stream, stream, strict=False),
}


async def a_loop(stream: sk.Stream[Any]) -> None:
    async with stream.open() as run:
        async for _ in run:
            pass


async def single_reads(stream: sk.Stream[Any]) -> None:
    async with stream.open() as run:
        while await anext(run, None) is not None:
            pass


async def a_generator(stream: sk.Stream[Any]) -> None:
    async def body() -> AsyncGenerator[Any, None]:
        async with stream.open() as run:
            async for item in run:
                yield item  # noqa: ASYNC119 -- as web handlers do

    async with aclosing(body()) as items:
        async for _ in items:
            await anyio.lowlevel.checkpoint()


async def a_job(stream: sk.Stream[Any]) -> None:
    await (stream | collect())


@pytest.mark.parametrize("read", [a_loop, single_reads, a_generator, a_job])
@pytest.mark.parametrize("make", PIPELINES.values(), ids=PIPELINES)
async def test_a_run_that_is_cancelled_at_any_step_leaves_nothing_open(make: Make, read: Reader) -> None:
    for steps in STEPS:
        source = Source()
        with anyio.CancelScope() as scope, anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel_after, steps, scope)
                await read(make(source.stream))
                tasks.cancel_scope.cancel()
        assert source.open == 0, f"after {steps} steps"


async def cancel_after(steps: int, scope: anyio.CancelScope) -> None:
    for _ in range(steps):
        await anyio.lowlevel.checkpoint()
    scope.cancel()
