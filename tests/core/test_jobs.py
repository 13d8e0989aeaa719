"""
Jobs: a stream with its sink, awaited or opened.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.sinks import collect, join
from tests.support.interrupting import cancelled_once_it_waits

numbers = sk.from_iterable([1, 2, 3])


@sk.sink
async def stuck(items: AsyncIterator[object]) -> None:
    async for _ in items:
        await anyio.sleep_forever()


@sk.sink
async def fails(items: AsyncIterator[object], after: int = 0) -> None:
    for _ in range(after):
        await anext(items)
    raise LookupError("the sink's own")


async def test_awaiting_a_job_gives_the_result_each_time() -> None:
    job = numbers | collect()
    assert await job == await job == [1, 2, 3]


async def test_an_opened_job_can_be_awaited_and_tells_its_outcome() -> None:
    async with (numbers | collect()).open() as run:
        assert (run.outcome.kind, run.outcome.stopped_by) == ("running", None)
        assert await run == [1, 2, 3]
        assert await run == run.result == [1, 2, 3]
    assert run.outcome.kind == "complete"
    assert run.result == [1, 2, 3]


async def test_the_sink_begins_by_itself_and_leaving_the_block_waits_for_it() -> None:
    async with (numbers.map(str) | sk.tee(join()) | collect()).open() as run:
        pass
    assert run.result == ["1", "2", "3"]
    assert run.outcome.kind == "complete"
    assert run.report.sinks["join"].result == "123"


async def test_there_is_no_result_before_the_end() -> None:
    async with (numbers | stuck()).open() as run:
        with pytest.raises(
            RuntimeError, match="the sink has no result: it has not finished; `await run` waits"
        ):
            _ = run.result
        run.cancel()


async def test_a_stopped_job_has_no_result_and_says_who_has_stopped_it() -> None:
    async with (numbers | stuck()).open() as run:
        run.cancel("enough")
    told = r"no result: the job was stopped before it had one, .* Outcome\(kind='stopped', stopped_by='cancel: enough'\)"
    with pytest.raises(RuntimeError, match=told):
        _ = run.result


async def test_a_job_that_is_cancelled_from_outside_has_no_result_and_says_so() -> None:
    run = (numbers | stuck()).open()
    with anyio.CancelScope() as scope:
        async with run:
            scope.cancel()
    with pytest.raises(RuntimeError, match=r"the job was cancelled before .* Outcome\(kind='cancelled'\)"):
        _ = run.result


async def test_a_failed_sink_has_no_result_and_awaiting_it_raises_its_error() -> None:
    run = (numbers | fails(after=1)).open()
    with pytest.raises(LookupError, match="own") as caught:
        await enter(run)
    assert run.outcome.kind == "failed"
    assert run.outcome.error is caught.value
    with pytest.raises(RuntimeError, match="it failed with LookupError") as told:
        _ = run.result
    assert told.value.__cause__ is caught.value
    with pytest.raises(LookupError, match="own"):
        await run


async def enter(run: sk.JobRun[Any]) -> None:
    async with run:
        await anyio.sleep_forever()


async def test_a_failing_sink_interrupts_the_block() -> None:
    reached: list[str] = []

    async def block() -> None:
        async with (numbers | fails()).open():
            reached.append("inside")
            await anyio.sleep_forever()
            reached.append("never")

    with pytest.raises(LookupError):
        await block()
    assert reached == ["inside"]


async def test_the_error_of_the_stream_is_the_error_of_the_job() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ConnectionError("down")

    with pytest.raises(ConnectionError, match="down"):
        await (sk.from_iterable(broken) | collect())


async def test_leaving_with_an_exception_stops_the_sink() -> None:
    closed: list[str] = []

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                await anyio.lowlevel.checkpoint()
                yield 1
        finally:
            closed.append("source")

    run = (sk.from_iterable(endless) | collect()).open()

    async def block() -> None:
        async with run:
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await block()
    assert closed == ["source"]
    assert isinstance(run.outcome.error, KeyError)


async def test_cancel_stops_the_sink_and_the_block_and_is_quiet() -> None:
    async with (numbers | stuck()).open() as run:
        run.cancel("enough")
        await anyio.sleep_forever()
    assert run.outcome.kind == "stopped"
    assert run.outcome.stopped_by == "cancel: enough"


@pytest.mark.virtual_time
async def test_cancel_stops_a_sink_that_works_on_after_the_last_item() -> None:
    @sk.sink
    async def lingers(items: AsyncIterator[object]) -> None:
        async for _ in items:
            pass
        await anyio.sleep_forever()

    with anyio.fail_after(1):
        async with (numbers | lingers()).open() as run:
            await anyio.wait_all_tasks_blocked()
            run.cancel("enough")


async def test_an_outer_cancellation_of_an_awaited_job() -> None:
    closed: list[str] = []

    async def endless() -> AsyncIterator[int]:
        try:
            await anyio.sleep_forever()
            yield 1
        finally:
            closed.append("source")

    await cancelled_once_it_waits(lambda: sk.from_iterable(endless) | collect())
    assert closed == ["source"]


async def test_a_sink_that_returns_early_ends_the_run_and_closes_the_source() -> None:
    closed: list[str] = []

    async def endless() -> AsyncIterator[int]:
        try:
            n = 0
            while True:
                yield n
                n += 1
        finally:
            closed.append("source")

    @sk.sink
    async def first_two(items: AsyncIterator[int]) -> list[int]:
        return [await anext(items), await anext(items)]

    async with (sk.from_iterable(endless) | first_two()).open() as run:
        assert await run == [0, 1]
    assert closed == ["source"]
    assert run.outcome.kind == "stopped"
    assert run.outcome.stopped_by == "consumer"


async def test_the_items_of_a_job_cannot_be_iterated() -> None:
    async with (numbers | collect()).open() as run:
        with pytest.raises(TypeError, match="the items of a job go to its sink"):
            aiter(run)
        with pytest.raises(TypeError, match="the items of a job go to its sink"):
            await anext(run)


async def test_a_run_can_be_entered_once_and_is_read_inside() -> None:
    run = numbers.open()
    with pytest.raises(RuntimeError, match="not open: read it inside"):
        aiter(run)
    async with run:
        assert [n async for n in run] == [1, 2, 3]
    with pytest.raises(RuntimeError, match="entered once"):
        await run.__aenter__()


async def test_a_run_that_was_left_cannot_be_read() -> None:
    async with numbers.open() as run:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        [n async for n in run]


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_close_timeout_is_positive(timeout: float) -> None:
    for thing in (numbers, numbers | collect()):
        with pytest.raises(ValueError, match="close_timeout must be a positive number of seconds"):
            thing.open(close_timeout=timeout)


async def test_run_and_to_are_jobs_too() -> None:
    assert await numbers.to(collect()) == [1, 2, 3]
    assert await sk.take(1).pipe(collect())(numbers) == [1]


# -- a job that nobody runs ---------------------------------------------------------------------------------


def forget(job: sk.Job[Any]) -> None: ...


def test_a_job_that_nobody_awaits_says_so() -> None:
    with pytest.warns(RuntimeWarning, match=r"from_iterable\(\[…\]\) \| collect\(\) was never awaited"):
        forget(sk.from_iterable([1]) | collect())


async def test_a_job_that_was_awaited_or_opened_says_nothing() -> None:
    await (sk.from_iterable([1]) | collect())
    async with (sk.from_iterable([1]) | collect()).open() as run:
        await run
    gc.collect()


def test_so_does_one_whose_streams_are_too_deep_to_be_shown() -> None:
    stream = sk.from_iterable([0])
    for _ in range(500):
        stream = sk.merge(stream, sk.from_iterable([1]))
    with pytest.warns(RuntimeWarning, match=r"merge\(…, …\), .* \| collect\(\) was never awaited"):
        forget(stream | collect())
