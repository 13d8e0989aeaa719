"""
debounce: the last item, once it is quiet.
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
from tests.support.restarts import Restart
from tests.support.sources import Ticks

pytestmark = pytest.mark.virtual_time


# -- what passes when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "debounced", "max_wait"),
    [
        pytest.param("|", "|", None, id="none"),
        pytest.param("#", "#", None, id="none, failed"),
        pytest.param("-a-----|", "----a--|", None, id="one item"),
        pytest.param("-ab-c----|", "-------c-|", None, id="a burst"),
        pytest.param("a--b--c--|", "---a--b--(c|)", None, id="exactly at the end of the quiet"),
        pytest.param("-a|", "--(a|)", None, id="the last one goes out with the end"),
        pytest.param("-a#", "--#", None, id="and not with an error"),
        pytest.param("-a--#", "----(a#)", None, id="due when the error comes"),
        pytest.param("-a-----#", "----a--#", None, id="an error after what was due"),
        pytest.param("abababababab|", "------------(b|)", None, id="never quiet"),
        pytest.param("abcdefghijkl|", "-----e----j-(l|)", 5, id="never quiet, bounded"),
        pytest.param("a----bcdefghi--|", "---a------f----(i|)", 5, id="bounded from the first of its burst"),
        pytest.param("ab------c---|", "---b-------c|", 3, id="as long as the quiet"),
    ],
)
async def test_of_a_burst_the_last_one_passes(source: str, debounced: str, max_wait: float | None) -> None:
    await marbles.expect(marbles.source(source) | sk.debounce(3, max_wait=max_wait), debounced)


async def test_it_reads_no_item_before_it_is_read() -> None:
    source = Ticks(1)
    async with (source.stream() | sk.debounce(1)).open():
        await anyio.sleep(10)
    assert source.pulled == 0


def times_of(schedule: list[float], quiet: float, max_wait: float) -> list[tuple[float, int]]:
    """
    What debounce is, by its definition.
    """
    out: list[tuple[float, int]] = []
    held: tuple[float, int] | None = None
    latest = now = 0.0
    for number, gap in enumerate(schedule):
        now += gap
        if held is not None and now >= held[0]:
            out.append(held)
            held = None
        if held is None:
            latest = now + max_wait
        held = (min(now + quiet, latest), number)
    return [*out, *([(now, held[1])] if held is not None else [])]


@on_both_backends
@given(
    st.lists(st.integers(0, 12).map(lambda n: n / 4), max_size=25),
    st.integers(1, 8).map(lambda n: n / 4),
    st.sampled_from([0.0, 0.25, 1.0, float("inf")]),
)
def test_under_any_timing_it_is_what_its_definition_says(
    backend: str, schedule: list[float], quiet: float, more: float
) -> None:
    async def source() -> AsyncIterator[int]:
        for number, gap in enumerate(schedule):
            if gap:
                await anyio.sleep(gap)
            yield number

    async def read() -> list[tuple[float, int]]:
        max_wait = None if more == float("inf") else quiet + more
        async with (sk.from_iterable(source) | sk.debounce(quiet, max_wait=max_wait)).open() as run:
            return [(anyio.current_time(), item) async for item in run]

    assert run_virtual(read, backend=backend) == times_of(schedule, quiet, quiet + more)


# -- a restart ----------------------------------------------------------------------------------------------


async def test_a_restart_passes_at_once_and_what_came_before_counts_no_more() -> None:
    restart = Restart()
    stream = marbles.source("-ab-R-c---|", values={"R": restart}) | sk.debounce(3)
    await marbles.expect(stream, "----R----c|", values={"R": restart})


# -- a consumer that takes its time -------------------------------------------------------------------------


async def test_what_is_due_is_not_overwritten_by_what_comes_later() -> None:
    got: list[tuple[float, str]] = []
    async with (marbles.source("a---b---c---|") | sk.debounce(2)).open() as run:
        async for item in run:
            got.append((anyio.current_time(), item))
            await anyio.sleep(5)
    assert got == [(2, "a"), (7, "b"), (12, "c")]


async def test_it_stops_reading_once_what_is_due_has_not_been_taken() -> None:
    source = Ticks(3)
    async with (source.stream() | sk.debounce(2)).open() as run:
        assert await anext(run) == 1
        await anyio.sleep(1000)  # the second is due at 8, while the third is being waited for
        assert source.pulled == 3
        assert [await anext(run), await anext(run)] == [2, 3]
        assert source.pulled == 3
    assert source.closed == 1


async def test_of_a_million_items_it_holds_one() -> None:
    source = Ticks(0.5)
    async with (source.stream() | sk.debounce(1, max_wait=999.75)).open() as run:
        assert await anext(run) == 2000
        assert source.pulled == 2000
        await anyio.sleep(10_000)
        assert source.pulled == 4001


# -- ends ---------------------------------------------------------------------------------------------------


async def test_a_break_drops_what_waits_and_closes_the_source_once() -> None:
    source = Ticks(2)
    async with (source.stream() | sk.debounce(1)).open() as run:
        async for _ in run:
            break
    assert (run.outcome.stopped_by, source.pulled, source.closed) == ("consumer", 1, 1)


async def test_a_cancellation_while_it_waits_comes_out_as_itself() -> None:
    source = Ticks(1)
    run = (source.stream() | sk.debounce(3)).open()
    with anyio.move_on_after(5.5) as scope:
        async with run:
            async for _ in run:
                pass
    assert scope.cancelled_caught
    assert (run.outcome.kind, source.pulled, source.closed) == ("cancelled", 5, 1)


async def test_an_error_comes_as_itself_when_the_source_is_closed() -> None:
    failure = ConnectionError("down")
    run = (marbles.source("-a---b#", error=failure) | sk.debounce(2)).open()
    got: list[str] = []
    with pytest.raises(ConnectionError) as caught:
        async with run:
            async for item in run:
                got.append(item)
    assert caught.value is failure
    assert (got, run.outcome.kind) == (["a"], "failed")


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "max_wait", "error", "message"),
    [
        (0, None, ValueError, "above 0, not 0"),
        (-1, None, ValueError, "above 0, not -1"),
        (float("nan"), None, ValueError, "above 0, not nan"),
        ("1", None, TypeError, "seconds, not '1'"),
        (1, 0, ValueError, "above 0 for max_wait, not 0"),
        (1, "2", TypeError, "seconds for max_wait, not '2'"),
        (2, 1.5, ValueError, r"debounce\(2, max_wait=1.5\).*at least as long"),
    ],
)
def test_junk_is_refused_at_once(d: Any, max_wait: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sk.debounce(d, max_wait=max_wait)


def test_it_reads_like_its_source() -> None:
    assert repr(sk.debounce(2) | sk.debounce(0.5, max_wait=3)) == "debounce(2) | debounce(0.5, max_wait=3)"
