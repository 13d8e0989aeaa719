"""
Nobody starves: however fast a stream is, other tasks have their turn.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit._core.runtime.overflow_queue import OverflowQueue

TOTAL = 640
EVERY = 64
LONGEST = 2 * EVERY  # trio shuffles whose turn it is, so one task may have two in a row


class Turns:
    """
    Another task that takes every turn it gets, and a source that is always ready and counts between two turns.
    """

    def __init__(self) -> None:
        self.longest = 0
        self._since = 0

    async def take(self) -> None:
        while True:
            await anyio.lowlevel.checkpoint()
            self._since = 0

    def given(self) -> None:
        self._since += 1
        self.longest = max(self.longest, self._since)

    async def slow(self) -> AsyncIterator[int]:
        for n in range(TOTAL):
            self.given()
            yield n

    def plain(self) -> Iterator[int]:
        for n in range(TOTAL):
            self.given()
            yield n

    async def during(self, work: Awaitable[object]) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.take)
            await anyio.lowlevel.checkpoint()
            await work
            tasks.cancel_scope.cancel()


def nothing(item: int) -> bool:
    return False


def no_number(item: int) -> int | None:
    return None


@sk.operator
async def as_it_is(items: AsyncIterator[int]) -> AsyncIterator[int]:
    async for item in items:
        yield item


@pytest.mark.parametrize("way", ["slow", "plain"])
@pytest.mark.parametrize(
    "operator",
    [
        pytest.param(sk.take(TOTAL), id="pure"),
        pytest.param(as_it_is(), id="async"),
        pytest.param(sk.filter(nothing), id="all filtered"),
        pytest.param(sk.filter_map(no_number), id="all mapped away"),
        pytest.param(sk.batch(TOTAL), id="all kept back"),
        pytest.param(sk.tee(sk.sinks.collect()), id="tee"),
    ],
)
async def test_others_have_a_turn_at_least_every_64_items(way: str, operator: Any) -> None:
    turns = Turns()
    await turns.during((sk.from_iterable(getattr(turns, way)) | operator).run())
    assert turns.longest <= LONGEST


@pytest.mark.parametrize("way", ["slow", "plain"])
async def test_so_they_have_beside_a_reader_in_a_task_of_its_own(way: str) -> None:
    turns = Turns()
    await turns.during((sk.from_iterable(getattr(turns, way)) | sk.throttle(0.01, merge="latest")).run())
    assert turns.longest <= LONGEST


async def test_so_they_have_beside_a_bare_iteration() -> None:
    turns = Turns()

    async def iterate() -> None:
        async for _ in sk.from_iterable(turns.plain):
            pass

    await turns.during(iterate())
    assert turns.longest <= LONGEST


async def test_so_they_have_beside_a_job() -> None:
    turns = Turns()

    async def work() -> None:
        await (sk.from_iterable(turns.slow) | sk.sinks.collect())

    await turns.during(work())
    assert turns.longest <= LONGEST


async def test_what_one_item_becomes_counts_as_well() -> None:
    turns = Turns()
    await turns.during(sk.from_iterable([0]).flat_map(lambda _: turns.plain()).run())
    assert turns.longest <= LONGEST


async def test_and_what_of_that_is_dropped_again() -> None:
    turns = Turns()
    await turns.during(sk.from_iterable([0]).flat_map(lambda _: turns.plain()).filter(lambda _: False).run())
    assert turns.longest <= LONGEST


async def test_an_endless_flat_map_can_be_cancelled() -> None:
    with anyio.move_on_after(0.01) as scope:
        await sk.from_iterable([0]).flat_map(lambda _: itertools.count()).run()
    assert scope.cancelled_caught


async def test_turns_are_not_given_at_every_item() -> None:
    turns = Turns()
    await turns.during((sk.from_iterable(turns.plain) | sk.map(str)).run())
    assert turns.longest > EVERY // 2


async def test_so_they_have_beside_a_channel() -> None:
    turns = Turns()
    channel: OverflowQueue[int] = OverflowQueue(TOTAL)
    for n in range(TOTAL):
        channel.write(n)
    channel.end()

    async def read() -> None:
        async for _ in channel.items():
            turns.given()

    await turns.during(read())
    assert turns.longest <= LONGEST


async def test_a_throttle_over_a_source_that_is_always_ready_is_ended_by_an_outer_deadline() -> None:
    with anyio.move_on_after(0.05) as scope:
        async with (sk.from_iterable(lambda: iter(str, "never")) | sk.throttle(3600)).open() as run:
            async for _ in run:
                pass
    assert scope.cancelled_caught


async def test_an_operator_that_swallows_everything_is_ended_by_an_outer_deadline() -> None:
    async def endless() -> AsyncIterator[int]:
        while True:
            yield 1

    @sk.operator
    async def nothing(items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            if item > 1:
                yield item

    with anyio.move_on_after(0.05) as scope:
        await (sk.from_iterable(endless) | nothing()).run()
    assert scope.cancelled_caught
