"""
Waiting for an item for a limited time, and going on later: nothing is lost, and no end is told that was none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextvars import ContextVar
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.sinks import collect

closed: list[str] = []


async def slow() -> AsyncIterator[int]:
    closed.clear()
    try:
        for number in range(4):
            await anyio.sleep(2)
            yield number
    finally:
        closed.append("closed")


PIPELINES: dict[str, sk.Stream[Any]] = {
    "bare": sk.from_iterable(slow),
    "pure": sk.from_iterable(slow) | sk.map(int),
    "buffer": sk.from_iterable(slow) | sk.buffer(4),
    "throttle": sk.from_iterable(slow) | sk.throttle(0.001, merge="latest"),
    "tee": sk.from_iterable(slow) | sk.tee(collect()),
}
each_pipeline = pytest.mark.parametrize("stream", PIPELINES.values(), ids=PIPELINES)


@pytest.mark.virtual_time
@each_pipeline
async def test_a_wait_that_is_given_up_can_be_taken_up_again(stream: sk.Stream[int]) -> None:
    got: list[int] = []
    waits = 0
    async with stream.open() as run:
        with pytest.raises(StopAsyncIteration):
            while True:
                with anyio.move_on_after(0.75) as patience:
                    got.append(await anext(run))
                waits += patience.cancelled_caught
    assert got == [0, 1, 2, 3]
    assert waits == 8
    assert run.outcome.kind == "complete"
    assert closed == ["closed"]


@pytest.mark.virtual_time
async def test_nothing_is_read_before_it_is_asked_for() -> None:
    asked: list[int] = []

    async def source() -> AsyncIterator[int]:
        for number in range(3):
            asked.append(number)
            yield number

    async with sk.from_iterable(source).open() as run:
        assert await anext(run) == 0
        await anyio.sleep(1)
        assert asked == [0]
        assert await anext(run) == 1
        assert [item async for item in run] == [2]
    assert run.outcome.kind == "complete"


@pytest.mark.virtual_time
async def test_an_error_comes_once_and_then_the_end() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise OSError("gone")

    async with sk.from_iterable(source).open() as run:
        assert await anext(run) == 1
        with pytest.raises(OSError, match="gone"):
            await anext(run)
        with pytest.raises(StopAsyncIteration):
            await anext(run)
    assert run.outcome.kind == "failed"


@pytest.mark.virtual_time
@each_pipeline
async def test_a_loop_that_was_cancelled_in_a_read_is_not_resumed_as_if_it_had_ended(
    stream: sk.Stream[int],
) -> None:
    async with stream.open() as run:
        with anyio.move_on_after(1) as patience:
            async for _ in run:
                pass
        assert patience.cancelled_caught
        with pytest.raises(RuntimeError, match="was cancelled in the middle"):
            async for _ in run:
                pass
        with pytest.raises(RuntimeError, match="await anext"):
            await anext(run)
    assert closed == ["closed"]


@pytest.mark.virtual_time
@each_pipeline
async def test_a_read_that_another_task_waits_for_ends_with_the_run(stream: sk.Stream[int]) -> None:
    failures: list[str] = []

    async def read(run: sk.Run[int]) -> None:
        try:
            await anext(run)
        except RuntimeError as error:
            failures.append(str(error))

    async with anyio.create_task_group() as tasks, stream.open() as run:
        tasks.start_soon(read, run)
        await anyio.sleep(1)
    assert closed == ["closed"]
    assert "left while this read was waiting" in failures[0]


@pytest.mark.virtual_time
@each_pipeline
@pytest.mark.parametrize("steps", range(6))
async def test_a_read_that_was_begun_in_the_block_is_told_so_too(stream: sk.Stream[int], steps: int) -> None:
    told: list[str] = []

    async def wait_for(item: Awaitable[int]) -> None:
        with pytest.raises(RuntimeError) as caught:
            await item
        told.append(str(caught.value))

    async with anyio.create_task_group() as tasks, stream.open() as run:
        tasks.start_soon(wait_for, anext(run))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
    assert told == ["the run was left while this read was waiting"]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")


@pytest.mark.virtual_time
@each_pipeline
@pytest.mark.parametrize("begins", ["in the first wait", "between two"])
async def test_a_second_task_that_loops_over_a_run_is_told_that_there_is_one_reader(
    stream: sk.Stream[int], begins: str
) -> None:
    got: list[int] = []
    told: list[str] = []

    async def read(run: sk.Run[int]) -> None:
        try:
            async for item in run:
                got.append(item)
                await anyio.sleep(0.5)
        except RuntimeError as error:
            told.append(str(error))

    async with stream.open() as run, anyio.create_task_group() as tasks:
        tasks.start_soon(read, run)
        await anyio.sleep(1 if begins == "in the first wait" else 2.25)
        tasks.start_soon(read, run)
    assert got == [0, 1, 2, 3]
    assert len(told) == 1
    assert "a run has one reader, and tee() serves several" in told[0]


def test_the_next_item_or_something_else_whichever_is_first() -> None:
    async def main() -> None:
        stop = asyncio.Event()
        got: list[int] = []

        async def ticks() -> AsyncIterator[int]:
            for number in range(100):
                await asyncio.sleep(0)
                if number == 3:
                    stop.set()
                    await asyncio.sleep(60)
                yield number

        async with (sk.from_iterable(ticks) | sk.buffer(1)).open() as run:
            stopping = asyncio.ensure_future(stop.wait())
            while not stopping.done():
                reading = asyncio.ensure_future(anext(run))
                await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    got.append(reading.result())
                else:
                    reading.cancel()
        assert got == [0, 1, 2]
        assert run.outcome.kind == "stopped"

    asyncio.run(main())


trace: ContextVar[str] = ContextVar("trace", default="")


async def traced() -> AsyncIterator[int]:
    token = trace.set("streaming")
    try:
        for number in range(3):
            yield number
            await anyio.lowlevel.checkpoint()
    finally:
        trace.reset(token)  # fails in any other context


@sk.sink
async def first(items: AsyncIterator[int]) -> int:
    return await anext(items)


@pytest.mark.parametrize(
    "stages",
    [
        pytest.param(sk.map(int), id="pure"),
        pytest.param(sk.tee(collect()), id="tee"),
        pytest.param(sk.buffer(1), id="buffer"),
        pytest.param(sk.heartbeat(5, 0), id="heartbeat"),
    ],
)
async def test_a_source_is_closed_in_the_context_that_has_read_it(stages: sk.Operator[Any, int]) -> None:
    """
    As an instrumented source needs it, which sets a context variable and sets it back.
    """
    stream: sk.Stream[int] = sk.from_iterable(traced) | stages
    async with stream.open() as run:
        assert await anext(run) == 0
    async with stream.open() as run:
        async for _ in run:
            break
    assert await (stream | first()) == 0


@each_pipeline
async def test_a_loop_of_another_task_ends_when_the_run_is_left(stream: sk.Stream[int]) -> None:
    failures: list[str] = []

    async def read(run: sk.Run[int]) -> None:
        with pytest.raises(RuntimeError) as caught:
            async for _ in run:
                pass
        failures.append(str(caught.value))

    with anyio.fail_after(5):  # the time that closing may take does not end the read either
        async with anyio.create_task_group() as tasks, stream.open(close_timeout=60) as run:
            tasks.start_soon(read, run)
            await anyio.wait_all_tasks_blocked()
    assert failures == ["the run was left while this read was waiting"]
    assert closed == ["closed"]
