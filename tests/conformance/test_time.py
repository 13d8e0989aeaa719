"""
The semantics of time that stream libraries agree on, case by case, in virtual time on both backends.

The cases are restated from the behaviour of RxJS 7, RxPY, Reactor and Kotlin's Flow; their numbers are the project's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

import streamkit as sk
from streamkit.testing import marbles
from tests.support.sources import times

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.virtual_time


# -- debounce and sample ------------------------------------------------------------------------------------


@pytest.mark.case(16)
async def test_debounce_gives_the_last_item_of_a_burst() -> None:
    await marbles.expect(marbles.source("-a--bc--d---|") | sk.debounce(2), "---a---c--d-|")


@pytest.mark.case(17)
async def test_the_last_value_is_flushed_at_completion_and_dropped_on_error() -> None:
    await marbles.expect(marbles.source("-a--bc|") | sk.debounce(2), "---a--(c|)")
    await marbles.expect(marbles.source("-a--bc#") | sk.debounce(2), "---a--#")


@pytest.mark.case(18)
async def test_max_wait_bounds_starvation() -> None:
    busy = "abcdefghijklmnop|"
    await marbles.expect(marbles.source(busy) | sk.debounce(2), "----------------(p|)")
    await marbles.expect(marbles.source(busy) | sk.debounce(2, max_wait=5), "-----e----j----o(p|)")


@pytest.mark.case(19)
async def test_an_empty_sample_tick_emits_nothing_and_equal_new_values_do_emit() -> None:
    await marbles.expect(marbles.source("-a-------b--|") | sk.sample(2), "--a-------b-|")
    await marbles.expect(marbles.source("-a-a-a--|") | sk.sample(2), "--a-a-a-|")


# -- timeout ------------------------------------------------------------------------------------------------


@pytest.mark.case(22)
@pytest.mark.parametrize("limits", [{"first": 2}, {"idle": 2}, {"total": 10}])
async def test_a_slow_consumer_never_trips_a_timeout(limits: dict[str, float]) -> None:
    got = await times(marbles.source("-a-b-c-d|") | sk.timeout(**limits), each_takes=1000)
    assert [item for _, item in got] == ["a", "b", "c", "d"]


@pytest.mark.case(23)
@pytest.mark.parametrize(
    ("source", "limits", "timed"),
    [
        ("-----a-b|", {"first": 4}, "----#"),
        ("---a------b|", {"first": 4}, "---a------b|"),
        ("---a------b|", {"idle": 5}, "---a----#"),
        ("---a------b|", {"first": 4, "idle": 5}, "---a----#"),
        ("------a--b|", {"first": 7, "idle": 4}, "------a--b|"),
        ("-a-b-c-d-e-|", {"idle": 3}, "-a-b-c-d-e-|"),
        ("-a-b-c-d-e-|", {"first": 2, "idle": 3, "total": 6}, "-a-b-c#"),
    ],
)
async def test_first_idle_and_total_are_independent(
    source: str, limits: dict[str, float], timed: str
) -> None:
    await marbles.expect(marbles.source(source) | sk.timeout(**limits), timed, error=TimeoutError)


# -- rate_limit ---------------------------------------------------------------------------------------------


@pytest.mark.case(31)
@pytest.mark.parametrize("limit", [sk.rate_limit(1, per=0.2, burst=5), sk.rate_limit(5, burst=5)], ids=repr)
async def test_five_at_once_and_after_a_pause_five_more(limit: sk.Same) -> None:
    async def source() -> AsyncIterator[int]:
        for number in range(5):
            yield number
        await anyio.sleep(1.2)
        for number in range(7):
            yield number

    got = await times(sk.from_iterable(source) | limit)
    assert [when for when, _ in got] == pytest.approx([0] * 5 + [1.2] * 5 + [1.4, 1.6], abs=1e-12)


@pytest.mark.case(31)
@pytest.mark.parametrize("limit", [sk.rate_limit(1, per=0.2, burst=5), sk.rate_limit(5, burst=5)], ids=repr)
async def test_beyond_the_burst_one_each_200_ms(limit: sk.Same) -> None:
    got = await times(sk.from_iterable(range(1000)) | limit)
    assert [item for _, item in got] == list(range(1000)), "it delays and never drops"
    assert [when for when, _ in got] == pytest.approx([0.0] * 5 + [n / 5 for n in range(1, 996)], abs=1e-12)


# -- batch --------------------------------------------------------------------------------------------------


@pytest.mark.case(32)
async def test_empty_windows_are_never_emitted_and_a_full_batch_restarts_the_window() -> None:
    lists = {"A": ["a", "b", "c"], "D": ["d"], "E": ["e"]}
    batch = sk.batch(3, within=4)
    await marbles.expect(marbles.source("-abcd---------e-|") | batch, "---A----D-------(E|)", values=lists)
    await marbles.expect(marbles.source("------------|") | batch, "------------|")
