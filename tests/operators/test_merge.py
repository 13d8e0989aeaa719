"""
merge: the items of several streams as they come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends
from tests.support.sources import timed

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("sources", "merged"),
    [
        (["-a---b-|", "--c-d---|"], "-ac-db--|"),
        (["-a-b-|"], "-a-b-|"),
        (["|", "-a-|", "|"], "-a-|"),
        (["|", "|"], "|"),
        (["-a---b---|", "---#"], "-a-#"),
        (["---b---|", "-#"], "-#"),
        (["-a-", "--|"], "-a--------"),
    ],
)
async def test_items_pass_as_they_come(sources: list[str], merged: str) -> None:
    await marbles.expect(sk.merge(*map(marbles.source, sources)), merged)


async def test_an_error_comes_after_the_items_that_arrived_before_it() -> None:
    stream = sk.merge(marbles.source("abc#"), marbles.source("-d--"))
    got: list[str] = []
    with pytest.raises(marbles.MarbleError):
        async with stream.open() as run:
            async for item in run:
                got.append(item)
                await anyio.sleep(60)
    assert sorted(got) == list("abcd")


async def test_an_error_stops_the_siblings_also_while_nobody_reads() -> None:
    closed: list[float] = []

    async def sibling() -> AsyncIterator[str]:
        try:
            await anyio.sleep_forever()
            yield "never"
        finally:
            closed.append(anyio.current_time() - start)

    start = anyio.current_time()
    with suppress(marbles.MarbleError):
        async with sk.merge(marbles.source("a-#"), sk.from_iterable(sibling)).open() as run:
            async for _ in run:
                await anyio.sleep(60)
    assert closed == [2]


@pytest.mark.parametrize("n", [1, 3])
async def test_sixteen_items_of_each_are_read_ahead(n: int) -> None:
    pulled = [0] * n

    def source(number: int) -> sk.Stream[int]:
        async def give() -> AsyncIterator[int]:
            while True:
                pulled[number] += 1
                yield number

        return sk.from_iterable(give)

    async with sk.merge(*map(source, range(n))).open() as run:
        for _ in range(n):
            await anext(run)
        await anyio.sleep(10)
        assert {16, 17} >= set(pulled)
        for _ in range(20 * n):
            await anext(run)
            await anyio.sleep(1)
        assert max(pulled) <= 21 + 16


async def test_one_stream_may_be_merged_with_itself() -> None:
    numbers = sk.from_iterable([1, 2])
    assert sorted(await sk.merge(numbers, numbers).collect()) == [1, 1, 2, 2]


async def test_what_a_part_ends_early_is_not_the_end_of_the_run() -> None:
    run = sk.merge(sk.from_iterable([1, 2, 3]) | sk.take(1), sk.from_iterable([4, 5])).open()
    async with run:
        assert sorted([item async for item in run]) == [1, 4, 5]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("complete", None)


async def test_a_part_that_cannot_be_opened_closes_the_others() -> None:
    spent = sk.from_iterable(iter([1]))
    await spent.run()
    for parts in ([marbles.source("a|"), spent], [spent, marbles.source("a|")]):
        with pytest.raises(RuntimeError, match="cannot be opened twice"):
            await sk.merge(*parts).run()


delays = st.sampled_from([0, 0, 0.5, 1, 2])
schedules = st.lists(
    st.lists(delays, max_size=20).map(lambda found: [(delay, n) for n, delay in enumerate(found)]),
    min_size=1,
    max_size=4,
)


@on_both_backends
@given(schedules, delays)
def test_nothing_is_lost_and_each_stream_keeps_its_order(
    backend: str, given_schedules: list[list[tuple[float, int]]], each_takes: float
) -> None:
    parts = [
        timed(*[(delay, (name, n)) for delay, n in schedule]) for name, schedule in enumerate(given_schedules)
    ]
    got: list[tuple[int, int]] = []

    async def read() -> None:
        async with sk.merge(*parts).open() as run:
            async for item in run:
                got.append(item)
                await anyio.sleep(each_takes)

    run_virtual(read, backend=backend)
    for name, schedule in enumerate(given_schedules):
        assert [n for of, n in got if of == name] == [n for _, n in schedule]
    assert len(got) == sum(map(len, given_schedules))
