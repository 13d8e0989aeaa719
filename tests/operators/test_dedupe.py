"""
dedupe: no item that is equal to the one before it.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from tests.support.restarts import Restart

items = st.lists(st.sampled_from([0, 1, 1.0, True, "1", None, "", (1, 2)]))


@given(items)
def test_what_is_equal_to_its_neighbour_goes(given_items: list[object]) -> None:
    assert list(sk.dedupe().over(given_items)) == [first for first, _ in itertools.groupby(given_items)]


@given(items)
def test_neighbours_are_compared_by_their_key(given_items: list[object]) -> None:
    got = list(sk.dedupe(repr).over(given_items))
    assert list(map(repr, got)) == [key for key, _ in itertools.groupby(given_items, repr)]


@given(items)
def test_once_is_enough(given_items: list[object]) -> None:
    once = list(sk.dedupe().over(given_items))
    assert list(sk.dedupe().over(once)) == once


def test_the_first_of_equal_neighbours_stays() -> None:
    assert list(sk.dedupe(str.lower).over(["a", "A", "b", "B", "a"])) == ["a", "b", "a"]


def test_none_is_an_item() -> None:
    assert list(sk.dedupe().over([None, None, 1, None])) == [None, 1, None]


def test_a_restart_forgets() -> None:
    restart = Restart()
    assert list(sk.dedupe().over(["a", "a", restart, "a", "a"])) == ["a", restart, "a"]
    assert list(sk.dedupe(len).over(["a", restart, "b", "c"])) == ["a", restart, "b"]


async def test_each_run_begins_anew() -> None:
    stream = sk.from_iterable("aab") | sk.dedupe()
    assert await stream.collect() == await stream.collect() == ["a", "b"]


async def test_an_upstream_error_comes_after_the_items() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        yield 1
        raise ConnectionError

    got: list[int] = []
    with pytest.raises(ConnectionError):
        await (sk.from_iterable(source) | sk.dedupe() | sk.tap(got.append)).run()
    assert got == [1]


async def test_it_reads_one_item_for_one_item_and_closes_the_source_once() -> None:
    pulled: list[int] = []
    closed: list[None] = []

    async def source() -> AsyncIterator[int]:
        try:
            for number in itertools.count():
                pulled.append(number)
                yield number
        finally:
            closed.append(None)

    async with (sk.from_iterable(source) | sk.dedupe()).open() as run:
        assert await anext(run) == 0
        assert pulled == [0]
    assert len(closed) == 1


@pytest.mark.parametrize("where", ["key", "comparison"])
async def test_what_key_or_the_comparison_raises_is_the_error_of_the_stream(where: str) -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

        __hash__ = None  # type: ignore[assignment]

    operator = sk.dedupe(lambda item: 1 / 0) if where == "key" else sk.dedupe()
    with pytest.raises(ZeroDivisionError):
        await (sk.from_iterable([Odd(), Odd()]) | operator).run()


def test_a_key_must_be_a_plain_function() -> None:
    async def key(item: object) -> object: ...

    not_a_function: Any = 3
    with pytest.raises(TypeError, match="function of one item for key, not 3"):
        sk.dedupe(not_a_function)
    with pytest.raises(TypeError, match="key=key without awaiting it"):
        sk.dedupe(key)


def test_it_reads_like_its_source() -> None:
    assert repr(sk.dedupe() | sk.dedupe(len)) == "dedupe() | dedupe(len)"


class Array:
    """
    As numpy's: comparing two gives an array of answers, which is neither true nor false.
    """

    def __init__(self, *values: int) -> None:
        self.values = values

    def __eq__(self, other: object) -> Any:
        assert isinstance(other, Array)
        return Array(*(a == b for a, b in zip(self.values, other.values, strict=False)))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array with more than one element is ambiguous")

    def all(self) -> bool:
        return all(self.values)


async def test_arrays_are_equal_where_all_of_them_is() -> None:
    one, same, other = Array(1, 2), Array(1, 2), Array(1, 3)
    assert await (sk.from_iterable([one, same, other]) | sk.dedupe()).collect() == [one, other]


async def test_a_value_that_does_not_equal_itself_is_the_same_value_all_the_same() -> None:
    nan = float("nan")
    assert len(await (sk.from_iterable([nan, nan, 1.0]) | sk.dedupe()).collect()) == 2
