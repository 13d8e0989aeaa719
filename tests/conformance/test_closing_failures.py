"""
Cleaning up that fails, or takes too long, behind every operator that has tasks or closes something early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.virtual_time


async def later(item: int) -> int:
    return item


def as_stream(item: int) -> sk.Stream[int]:
    return sk.from_iterable([item])


PIPELINES: dict[str, Callable[[sk.Stream[int]], sk.Stream[Any]]] = {
    "nothing": lambda stream: stream,
    "map_async": lambda stream: stream | sk.map_async(later),
    "map_async, concurrent": lambda stream: stream | sk.map_async(later, concurrency=2),
    "flat_map, concurrent": lambda stream: stream | sk.flat_map(as_stream, concurrency=2),
    "buffer": lambda stream: stream | sk.buffer(2),
    "tee": lambda stream: stream | sk.tee(later),
    "throttle": lambda stream: stream | sk.throttle(1, merge="latest"),
    "debounce": lambda stream: stream | sk.debounce(0.1),
    "batch": lambda stream: stream | sk.batch(1, within=1),
    "take_until": lambda stream: stream | sk.take_until(anyio.sleep_forever),
    "timeout": lambda stream: stream | sk.timeout(idle=1000),
    "split": lambda stream: stream | sk.split(ordered=False, a=sk.map(str)),
    "catch": lambda stream: stream | sk.catch(lambda error: sk.from_iterable([7])),
    "retry": lambda stream: stream | sk.retry(),
    "finalize": lambda stream: stream | sk.finalize(lambda: None),
    "rate_limit": lambda stream: stream | sk.rate_limit(1),
    "merge": lambda stream: sk.merge(stream, sk.from_iterable([])),
    "concat": lambda stream: sk.concat(stream, sk.from_iterable([])),
    "zip": lambda stream: sk.zip(stream, sk.from_iterable([5, 6, 7])),
    "race": lambda stream: sk.race(stream, sk.from_iterable([])),
}

pipelines = pytest.mark.parametrize("through", PIPELINES.values(), ids=PIPELINES)


@sk.source
async def failing_to_close() -> AsyncIterator[int]:
    try:
        for number in range(100):
            await anyio.sleep(1)
            yield number
    finally:
        raise OSError("could not commit")


@sk.source
async def slow_to_close() -> AsyncIterator[int]:
    try:
        for number in range(100):
            await anyio.sleep(1)
            yield number
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(3)


@pipelines
async def test_a_failing_cleanup_is_heard_when_the_consumer_leaves(
    through: Callable[[sk.Stream[int]], sk.Stream[Any]],
) -> None:
    run = through(failing_to_close()).open()
    with pytest.raises(OSError, match="could not commit"):
        async with run:
            async for _ in run:
                break
    assert run.outcome.kind == "failed"


@pipelines
async def test_a_failing_cleanup_is_heard_when_a_stage_ends_the_stream(
    through: Callable[[sk.Stream[int]], sk.Stream[Any]],
) -> None:
    with pytest.raises(OSError, match="could not commit"):
        await (through(failing_to_close()) | sk.take(1)).collect()


@pipelines
async def test_a_failing_cleanup_does_not_hide_the_consumers_error(
    through: Callable[[sk.Stream[int]], sk.Stream[Any]],
) -> None:
    with pytest.raises(KeyError) as caught:
        async with through(failing_to_close()).open() as run:
            async for _ in run:
                raise KeyError
    assert caught.value.__notes__ == ["closing the stream failed too, with OSError"]


@pipelines
async def test_closing_that_a_stage_begins_is_bounded(
    through: Callable[[sk.Stream[int]], sk.Stream[Any]],
) -> None:
    @sk.source
    async def stuck_in_closing() -> AsyncIterator[int]:
        try:
            for number in range(100):
                await anyio.sleep(1)
                yield number
        finally:
            await anyio.sleep(1_000)

    start = anyio.current_time()
    async with (through(stuck_in_closing()) | sk.take(1)).open(close_timeout=2) as run:
        async for _ in run:
            pass
    assert anyio.current_time() - start <= 20


@pipelines
@pytest.mark.parametrize("at", [1.5, 2.5])
async def test_closing_that_a_stage_has_begun_is_not_cut_by_a_cancellation(
    through: Callable[[sk.Stream[int]], sk.Stream[Any]], at: float
) -> None:
    start = anyio.current_time()
    with anyio.move_on_after(at):
        async with (through(slow_to_close()) | sk.take(1)).open() as run:
            async for _ in run:
                pass
    assert anyio.current_time() - start >= 4, "it took 1 s to the first item and 3 s to close"


async def test_stuck_losers_have_one_deadline_together() -> None:
    @sk.source
    async def stuck() -> AsyncIterator[int]:
        try:
            await anyio.sleep_forever()
            yield 0
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(20)

    start = anyio.current_time()
    async with sk.race(sk.from_iterable([1]), *[stuck() for _ in range(8)]).open(close_timeout=2) as run:
        assert await anext(run) == 1
        assert anyio.current_time() - start <= 2
