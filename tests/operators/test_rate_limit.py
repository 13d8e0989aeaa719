"""
rate_limit: later, and never dropped.
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
from tests.support.profiles import examples
from tests.support.restarts import Restart

pytestmark = pytest.mark.virtual_time


async def times(stream: sk.Stream[Any]) -> list[float]:
    start = anyio.current_time()
    return [anyio.current_time() - start async for _ in stream]


# -- what passes when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "limited", "args"),
    [
        pytest.param("|", "|", (1,), id="none"),
        pytest.param("#", "#", (1,), id="none, failed"),
        pytest.param("a--b--c|", "a--b--c|", (1,), id="slower than the rate"),
        pytest.param("(abc|)", "ab(c|)", (1,), id="one each second, and the end with the last"),
        pytest.param("(abc#)", "ab(c#)", (1,), id="an error comes after all items"),
        pytest.param("(abc|)", "a--b--(c|)", (1, 3), id="one in three seconds"),
        pytest.param("(abc|)", "a--b--(c|)", (2, 6), id="two in six seconds"),
        pytest.param("(abcde|)", "(abc)d(e|)", (1, 1, 3), id="burst"),
        pytest.param("(abc)-----(defg|)", "(ab)-c---(de)-f-(g|)", (1, 2, 2), id="saved up again"),
        pytest.param("(abc)-d-----|", "(ab)-c-d---|", (1, 2, 2), id="not saved while in debt"),
        pytest.param("ab-------(cde|)", "ab-------(cd)(e|)", (1, 1, 2), id="no more saved than the burst"),
    ],
)
async def test_tokens(source: str, limited: str, args: Any) -> None:
    await marbles.expect(marbles.source(source) | sk.rate_limit(*args), limited)


async def test_it_does_not_drift() -> None:
    items = examples(pr=1_001, full=10_001)
    got = await times(sk.from_iterable(range(items)) | sk.rate_limit(10))
    assert got == [n / 10 for n in range(items)]


async def test_what_the_consumer_is_late_is_saved_up() -> None:
    start = anyio.current_time()
    got: list[float] = []
    async for item in sk.from_iterable(range(7)) | sk.rate_limit(1, burst=3):
        got.append(anyio.current_time() - start)
        if item == 3:
            await anyio.sleep(9)
    assert got == [0, 0, 0, 1, 10, 10, 10]


# -- costs --------------------------------------------------------------------------------------------------


async def test_items_cost_what_cost_says() -> None:
    stream = sk.from_iterable(["aa", "", "b", "ccc", "", "dd"]) | sk.rate_limit(1, burst=3, cost=len)
    assert await times(stream) == [0, 0, 0, 3, 3, 5]


async def test_one_that_costs_more_than_the_burst_waits_until_as_much_has_flowed_in() -> None:
    stream = sk.from_iterable([10, 1, 5, 1]) | sk.rate_limit(2, burst=4, cost=int)
    # Four are there, six flow in; then nothing is left.
    assert await times(stream) == [3, 3.5, 6, 6.5]


async def test_after_a_pause_it_waits_only_for_what_the_burst_lacks() -> None:
    stream = marbles.source("a-----b-c|") | sk.rate_limit(
        1, burst=2, cost=lambda item: {"a": 2, "b": 5}.get(item, 1)
    )
    assert await times(stream) == [0, 9, 10]


async def test_a_fraction_is_a_cost_too() -> None:
    stream = sk.from_iterable([0.5, 0.25, 0.25, 0.5]) | sk.rate_limit(1, cost=float)
    assert await times(stream) == [0, 0, 0, 0.5]


@pytest.mark.parametrize("cost", [-1, -0.5, float("nan"), float("inf"), float("-inf")])
async def test_a_cost_that_is_none_is_named(cost: float) -> None:
    got: list[str] = []
    stream = (
        sk.from_iterable("ab")
        | sk.rate_limit(1, cost=lambda item: 1 if item == "a" else cost)
        | sk.tap(got.append)
    )
    with pytest.raises(ValueError, match=rf"at least 0, not {cost}"):
        await stream.run()
    assert got == ["a"]


async def test_a_cost_that_is_no_number_is_named_by_its_type() -> None:
    def bad(item: object) -> Any:
        return "secret"

    with pytest.raises(TypeError, match="number of tokens from cost, not str") as caught:
        await (sk.from_iterable("a") | sk.rate_limit(1, cost=bad)).run()
    assert "secret" not in str(caught.value)


async def test_what_cost_raises_is_the_error_of_the_stream() -> None:
    with pytest.raises(ZeroDivisionError):
        await (sk.from_iterable([0]) | sk.rate_limit(1, cost=lambda item: 1 / item)).run()


async def test_a_restart_costs_nothing_and_is_not_asked_about() -> None:
    restart = Restart()
    items: list[Any] = ["a", restart, "b"]
    stream = sk.from_iterable(items) | sk.rate_limit(1, cost=len)
    assert await stream.collect() == items
    assert await times(stream) == [0, 0, 1]


# -- laws ---------------------------------------------------------------------------------------------------

gaps = st.lists(st.integers(0, 12).map(lambda n: n / 4), max_size=30)


@on_both_backends
@given(gaps, st.integers(1, 4), st.integers(1, 8), st.integers(1, 5))
def test_in_no_stretch_of_time_more_passes_than_flowed_in(
    backend: str, schedule: list[float], rate: int, per: int, burst: int
) -> None:
    async def source() -> AsyncIterator[int]:
        for number, gap in enumerate(schedule):
            await anyio.sleep(gap)
            yield number

    async def read() -> list[tuple[float, int]]:
        return [
            (anyio.current_time(), item)
            async for item in sk.from_iterable(source) | sk.rate_limit(rate, per, burst)
        ]

    got = run_virtual(read, backend=backend)
    assert [item for _, item in got] == list(range(len(schedule)))
    for first, last in itertools.combinations_with_replacement(range(len(got)), 2):
        assert last - first + 1 <= burst + (got[last][0] - got[first][0]) * rate / per + 1e-9


@on_both_backends
@given(gaps, st.integers(1, 4), st.integers(1, 5))
def test_nothing_waits_longer_than_it_must(
    backend: str, schedule: list[float], rate: int, burst: int
) -> None:
    arrived = list(itertools.accumulate(schedule))

    async def source() -> AsyncIterator[int]:
        for moment in arrived:
            await anyio.sleep_until(moment)
            yield 0

    async def read() -> list[float]:
        return [
            anyio.current_time() async for _ in sk.from_iterable(source) | sk.rate_limit(rate, burst=burst)
        ]

    wanted: list[float] = []
    tokens, before = float(burst), 0.0
    for moment in arrived:
        now = max(moment, before)
        tokens = min(burst, tokens + (now - before) * rate)
        wait = max(0.0, (1 - tokens) / rate)
        tokens, before = tokens + wait * rate - 1, now + wait
        wanted.append(before)
    assert run_virtual(read, backend=backend) == pytest.approx(wanted)


# -- reading and ends ---------------------------------------------------------------------------------------


class Watched:
    def __init__(self, n: int = 1_000_000) -> None:
        self.pulled = 0
        self.closed = 0
        self._n = n

    async def items(self) -> AsyncIterator[int]:
        try:
            for number in range(self._n):
                self.pulled += 1
                yield number
        finally:
            self.closed += 1


async def test_it_reads_one_item_at_a_time() -> None:
    source = Watched()
    async with (sk.from_iterable(source.items) | sk.rate_limit(1, burst=5)).open() as run:
        await anyio.sleep(100)
        assert source.pulled == 0
        for number in range(8):
            assert await anext(run) == number
            await anyio.sleep(100)
            assert source.pulled == number + 1
    assert source.closed == 1


async def test_leaving_while_an_item_waits_closes_the_source_once() -> None:
    source = Watched()
    run = (sk.from_iterable(source.items) | sk.rate_limit(1, per=60)).open()
    with anyio.move_on_after(5) as scope:
        async with run:
            async for _ in run:
                pass
    assert scope.cancelled_caught
    assert (run.outcome.kind, source.pulled, source.closed) == ("cancelled", 2, 1)


async def test_a_break_closes_the_source_once() -> None:
    source = Watched()
    async with (sk.from_iterable(source.items) | sk.rate_limit(1)).open() as run:
        async for item in run:
            if item == 3:
                break
    assert (run.outcome.stopped_by, source.pulled, source.closed) == ("consumer", 4, 1)


async def test_a_high_rate_over_a_ready_source_gives_others_their_turn() -> None:
    source = Watched()
    with anyio.move_on_after(0) as scope:
        async for _ in sk.from_iterable(source.items) | sk.rate_limit(1e12, burst=1e12):
            pass
    assert scope.cancelled_caught
    assert source.pulled <= 65


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        ((0,), {}, ValueError, "above 0 for rate, not 0"),
        ((-1,), {}, ValueError, "above 0 for rate, not -1"),
        ((float("inf"),), {}, ValueError, "above 0 for rate, not inf"),
        ((float("nan"),), {}, ValueError, "above 0 for rate, not nan"),
        (("1",), {}, TypeError, "for rate, not '1'"),
        ((True,), {}, TypeError, "for rate, not True"),
        ((1, 0), {}, ValueError, "seconds above 0 for per, not 0"),
        ((1, None), {}, TypeError, "seconds for per, not None"),
        ((1,), {"burst": 0}, ValueError, "above 0 for burst, not 0"),
        ((1,), {"burst": "5"}, TypeError, "for burst, not '5'"),
        ((1,), {"cost": 3}, TypeError, "function of one item for cost, not 3"),
    ],
)
def test_junk_is_refused_at_once(args: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sk.rate_limit(*args, **kwargs)


def test_a_coroutine_function_cannot_say_what_an_item_costs() -> None:
    async def price(item: object) -> Any: ...

    not_plain: Any = price
    with pytest.raises(TypeError, match="cost=price without awaiting it"):
        sk.rate_limit(1, cost=not_plain)


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        (sk.rate_limit(5), "rate_limit(5)"),
        (sk.rate_limit(1, 0.2, 5), "rate_limit(1, per=0.2, burst=5)"),
        (sk.rate_limit(1, per=1.0, burst=1, cost=len), "rate_limit(1, cost=len)"),
    ],
)
def test_it_reads_like_its_source(operator: sk.Same, text: str) -> None:
    assert repr(operator) == text
