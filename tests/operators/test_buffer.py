"""
`buffer`: how far a stream runs ahead, and what is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import marbles

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from streamkit._core.runtime.overflow_queue import Overflow

pytestmark = pytest.mark.virtual_time


class Source:
    """
    Numbers, counted as they are pulled.
    """

    def __init__(self, n: int, *, every: float = 0.0, error: Exception | None = None) -> None:
        self.pulled = 0
        self.closed = 0
        self._n = n
        self._every = every
        self._error = error

    def stream(self) -> sk.Stream[int]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[int]:
        try:
            for number in range(self._n):
                self.pulled += 1
                await anyio.sleep(self._every)
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed += 1


async def after_a_pause(run: sk.Run[int]) -> list[int]:
    """
    The first item at once, the others when the source has had all the time it may want.
    """
    first = await anext(run)
    await anyio.sleep(1000)
    return [first, *[item async for item in run]]


@pytest.mark.parametrize(
    ("overflow", "left"),
    [
        ("drop_oldest", [0, 97, 98, 99]),
        ("drop_incoming", [0, 1, 2, 3]),
        ("latest", [0, 99]),
        ("block", list(range(100))),
    ],
)
async def test_what_survives_a_slow_consumer(overflow: Overflow, left: list[int]) -> None:
    async with (Source(100, every=1).stream() | sk.buffer(3, overflow)).open() as run:
        assert await after_a_pause(run) == left
    assert run.report.buffers["buffer"].dropped == 100 - len(left)
    assert run.report.buffers["buffer"].delivered == len(left)


async def test_error_fails_after_the_backlog_and_reads_no_further() -> None:
    source = Source(1_000_000)
    got: list[int] = []
    run = (source.stream() | sk.buffer(3, overflow="error")).open()
    with pytest.raises(sk.BufferOverflow, match="a buffer of 3 was full"):
        async with run:
            got.append(await anext(run))
            await anyio.sleep(1000)
            async for item in run:
                got.append(item)
    assert got == [0, 1, 2, 3]
    assert source.pulled == 5
    assert source.closed == 1
    assert run.outcome.kind == "failed"


@pytest.mark.parametrize("n", [1, 2, 64, 1000])
async def test_block_runs_ahead_by_its_bound_and_no_further(n: int) -> None:
    source = Source(1_000_000)
    async with (source.stream() | sk.buffer(n)).open() as run:
        assert await anext(run) == 0
        await anyio.sleep(1000)
        assert source.pulled == n + 1
    assert source.closed == 1


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_incoming", "latest"])
async def test_a_stuck_consumer_never_stops_a_dropping_one(overflow: Overflow) -> None:
    source = Source(20_000)
    async with (source.stream() | sk.buffer(8, overflow)).open() as run:
        assert await anext(run) == 0
        await anyio.sleep(1000)
        assert source.pulled == 20_000


async def test_nothing_is_read_before_the_first_item_is_asked_for() -> None:
    source = Source(10)
    async with (source.stream() | sk.buffer(4)).open():
        await anyio.sleep(10)
    assert source.pulled == 0


async def test_a_consumer_that_keeps_up_loses_nothing() -> None:
    async with (Source(1000).stream() | sk.buffer(4, "drop_oldest")).open() as run:
        assert [item async for item in run] == list(range(1000))
    assert run.report.buffers["buffer"].dropped == 0


async def test_an_error_comes_after_the_items_before_it() -> None:
    got: list[int] = []
    with pytest.raises(ValueError, match="broken"):
        async with (Source(3, error=ValueError("broken")).stream() | sk.buffer(8)).open() as run:
            got += [await anext(run)]
            await anyio.sleep(10)
            async for item in run:
                got.append(item)
    assert got == [0, 1, 2]


async def test_it_lets_two_slow_sides_overlap() -> None:
    async def double(items: AsyncIterable[int]) -> AsyncIterator[int]:
        async for item in items:
            await anyio.sleep(1)
            yield 2 * item

    start = anyio.current_time()
    await (Source(10, every=1).stream() | sk.buffer(2) | double).run()
    assert anyio.current_time() - start == 11


async def test_leaving_early_closes_the_source_once() -> None:
    source = Source(100, every=1)
    async with (source.stream() | sk.buffer(4)).open() as run:
        async for _ in run:
            break
    assert source.closed == 1


async def test_each_one_is_counted_by_itself() -> None:
    async with (Source(10).stream() | sk.buffer(4) | sk.take(5) | sk.buffer(2)).open() as run:
        assert len([item async for item in run]) == 5
    assert list(run.report.buffers) == ["buffer-2", "buffer"] or list(run.report.buffers) == [
        "buffer",
        "buffer-2",
    ]
    assert {report.delivered for report in run.report.buffers.values()} == {5}


async def test_times_are_unchanged_where_the_consumer_keeps_up() -> None:
    await marbles.expect(marbles.source("a-(bc)-d-#") | sk.buffer(2), "a-(bc)-d-#")


@pytest.mark.parametrize(
    ("n", "overflow"), [(0, "block"), (-1, "block"), (1.5, "block"), (True, "block"), (1, "drop")]
)
async def test_bad_arguments_are_refused_where_they_stand(n: Any, overflow: Any) -> None:
    with pytest.raises(ValueError, match=r"buffer must be an int|overflow must be one of"):
        sk.buffer(n, overflow)


async def test_it_reads_like_its_source() -> None:
    assert repr(sk.buffer(3)) == "buffer(3)"
    assert repr(sk.buffer(3, "latest")) == "buffer(3, overflow='latest')"
