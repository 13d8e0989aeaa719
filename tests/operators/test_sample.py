"""
sample: the newest item, at every tick.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends
from tests.support.profiles import examples
from tests.support.restarts import Restart
from tests.support.sources import Ticks, times

pytestmark = pytest.mark.virtual_time


# -- what passes when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "sampled", "emit_last"),
    [
        pytest.param("|", "|", True, id="none"),
        pytest.param("#", "#", True, id="none, failed"),
        pytest.param("a-----|", "---a--|", True, id="one item"),
        pytest.param("-ab-----c--d--|", "---b-----c--d-|", True, id="an empty tick"),
        pytest.param("-a--a--a--|", "---a--a--a|", True, id="equal ones"),
        pytest.param("---a--|", "---a--|", True, id="exactly on a tick"),
        pytest.param("-abc-d---|", "---c--d--|", True, id="newer, exactly on a tick"),
        pytest.param("(ab)---|", "---b|", True, id="before the first tick"),
        pytest.param("---(ab)----|", "---a--b-|", True, id="two exactly on a tick"),
        pytest.param("-a---b|", "---a--(b|)", True, id="the last one, on its tick"),
        pytest.param("-a--b|", "---a-(b|)", True, id="the last one, with the end"),
        pytest.param("-a--b|", "---a-|", False, id="or dropped"),
        pytest.param("---(a|)", "---(a|)", False, id="but not when it is due"),
        pytest.param("-a--b#", "---a-#", True, id="an error drops it"),
        pytest.param("-a--b#", "---a-#", False, id="in any case"),
        pytest.param("---(a#)", "---(a#)", True, id="unless it is due"),
    ],
)
async def test_at_each_tick_the_newest_item(source: str, sampled: str, emit_last: bool) -> None:
    await marbles.expect(marbles.source(source) | sk.sample(3, emit_last=emit_last), sampled)


async def test_it_does_not_drift() -> None:
    ticks = examples(pr=1_000, full=10_000)
    got = await times(Ticks(0.0625, n=16 * ticks // 10 - 1).stream() | sk.sample(0.1))
    assert [moment for moment, _ in got[:-1]] == [n * 0.1 for n in range(1, len(got))]
    assert len(got) == ticks


async def test_items_that_come_exactly_on_the_ticks_of_an_uneven_period_are_not_late() -> None:
    async def source() -> AsyncIterator[int]:
        start = anyio.current_time()
        for number in range(1, 1001):
            await anyio.sleep_until(start + number * 0.1)
            yield number

    got = await times(sk.from_iterable(source) | sk.sample(0.1))
    assert got == [(n * 0.1, n) for n in range(1, 1001)]


async def test_the_first_read_starts_the_clock() -> None:
    async with (Ticks(1).stream() | sk.sample(5)).open() as run:
        await anyio.sleep(3)
        assert await anext(run) == 5
        assert anyio.current_time() == 8


def moments_of(schedule: list[float], period: float) -> list[tuple[float, int]]:
    """
    What sample is, by its definition.
    """
    out: dict[int, int] = {}
    now, tick = 0.0, 1
    for number, gap in enumerate(schedule):
        now += gap
        tick = max(tick, -int(-now // period))
        out[tick] = number
        tick += tick * period == now  # a tick emits at once what comes exactly then
    return [(min(tick * period, now), number) for tick, number in out.items()]


@on_both_backends
@given(st.lists(st.integers(0, 12).map(lambda n: n / 4), max_size=25), st.integers(1, 8).map(lambda n: n / 4))
def test_under_any_timing_it_is_what_its_definition_says(
    backend: str, schedule: list[float], period: float
) -> None:
    async def source() -> AsyncIterator[int]:
        for number, gap in enumerate(schedule):
            if gap:
                await anyio.sleep(gap)
            yield number

    async def read() -> list[tuple[float, int]]:
        return await times(sk.from_iterable(source) | sk.sample(period))

    assert run_virtual(read, backend=backend) == moments_of(schedule, period)


# -- a restart ----------------------------------------------------------------------------------------------


async def test_a_restart_passes_at_once_and_what_came_before_counts_no_more() -> None:
    restart = Restart()
    stream = marbles.source("-abR---c--|", values={"R": restart}) | sk.sample(5)
    await marbles.expect(stream, "---R------(c|)", values={"R": restart})
    stream = marbles.source("-abR-----|", values={"R": restart}) | sk.sample(5)
    await marbles.expect(stream, "---R-----|", values={"R": restart})


# -- a consumer that takes its time -------------------------------------------------------------------------


async def test_what_is_due_is_not_overwritten_by_what_comes_later() -> None:
    stream = marbles.source("ab---c---d|") | sk.sample(3)
    assert await times(stream, each_takes=7) == [(3, "b"), (10, "c"), (17, "d")]


async def test_it_stops_reading_once_what_is_due_has_not_been_taken() -> None:
    source = Ticks(2)
    async with (source.stream() | sk.sample(4.5)).open() as run:
        assert await anext(run) == 2
        await anyio.sleep(1000)  # the fourth is due at 9, and what comes at 10 is kept beside it
        assert source.pulled == 5
        assert [await anext(run), await anext(run)] == [4, 5]
        assert source.pulled == 5
    assert source.closed == 1


async def test_of_a_million_items_it_holds_one() -> None:
    source = Ticks(0.25)
    async with (source.stream() | sk.sample(1000.1)).open() as run:
        assert await anext(run) == 4000
        await anyio.sleep(10_000)
        assert source.pulled == 8001


# -- ends ---------------------------------------------------------------------------------------------------


async def test_a_break_drops_what_waits_and_closes_the_source_once() -> None:
    source = Ticks(2)
    async with (source.stream() | sk.sample(5)).open() as run:
        async for _ in run:
            break
    assert (run.outcome.stopped_by, source.pulled, source.closed) == ("consumer", 2, 1)


async def test_a_cancellation_while_it_waits_comes_out_as_itself() -> None:
    source = Ticks(2)
    run = (source.stream() | sk.sample(50)).open()
    with anyio.move_on_after(9) as scope:
        async with run:
            async for _ in run:
                pass
    assert scope.cancelled_caught
    assert (run.outcome.kind, source.pulled, source.closed) == ("cancelled", 4, 1)


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "error", "message"),
    [
        (0, ValueError, "above 0, not 0"),
        (-1, ValueError, "above 0, not -1"),
        (float("inf"), ValueError, "above 0, not inf"),
        ("1", TypeError, "seconds, not '1'"),
        (None, TypeError, "seconds, not None"),
    ],
)
def test_junk_is_refused_at_once(d: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sk.sample(d)


def test_it_reads_like_its_source() -> None:
    assert repr(sk.sample(2) | sk.sample(0.5, emit_last=False)) == "sample(2) | sample(0.5, emit_last=False)"
