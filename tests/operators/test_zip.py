"""
zip: one item of each stream at a time.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends

pytestmark = pytest.mark.virtual_time


class Alike:
    """
    An item that says it equals everything, as arrays nearly do.
    """

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


async def test_a_round_takes_as_long_as_its_slowest_answer() -> None:
    stream = sk.zip(marbles.source("a--b---|"), marbles.source("-c---d-|"))
    await marbles.expect(stream, "-A---B-|", values={"A": ("a", "c"), "B": ("b", "d")})


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        pytest.param("a-b-|", "c|", "X|", id="the second"),
        pytest.param("a|", "c-d-|", "X|", id="the first"),
        pytest.param("a-|", "c", "X-|", id="beside one that is silent"),
        pytest.param("a-|", "c----#", "X-|", id="before another fails"),
        pytest.param("a-|", "c-#", "X-#", id="unless another fails at the same moment"),
        pytest.param("a-#", "c----d", "X-#", id="or before"),
    ],
)
async def test_without_strict_it_ends_as_soon_as_one_ends(a: str, b: str, wanted: str) -> None:
    stream = sk.zip(marbles.source(a), marbles.source(b), strict=False)
    await marbles.expect(stream, wanted, values={"X": ("a", "c")})


@pytest.mark.parametrize("lengths", [(1, 2), (2, 1), (2, 2, 1), (1, 1, 2), (2, 1, 1), (0, 3), (1, 2, 1)])
async def test_other_lengths_are_refused_as_by_the_builtin(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"zip\(\) argument") as wanted:
        list(builtins.zip(*map(range, lengths), strict=True))
    with pytest.raises(ValueError, match=r"zip\(\) argument") as got:
        await sk.zip(*(sk.from_iterable(range(n)) for n in lengths)).run()
    assert str(got.value) == str(wanted.value)


@on_both_backends
@given(st.lists(st.lists(st.sampled_from([0, 0.5, 1]), max_size=5), min_size=1, max_size=4), st.booleans())
def test_it_is_the_builtin(backend: str, sources: list[list[float]], strict: bool) -> None:
    def play(delays: list[float]) -> sk.Stream[int]:
        async def give() -> AsyncIterator[int]:
            for number, delay in enumerate(delays):
                await anyio.sleep(delay)
                yield number

        return sk.from_iterable(give)

    got: list[tuple[int, ...]] = []
    wanted: list[tuple[int, ...]] = []

    async def read() -> None:
        async with sk.zip(*map(play, sources), strict=strict).open() as run:
            async for item in run:
                got.append(item)

    with suppress(ValueError):
        wanted.extend(builtins.zip(*(range(len(delays)) for delays in sources), strict=strict))
    with suppress(ValueError):
        run_virtual(read, backend=backend)
    assert got == wanted


async def test_no_stream_is_asked_before_the_next_round() -> None:
    pulled = [0, 0]

    def source(number: int) -> sk.Stream[int]:
        async def give() -> AsyncIterator[int]:
            while True:
                pulled[number] += 1
                yield number

        return sk.from_iterable(give)

    async with sk.zip(source(0), source(1)).open() as run:
        for n in range(1, 5):
            await anext(run)
            await anyio.sleep(1)
            assert pulled == [n, n]


async def test_an_error_does_not_wait_for_the_other_answers() -> None:
    await marbles.expect(sk.zip(marbles.source("--------a|"), marbles.source("--#")), "--#")


async def test_items_are_not_compared() -> None:
    alike = sk.from_iterable([Alike(), Alike()])
    assert len(await sk.zip(alike, alike).collect()) == 2


def test_strict_is_a_flag() -> None:
    with pytest.raises(TypeError, match=r"zip\(strict=…\) must be True or False, not 'no'"):
        cast("Any", sk.zip)(sk.from_iterable([1]), strict="no")
    assert repr(sk.zip(sk.from_iterable([1]), strict=False)) == "zip(from_iterable([…]), strict=False)"


@pytest.mark.parametrize(
    ("streams", "wanted"),
    [
        pytest.param(["---1---2---3---", "--4--5--6--7--8--"], "---A---B---C---", id="the second is ahead"),
        pytest.param(
            ["---1--2--3--|", "------4----5----6--------|", "--------7----8----9------"],
            "--------A----B----(C|)",
            id="one has ended before its last tuple",
        ),
        pytest.param(
            ["---1--2--3--|", "------4----5----6|", "--------7----8----9-----"],
            "--------A----B----(C|)",
            id="two have ended before it",
        ),
        pytest.param(["-1----2----|", "--3--4----|", "---5---6-|"], "---A---B-|", id="three"),
        pytest.param(
            ["-1-2-3-4-5-6-7-8-9-|", "--1--2--3--4--5--|"], "--A--B--C--D--E--|", id="one gives more"
        ),
        pytest.param(
            ["-1-2-3-4-5------|", "--1--2--3--4--5--|"],
            "--A--B--C--D--E-|",
            id="as many, the faster ends first",
        ),
        pytest.param(["-1-----|", "--2--|"], "--A--|", id="the right one ends first"),
        pytest.param(["-------", "-------"], "-------", id="two that are silent"),
        pytest.param(["-----", "|"], "|", id="silent and empty"),
        pytest.param(["|", "-----"], "|", id="empty and silent"),
        pytest.param(["|", "|"], "|", id="empty and empty"),
        pytest.param(["|", "---1--|"], "|", id="empty and not"),
        pytest.param(["---1--|", "|"], "|", id="not empty and empty"),
        pytest.param(["---------", "---1--|"], "---------", id="silent beside one whose item waits"),
        pytest.param(["---1--|", "---------"], "---------", id="one whose item waits, beside a silent one"),
        pytest.param(["|", "------#"], "|", id="empty and failing"),
        pytest.param(["------#", "|"], "|", id="failing and empty"),
        pytest.param(["----------|", "------#"], "------#", id="failing before the other ends"),
        pytest.param(["---------", "------#"], "------#", id="silent and failing"),
        pytest.param(["------#", "----------#"], "------#", id="both fail"),
        pytest.param(["--1-----#", "-----2-----#"], "-----A--#", id="both fail after a tuple"),
        pytest.param(["-----2-----#", "--1-----#"], "-----A--#", id="the same the other way round"),
    ],
)
async def test_without_strict_it_is_the_zip_of_rxjs(streams: list[str], wanted: str) -> None:
    """
    The situations of RxJS 7's specifications of zip and zipWith, https://github.com/ReactiveX/rxjs/tree/7.x/spec.
    """
    items = builtins.zip(*([char for char in stream if char.isdigit()] for stream in streams), strict=False)
    values = dict(builtins.zip("ABCDEFGHI", items, strict=False))
    stream = sk.zip(*map(marbles.source, streams), strict=False)
    await marbles.expect(stream, wanted, values=values)
