"""
Cancelling, and what a block's own exceptions become: themselves.
"""

from __future__ import annotations

import gc
import math
import signal
import threading
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio.lowlevel

import streamkit as sk
from streamkit.sinks import call, collect
from tests.support.backends import on_both_backends
from tests.support.interrupting import cancelled_once_it_waits
from tests.support.patience import PATIENCE


async def ticking() -> AsyncIterator[int]:
    n = 0
    while True:
        await anyio.lowlevel.checkpoint()
        yield n
        n += 1


async def silent() -> AsyncIterator[int]:
    await anyio.sleep_forever()
    yield 1


ticks = sk.from_iterable(ticking)
PIPELINES = [
    ticks,
    ticks | sk.take(10**6),
    ticks | sk.tee(collect()),
    ticks | sk.throttle(0.001, merge="latest"),
]
each_pipeline = pytest.mark.parametrize("stream", PIPELINES, ids=["bare", "pure", "tee", "throttle"])


# -- run.cancel ---------------------------------------------------------------------------------------------


async def test_cancel_interrupts_a_block_that_waits_for_an_item() -> None:
    run = sk.from_iterable(silent).open()
    async with anyio.create_task_group() as tasks, run:
        tasks.start_soon(cancel_soon, run)
        await anext(run)
    assert run.outcome.stopped_by == "cancel: enough"


async def test_cancel_interrupts_a_block_that_waits_for_something_else() -> None:
    run = ticks.open()
    async with anyio.create_task_group() as tasks, run:
        await anext(run)
        tasks.start_soon(cancel_soon, run)
        await anyio.sleep_forever()
    assert run.outcome.stopped_by == "cancel: enough"


async def cancel_soon(run: sk.Run[Any]) -> None:
    await anyio.wait_all_tasks_blocked()
    run.cancel("enough")


@each_pipeline
async def test_a_cancelled_block_goes_on_behind_it_undisturbed(stream: sk.Stream[int]) -> None:
    async with stream.open() as run:
        async for _ in run:
            run.cancel()
    await anyio.sleep(0.001)
    assert run.outcome.stopped_by == "cancel: cancelled"


@each_pipeline
async def test_a_block_may_do_more_than_read_when_it_is_cancelled(stream: sk.Stream[int]) -> None:
    cleaned = False
    async with stream.open() as run:
        try:
            async for _ in run:
                run.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.001)
                cleaned = True
    assert cleaned


async def test_the_last_word_is_the_bodys() -> None:
    async with ticks.open() as run:
        run.cancel()
        reached = True  # no checkpoint: nothing to interrupt
    assert reached
    assert run.outcome.stopped_by == "cancel: cancelled"


@each_pipeline
async def test_an_error_of_a_body_that_was_cancelled_is_raised(stream: sk.Stream[int]) -> None:
    async def block() -> None:
        async with stream.open() as run:
            try:
                async for _ in run:
                    run.cancel()
            finally:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await block()


async def test_cancel_after_the_end_does_nothing() -> None:
    async with ticks.open() as run:
        await anext(run)
    run.cancel("late")
    assert run.outcome.stopped_by == "consumer"


async def test_a_run_can_be_cancelled_before_it_is_entered() -> None:
    run = ticks.open()
    run.cancel("never mind")
    async with run:
        await anyio.sleep_forever()
    assert run.outcome.stopped_by == "cancel: never mind"


async def test_cancelling_one_run_leaves_another_alone() -> None:
    async with ticks.open() as outer:
        async with (ticks | sk.tee(collect())).open() as inner:
            inner.cancel()
            await anyio.sleep_forever()
        assert await anext(outer) == 0
        await anyio.sleep(0.001)
    assert inner.outcome.stopped_by == "cancel: cancelled"
    assert outer.outcome.stopped_by == "consumer"


async def test_cancelling_an_outer_run_ends_an_inner_one() -> None:
    async with ticks.open() as outer, (ticks | sk.tee(collect())).open() as inner:
        outer.cancel("all")
        await anyio.sleep_forever()
    assert outer.outcome.stopped_by == "cancel: all"
    assert inner.outcome.kind == "cancelled"


# -- exceptions come out as themselves ----------------------------------------------------------------------


class Mine(Exception): ...


class MineToo(BaseException): ...


@each_pipeline
@pytest.mark.parametrize(
    "error", [KeyError("k"), Mine("m"), MineToo("b"), StopIteration(1), TimeoutError("t")]
)
async def test_an_exception_of_the_body_is_not_wrapped(stream: sk.Stream[int], error: BaseException) -> None:
    async def block() -> None:
        async with stream.open() as run:
            async for _ in run:
                raise error

    with pytest.raises(BaseException) as caught:  # noqa: PT011 -- which one is the question
        await block()
    if isinstance(error, StopIteration):  # which Python turns into a RuntimeError in every coroutine
        assert caught.value.__cause__ is error
    else:
        assert caught.value is error


@each_pipeline
async def test_a_group_of_the_body_is_the_bodys(stream: sk.Stream[int]) -> None:
    group = ExceptionGroup("mine", [KeyError("a"), ValueError("b")])

    async def block() -> None:
        async with stream.open() as run:
            async for _ in run:
                raise group

    with pytest.raises(ExceptionGroup) as caught:
        await block()
    assert caught.value is group


@each_pipeline
async def test_a_task_group_inside_the_body_works(stream: sk.Stream[int]) -> None:
    async def fails() -> None:
        raise KeyError("child")

    async def block() -> None:
        async with stream.open() as run, anyio.create_task_group() as tasks:
            tasks.start_soon(fails)
            async for _ in run:
                pass

    with pytest.raises(ExceptionGroup) as caught:
        await block()
    assert [type(error) for error in caught.value.exceptions] == [KeyError]


@each_pipeline
async def test_an_error_of_the_stream_has_its_cause_and_is_the_same_object(stream: sk.Stream[int]) -> None:
    original = Mine("down")
    original.__cause__ = KeyError("why")

    def fails(item: int) -> None:
        raise original

    for broken in (
        stream.tap(fails),
        stream.tap(fails) | sk.tee(collect()),
        sk.from_iterable([1]) | sk.tee(call(fails)),
    ):
        with pytest.raises(Mine) as caught:
            await broken.run()
        assert caught.value is original
        assert isinstance(original.__cause__, KeyError)


async def test_the_bodys_exception_beats_a_sinks() -> None:
    def fails(item: int) -> None:
        raise LookupError("the sink's")

    async def block() -> None:
        async with (ticks | sk.tee(call(fails))).open() as run:
            try:
                async for _ in run:
                    pass
            finally:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await block()


async def test_a_sink_interrupts_the_block_and_its_error_comes_out() -> None:
    def fails(item: int) -> None:
        raise LookupError("the sink's")

    async def block() -> None:
        async with (sk.from_iterable([1]) | sk.tee(call(fails))).open() as run:
            await anext(run)
            await anyio.sleep_forever()

    with pytest.raises(LookupError, match="the sink's"):
        await block()


# -- deadlines from outside ---------------------------------------------------------------------------------


@each_pipeline
async def test_a_deadline_around_a_read_comes_out_as_itself(stream: sk.Stream[int]) -> None:
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0.01):
            async with stream.open() as run:
                async for _ in run:
                    pass


async def test_two_tasks_that_pull_one_run_are_an_error() -> None:
    failures: list[RuntimeError] = []

    async def pull(run: sk.Run[int]) -> None:
        try:
            await anext(run)
        except RuntimeError as error:
            failures.append(error)

    async with sk.from_iterable(silent).open() as run, anyio.create_task_group() as tasks:
        tasks.start_soon(pull, run)
        await anyio.wait_all_tasks_blocked()
        await pull(run)
        tasks.cancel_scope.cancel()
    assert ["already running" in str(failure) for failure in failures] == [True]


async def test_runs_leave_no_garbage_behind() -> None:
    stream = ticks | sk.map(str) | sk.tee(collect()) | sk.throttle(0.001)
    for _ in range(3):
        await stream.first()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        await stream.first()
    gc.collect()
    assert len(gc.get_objects()) - before < 50


# -- run.cancel from elsewhere ------------------------------------------------------------------------------


@on_both_backends
def test_cancel_takes_effect_at_once_from_another_thread(backend: str) -> None:
    async def main() -> None:
        async with sk.from_iterable(silent).open() as run:
            thread = threading.Thread(target=run.cancel, args=("a button",))
            thread.start()
            with anyio.fail_after(PATIENCE):
                await anext(run)
        thread.join()
        assert run.outcome.stopped_by == "cancel: a button"

    anyio.run(main, backend=backend)


@on_both_backends
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends a signal: POSIX")
def test_cancel_takes_effect_at_once_in_a_signal_handler(backend: str) -> None:
    async def main() -> None:
        async with sk.from_iterable(silent).open() as run:

            def pressed(number: int, frame: object) -> None:
                run.cancel("a signal")

            before = signal.signal(signal.SIGALRM, pressed)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.02)
                with anyio.fail_after(PATIENCE):
                    await anext(run)
            finally:
                signal.signal(signal.SIGALRM, before)
        assert run.outcome.stopped_by == "cancel: a signal"

    anyio.run(main, backend=backend)


@on_both_backends
def test_a_signal_that_comes_in_the_event_loops_own_code_does_not_enter_that_again(backend: str) -> None:
    """
    A handler runs between any two steps of the interpreter. The loop may be moving a task from one list to another just then.
    """

    async def main() -> None:
        async with sk.from_iterable(silent).open() as run:

            def pressed(number: int, frame: object) -> None:
                run.cancel("a signal")

            before = signal.signal(signal.SIGINT, pressed)
            try:
                assert loops_own_code() == math.inf, "a scope was cancelled inside the loop's own code"
                with anyio.fail_after(PATIENCE):
                    await anyio.sleep_forever()
            finally:
                signal.signal(signal.SIGINT, before)
        assert run.outcome.stopped_by == "cancel: a signal"

    def loops_own_code() -> float:
        signal.raise_signal(signal.SIGINT)
        return anyio.current_effective_deadline()

    if backend == "trio":
        loops_own_code = trio.lowlevel.enable_ki_protection(loops_own_code)
    anyio.run(main, backend=backend)


def test_cancel_when_the_loop_has_ended_changes_nothing() -> None:
    runs: list[sk.Run[int]] = []

    async def main() -> None:
        async with sk.from_iterable([1]).open() as run:
            runs.append(run)

    anyio.run(main)
    runs[0].cancel()
    assert runs[0].outcome.stopped_by == "consumer"


# -- what is raised -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("exit_", [KeyboardInterrupt, SystemExit])
@on_both_backends
def test_what_ends_the_program_wins_over_what_the_block_has_raised(
    backend: str, exit_: type[BaseException]
) -> None:
    async def source() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise exit_

    async def main() -> None:
        async with sk.from_iterable(source).open() as run:
            async for _ in run:
                raise KeyError("of the block")

    with pytest.raises(exit_):
        anyio.run(main, backend=backend)


@pytest.mark.parametrize("exit_", [KeyboardInterrupt, SystemExit])
@on_both_backends
def test_what_ends_the_program_is_no_failure_of_a_detached_sink(
    backend: str, exit_: type[BaseException]
) -> None:
    @sk.sink
    async def pressed(items: AsyncIterator[int]) -> None:
        async for _ in items:
            raise exit_

    async def main() -> None:
        async with (sk.from_iterable([1, 2]) | sk.tee(sk.branch(pressed(), on_error="detach"))).open() as run:
            async for _ in run:
                pass

    with pytest.raises(exit_):
        anyio.run(main, backend=backend)


def alone(item: int) -> sk.Stream[int]:
    return sk.from_iterable([item])


CONCURRENT: dict[str, Any] = {
    "buffer": sk.buffer(4),
    "throttle": sk.throttle(0.001, merge="latest"),
    "split": sk.split(ordered=False, a=sk.map(int)),
    "calls": sk.map_async(anyio.sleep, concurrency=2),
    "batch": sk.batch(2, within=0.01),
    "flat_map": sk.flat_map(alone, concurrency=2),
    "sample": sk.sample(0.001),
    "heartbeat": sk.heartbeat(0.5, 0),
    "catch": sk.catch(lambda error: ticks),
}
each_concurrent = pytest.mark.parametrize("operator", CONCURRENT.values(), ids=CONCURRENT)


def fails_to_close() -> sk.Stream[int]:
    async def source() -> AsyncIterator[int]:
        try:
            yield 0
            await anyio.sleep_forever()
        finally:
            raise ValueError("cleanup")

    return sk.from_iterable(source)


@each_concurrent
async def test_a_cleanup_that_fails_never_takes_the_place_of_the_blocks_own_exception(operator: Any) -> None:
    with pytest.raises(KeyError, match="of the block") as failure:
        async with (fails_to_close() | operator).open() as run:
            await anext(run)
            raise KeyError("of the block")
    assert "ValueError" in "".join(failure.value.__notes__)


@each_concurrent
async def test_a_cleanup_that_fails_never_takes_the_place_of_a_cancellation(operator: Any) -> None:
    run = (fails_to_close() | operator | sk.filter(lambda _: False)).open()

    async def read() -> None:
        async with run:
            async for _ in run:
                pass

    await cancelled_once_it_waits(read)
    assert run.outcome.kind == "cancelled"


@each_concurrent
async def test_a_cleanup_that_fails_is_raised_where_nothing_else_is(operator: Any) -> None:
    with pytest.raises(ValueError, match="cleanup"):
        async with (fails_to_close() | operator).open() as run:
            await anext(run)


@each_concurrent
async def test_a_group_of_cancellations_is_a_cancellation(operator: Any) -> None:
    """
    Trio's nurseries put a cancellation into a group, so a job that is connecting ends with one.
    """

    async def connecting(item: int) -> int:
        if item:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.sleep_forever)
        return item

    stream = sk.from_iterable([0, 1]) | sk.map_async(connecting) | operator
    async with stream.open() as run:
        with anyio.move_on_after(0.05):
            async for _ in run:
                await anyio.sleep(0.01)
                break
    assert run.outcome.kind in {"stopped", "cancelled"}
