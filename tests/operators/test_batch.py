"""
batch: items in lists.
"""

from __future__ import annotations

import itertools
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

FORMS = [pytest.param({}, id="pure"), pytest.param({"within": 1000}, id="within")]


async def times(stream: sk.Stream[list[Any]], *, each_takes: float = 0.0) -> list[tuple[float, str]]:
    start = anyio.current_time()
    got: list[tuple[float, str]] = []
    async with stream.open() as run:
        async for items in run:
            got.append((anyio.current_time() - start, "".join(map(str, items))))
            await anyio.sleep(each_takes)
    return got


# -- what both forms do alike -------------------------------------------------------------------------------


@on_both_backends
@given(st.lists(st.integers(), max_size=30), st.integers(1, 7), st.sampled_from([None, 5]))
def test_lists_of_n_and_what_is_left(backend: str, items: list[int], n: int, within: float | None) -> None:
    stream = sk.from_iterable(items) | sk.batch(n, within)
    wanted = [items[start : start + n] for start in range(0, len(items), n)]
    assert run_virtual(stream.collect, backend=backend) == wanted


@pytest.mark.parametrize("form", FORMS)
async def test_an_error_comes_after_the_list_begun(form: Any) -> None:
    got: list[list[str]] = []
    failure = ConnectionError("down")
    run = (marbles.source("abcde#", error=failure) | sk.batch(2, **form) | sk.tap(got.append)).open()
    with pytest.raises(ConnectionError) as caught:
        async with run:
            async for _ in run:
                pass
    assert caught.value is failure
    assert got == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("form", FORMS)
async def test_a_restart_passes_and_drops_the_list_begun(form: Any) -> None:
    restart = Restart()
    items: list[Any] = [1, 2, 3, restart, 4, 5, 6]
    got: list[Any] = await (sk.from_iterable(items) | sk.batch(2, **form)).collect()
    assert got == [[1, 2], restart, [4, 5], [6]]


@pytest.mark.parametrize("form", FORMS)
async def test_each_list_is_one_of_its_own(form: Any) -> None:
    first, second = await (sk.from_iterable([1, 2, 3]) | sk.batch(2, **form)).collect()
    first.clear()
    assert second == [3]


@pytest.mark.parametrize("form", FORMS)
async def test_a_break_drops_the_list_begun_and_closes_the_source_once(form: Any) -> None:
    source = Ticks(1)
    async with (source.stream() | sk.batch(3, **form)).open() as run:
        async for _ in run:
            break
    assert (run.outcome.stopped_by, source.pulled, source.closed) == ("consumer", 3, 1)


@pytest.mark.parametrize("form", FORMS)
async def test_a_cancellation_comes_out_as_itself(form: Any) -> None:
    source = Ticks(1)
    run = (source.stream() | sk.batch(30, **form)).open()
    with anyio.move_on_after(4.5) as scope:
        async with run:
            async for _ in run:
                pass
    assert scope.cancelled_caught
    assert (run.outcome.kind, source.closed) == ("cancelled", 1)


@pytest.mark.parametrize("form", FORMS)
async def test_of_a_million_items_it_holds_n(form: Any) -> None:
    source = Ticks(0.5)
    async with (source.stream() | sk.batch(50, **form)).open() as run:
        await anext(run)
        await anyio.sleep(10_000)
        assert source.pulled == (50 if not form else 100)


# -- within -------------------------------------------------------------------------------------------------

LISTS = {letter: list(letter.lower()) for letter in "ABCDEFG"} | {
    "X": ["a", "b"],
    "Y": ["c", "d"],
    "Z": ["e", "f"],
}


@pytest.mark.parametrize(
    ("source", "batched"),
    [
        pytest.param("|", "|", id="none"),
        pytest.param("#", "#", id="none, failed"),
        pytest.param("-a--------|", "----A-----|", id="an empty window gives nothing"),
        pytest.param("-a--b-----|", "----A--B--|", id="exactly when the time is up"),
        pytest.param("-ab-cd-ef-|", "--X--Y--Z-|", id="a full one restarts the window"),
        pytest.param("-ab--c-----|", "--X-----C--|", id="the window starts at the first item"),
        pytest.param("-a|", "--(A|)", id="what is left goes out with the end"),
        pytest.param("-a#", "--(A#)", id="and before an error"),
        pytest.param("-a--#", "----(A#)", id="unless its time was up"),
        pytest.param("(abcd)--(ef|)", "(XY)--(Z|)", id="at once"),
    ],
)
async def test_a_list_goes_out_when_it_is_full_or_its_time_is_up(source: str, batched: str) -> None:
    await marbles.expect(marbles.source(source) | sk.batch(2, within=3), batched, values=LISTS)


@on_both_backends
@given(
    st.lists(st.integers(0, 12).map(lambda n: n / 4), max_size=25),
    st.integers(1, 4),
    st.integers(1, 8).map(lambda n: n / 4),
)
def test_under_any_timing_it_is_what_its_definition_says(
    backend: str, schedule: list[float], n: int, within: float
) -> None:
    async def source() -> AsyncIterator[int]:
        for number, gap in enumerate(schedule):
            if gap:
                await anyio.sleep(gap)
            yield number

    async def read() -> list[tuple[float, list[int]]]:
        async with (sk.from_iterable(source) | sk.batch(n, within)).open() as run:
            return [(anyio.current_time(), items) async for items in run]

    wanted: list[tuple[float, list[int]]] = []
    begun: list[int] = []
    due = now = 0.0
    for number, gap in enumerate(schedule):
        now += gap
        if begun and now >= due:
            wanted.append((due, begun))
            begun = []
        due = due if begun else now + within
        begun.append(number)
        if len(begun) == n:
            wanted.append((now, begun))
            begun = []
    wanted += [(now, begun)] if begun else []
    assert run_virtual(read, backend=backend) == wanted


async def test_it_stops_reading_once_a_list_that_is_due_has_not_been_taken() -> None:
    source = Ticks(2)
    async with (source.stream() | sk.batch(10, within=5)).open() as run:
        assert await anext(run) == [1, 2, 3]
        await anyio.sleep(1000)  # the second is due at 13, and what comes at 14 begins the third
        assert source.pulled == 7
        assert [await anext(run), await anext(run)] == [[4, 5, 6], [7]]
        assert source.pulled == 7
    assert source.closed == 1


async def test_a_list_whose_time_is_up_is_closed_however_late_it_is_taken() -> None:
    stream = marbles.source("ab---c---d-------|") | sk.batch(9, within=3)
    assert await times(stream, each_takes=7) == [(3, "ab"), (10, "c"), (17, "d")]


async def test_it_reads_no_item_before_it_is_read() -> None:
    source = Ticks(1)
    async with (source.stream() | sk.batch(2, within=1)).open():
        await anyio.sleep(10)
    assert source.pulled == 0


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((0,), ValueError, "at least 1, not 0"),
        ((-1, 1), ValueError, "at least 1, not -1"),
        ((2.0,), TypeError, "whole number, not 2.0"),
        ((2.0, 1), TypeError, "whole number, not 2.0"),
        ((2, 0), ValueError, "above 0 for within, not 0"),
        ((2, float("inf")), ValueError, "above 0 for within, not inf"),
        ((2, "1"), TypeError, "seconds for within, not '1'"),
    ],
)
def test_junk_is_refused_at_once(args: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sk.batch(*args)


def test_without_a_window_it_works_offline_and_with_one_it_says_that_it_cannot() -> None:
    assert list(sk.batch(2).over("abc")) == [["a", "b"], ["c"]]
    with pytest.raises(TypeError, match=r"batch\(2, within=1\) is concurrent"):
        sk.batch(2, within=1).over("abc")


def test_it_says_what_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    (sk.batch(3) | sk.batch(2, 1.5)).explain()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == ["batch(3) pure holds 3 items", "batch(2, within=1.5) concurrent holds 2 items"]


def test_lists_follow_one_another() -> None:
    assert list(itertools.chain.from_iterable(sk.batch(3).over(range(10)))) == list(range(10))
