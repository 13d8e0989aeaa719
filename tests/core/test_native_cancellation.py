"""
asyncio's own cancellation, which knows nothing of shields and may come from anywhere.
"""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import anyio
import pytest

import streamkit as sk
from streamkit.sinks import collect
from streamkit.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine


@pytest.fixture
def anyio_backend() -> str:
    """
    Only asyncio has it.
    """
    return "asyncio"


async def ready() -> AsyncIterator[int]:
    while True:
        await asyncio.sleep(0)
        yield 1


async def cancelled_elsewhere() -> None:
    task = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    task.cancel()
    await task


async def test_cancelled_while_its_sinks_finish_a_run_leaves_no_task() -> None:
    draining = anyio.Event()

    @sk.sink
    async def slow(items: AsyncIterator[int]) -> None:
        async for _ in items:
            pass
        draining.set()
        await anyio.sleep_forever()

    async def leave() -> None:
        async with (sk.from_iterable(ready) | sk.tee(slow())).open() as run:
            async for _ in run:
                break

    before = asyncio.all_tasks()
    task = asyncio.ensure_future(leave())
    await draining.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize(
    "stage", [sk.throttle(0.001, merge="latest"), sk.split(ordered=False, x=sk.map(str))]
)
async def test_a_cancellation_that_a_source_meets_elsewhere_is_its_failure(stage: sk.Same) -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        await cancelled_elsewhere()

    with pytest.raises(asyncio.CancelledError):
        async with (sk.from_iterable(source) | stage).open() as run:
            async for _ in run:
                pass


async def test_a_cancellation_that_a_sink_meets_elsewhere_is_its_failure() -> None:
    @sk.sink
    async def unlucky(items: AsyncIterator[int]) -> None:
        async for _ in items:
            await cancelled_elsewhere()

    tee = sk.tee(sk.branch(unlucky(), on_error="detach"))
    async with (sk.from_iterable([1, 2, 3]) | tee).open() as run:
        assert [item async for item in run] == [1, 2, 3]
    assert run.outcome.kind == "complete"
    assert isinstance(run.report.sinks["unlucky"].error, asyncio.CancelledError)


@pytest.mark.parametrize("ends", ["reading", "by itself"])
async def test_a_run_whose_sink_somebody_cancels_ends_as_cancelled(ends: str) -> None:
    """
    As code that shuts down does, which cancels every task of the loop.
    """

    @sk.sink
    async def unlucky(items: AsyncIterator[int]) -> None:
        async for _ in items:
            sink.append(asyncio.current_task())
        await asyncio.sleep(3600)

    sink: list[asyncio.Task[object] | None] = []
    run = (sk.from_iterable(ready) | sk.tee(unlucky())).open()
    with pytest.raises(asyncio.CancelledError):
        async with run:
            async for _ in run:
                if sink:
                    task = sink.pop()
                    assert task is not None
                    task.cancel()
                    if ends == "by itself":
                        await asyncio.sleep(0)
                        break
    assert (run.outcome.kind, run.outcome.error) == ("cancelled", None)


WITH_JOBS: dict[str, Callable[[sk.Stream[int]], sk.Stream[int]]] = {
    "tee": lambda source: source | sk.tee(collect()),
    "buffer": lambda source: source | sk.buffer(2),
    "take_until": lambda source: source | sk.take_until(anyio.sleep_forever),
    "merge": lambda source: sk.merge(source, source),
    "map_async": lambda source: source | sk.map_async(asyncio.sleep, concurrency=2) | sk.map(bool),
    "reads on request": lambda source: source,
}


@pytest.mark.parametrize("turns", range(1, 4))
@pytest.mark.parametrize("pipeline", WITH_JOBS.values(), ids=WITH_JOBS)
def test_a_run_does_not_wait_for_a_job_that_was_cancelled_before_it_began(
    pipeline: Callable[[sk.Stream[int]], sk.Stream[int]], turns: int, recwarn: pytest.WarningsRecorder
) -> None:
    """
    As asyncio does where a program ends: it cancels all tasks.
    """

    async def main() -> None:
        async def read() -> None:
            async with run:
                while True:
                    await anext(run)

        run = pipeline(sk.from_iterable(ready)).open()
        others = asyncio.all_tasks()
        asyncio.ensure_future(read())  # noqa: RUF006 -- it is waited for below
        for _ in range(turns):
            await asyncio.sleep(0)
        others = asyncio.all_tasks() - others
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        assert anyio.current_time() == 0
        assert run.outcome.kind == "cancelled"

    run_virtual(main, backend="asyncio")
    gc.collect()
    assert [str(each.message) for each in recwarn] == []


async def in_a_block(run: sk.Run[int]) -> None:
    async with run:
        async for _ in run:
            pass


async def in_a_generator(run: sk.Run[int]) -> None:
    async def items() -> AsyncIterator[int]:
        async with run:
            async for item in run:
                yield item  # noqa: ASYNC119 -- what people write

    async for _ in items():
        pass


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("read", [in_a_block, in_a_generator])
@pytest.mark.parametrize(
    "pipeline",
    [WITH_JOBS[name] for name in WITH_JOBS if name != "reads on request"],
    ids=list(WITH_JOBS)[:-1],
)
def test_a_reader_does_not_wait_for_a_job_that_alone_was_cancelled(
    pipeline: Callable[[sk.Stream[int]], sk.Stream[int]],
    read: Callable[[sk.Run[int]], Coroutine[None, None, None]],
    turns: int,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """
    Before it could begin or later, and nobody has cancelled the reader: the run ends as cancelled. It neither hangs, nor ends as
    if all were well. On trio, nobody can cancel a task of others.
    """

    problems: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
        run = pipeline(sk.from_iterable(ready)).open()
        known = asyncio.all_tasks()

        def cancel_jobs(turns: int) -> None:
            if turns:
                asyncio.get_running_loop().call_soon(cancel_jobs, turns - 1)
                return
            for task in asyncio.all_tasks() - known:
                task.cancel()

        asyncio.get_running_loop().call_soon(cancel_jobs, turns)
        with pytest.raises(asyncio.CancelledError):
            await read(run)
        assert run.outcome.kind == "cancelled"

    run_virtual(main, backend="asyncio")
    gc.collect()
    assert [problems, [str(each.message) for each in recwarn]] == [[], []]
