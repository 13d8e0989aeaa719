"""
Whatever runs, cancelled after any number of steps: nothing stays behind, and nothing is closed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import lowlevel

import streamkit as sk
from tests.support.patience import patience
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

STEPS = range(0, 60, examples(pr=3, full=1))
ITEMS = 12


class Watch:
    """
    How often the parts of one run were begun and ended.
    """

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []

    def source(self) -> sk.Stream[str]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[str]:
        self.begun.append("source")
        try:
            for number in range(ITEMS):
                await lowlevel.checkpoint()
                yield str(number)
        finally:
            self.ended.append("source")

    def stage(self, name: str) -> sk.Same:
        @sk.passthrough
        async def watched(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
            self.begun.append(name)
            try:
                async for item in items:
                    await lowlevel.checkpoint()
                    yield item
            finally:
                self.ended.append(name)

        return watched()

    def sink(self, name: str) -> sk.Sink[object, int]:
        @sk.sink
        async def watched(items: AsyncIterator[object]) -> int:
            self.begun.append(name)
            count = 0
            try:
                async for _ in items:
                    await lowlevel.checkpoint()
                    count += 1
            finally:
                self.ended.append(name)
            return count

        return watched()


@sk.source(task=True, buffer=2)
async def in_a_task(stream: sk.Stream[str]) -> AsyncIterator[str]:
    async with anyio.create_task_group(), stream.open() as run:
        async for item in run:
            yield item  # noqa: ASYNC119 -- what a source in a task is for


async def once_more(outcome: sk.Outcome) -> None:
    await lowlevel.checkpoint()


PIPELINES: dict[str, Callable[[Watch], sk.Stream[Any]]] = {
    "sequential": lambda w: w.source() | w.stage("a") | sk.map(str) | w.stage("b"),
    "tee": lambda w: (
        w.source() | sk.tee(w.sink("s"), w.stage("in front") | w.sink("t"), buffer=2) | w.stage("a")
    ),
    "tee that drops": lambda w: w.source() | sk.tee(w.sink("s"), buffer=1, overflow="drop_oldest"),
    "throttle": lambda w: w.source() | w.stage("a") | sk.throttle(0.001) | w.stage("b"),
    "throttle in a sink": lambda w: w.source() | sk.tee(sk.throttle(0.001) | w.sink("s")),
    "split": lambda w: w.source() | sk.split(ordered=False, x=w.stage("x"), y=w.stage("y") | sk.take(3)),
    "source in a task": lambda w: in_a_task(w.source() | w.stage("a")) | w.stage("b"),
    "follow": lambda w: sk.follow(w.source() | sk.tee(w.sink("s")), once_more) | w.stage("a"),
}


async def read(stream: sk.Stream[Any], how: str) -> sk.Outcome:
    if how == "job":
        async with (stream | sk.sinks.collect()).open() as job:
            await job
        return job.outcome
    async with stream.open() as run:
        async for _ in run:
            await lowlevel.checkpoint()
    return run.outcome


@pytest.mark.parametrize("how", ["run", "job"])
@pytest.mark.parametrize("name", PIPELINES)
async def test_cancelled_after_any_number_of_steps_it_leaves_nothing_behind(name: str, how: str) -> None:
    before = len(anyio.get_running_tasks())
    completed = cancelled = 0
    for steps in STEPS:
        watch = Watch()
        with patience(), anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def cancel(steps: int = steps, scope: anyio.CancelScope = scope) -> None:
                    for _ in range(steps):
                        await lowlevel.checkpoint()
                    scope.cancel()

                group.start_soon(cancel)
                outcome = await read(PIPELINES[name](watch), how)
                completed += outcome.kind == "complete"
                group.cancel_scope.cancel()
        cancelled += scope.cancelled_caught
        assert sorted(watch.ended) == sorted(watch.begun), f"after {steps} steps"
        assert len(anyio.get_running_tasks()) == before, f"after {steps} steps"
    assert cancelled
    assert cancelled + completed >= len(STEPS)


@pytest.mark.parametrize("name", PIPELINES)
async def test_cancelled_by_the_run_after_any_number_of_steps_it_is_left_quietly(name: str) -> None:
    before = len(anyio.get_running_tasks())
    for steps in STEPS:
        watch = Watch()
        run = PIPELINES[name](watch).open()

        async def cancel(steps: int = steps, run: sk.Run[Any] = run) -> None:
            for _ in range(steps):
                await lowlevel.checkpoint()
            run.cancel("enough")

        with patience():
            async with anyio.create_task_group() as group:
                async with run:
                    group.start_soon(cancel)
                    async for _ in run:
                        await lowlevel.checkpoint()
                group.cancel_scope.cancel()
        assert (run.outcome.kind, run.outcome.stopped_by) in {
            ("complete", None),
            ("stopped", "cancel: enough"),
        }
        assert sorted(watch.ended) == sorted(watch.begun), f"after {steps} steps"
        assert len(anyio.get_running_tasks()) == before, f"after {steps} steps"
