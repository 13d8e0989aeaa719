"""
What a pure stage holds when its upstream fails: handed on before the error, where that is as good as what came before.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator


class Pairs(sk.Transducer[Any, list[Any]]):
    flushes_on_error = True

    def __init__(self) -> None:
        self.held: list[Any] = []

    def feed(self, item: Any) -> Iterable[list[Any]]:
        self.held.append(item)
        return self.flush() if len(self.held) == 2 else ()

    def flush(self) -> Iterable[list[Any]]:
        held, self.held = self.held, []
        return (held,) if held else ()


class Secretive(Pairs):
    flushes_on_error = False


class FailingAtTheEnd(sk.Transducer[Any, Any]):
    def feed(self, item: Any) -> Iterable[Any]:
        return (item,)

    def flush(self) -> Iterable[Any]:
        raise AssertionError("it is not asked: upstream has failed")


failure = ConnectionError("cut")


def total(items: list[int]) -> int:
    return sum(items)


def numbers() -> Iterator[int]:
    yield from range(5)
    raise failure


async def numbers_later() -> AsyncIterator[int]:
    for number in range(5):
        yield number
    raise failure


@pytest.mark.parametrize("source", [numbers, numbers_later])
@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (Pairs(), [[0, 1], [2, 3], [4]]),
        (Secretive(), [[0, 1], [2, 3]]),
        (sk.batch(3), [[0, 1, 2], [3, 4]]),
        (sk.map(str) | sk.until("34x"), ["0", "1", "2", "34"]),
        (sk.map(str) | sk.recut("line"), ["01234"]),
        (Pairs() | sk.map(total), [1, 5, 4]),
        (Pairs() | Pairs(), [[[0, 1], [2, 3]], [[4]]]),
        (Pairs() | FailingAtTheEnd(), [[0, 1], [2, 3], [4]]),
        (sk.take(3) | Pairs(), [[0, 1], [2]]),
        (Pairs() | sk.take(2), [[0, 1], [2, 3]]),
        (
            sk.split(a=Pairs(), b=Secretive()),
            [("a", [0, 1]), ("b", [0, 1]), ("a", [2, 3]), ("b", [2, 3]), ("a", [4])],
        ),
        (sk.split(a=sk.map(int) | Pairs()), [("a", [0, 1]), ("a", [2, 3]), ("a", [4])]),
        (sk.split(ordered=False, a=Pairs()), [("a", [0, 1]), ("a", [2, 3]), ("a", [4])]),
        (sk.buffer(2) | Pairs(), [[0, 1], [2, 3], [4]]),
        (sk.batch(3, within=1000), [[0, 1, 2], [3, 4]]),
    ],
    ids=repr,
)
async def test_what_is_held_comes_before_the_error(
    source: Any, pipeline: sk.Operator[Any, Any], expected: list[Any]
) -> None:
    got: list[Any] = []
    run = (sk.from_iterable(source) | pipeline).open()
    with pytest.raises(ConnectionError) if "take(" not in repr(pipeline) else nullcontext() as caught:
        async with run:
            async for item in run:
                got.append(item)
    assert got == expected
    if caught is not None:
        assert caught.value is failure
        assert run.outcome.error is failure


def test_offline_too() -> None:
    got: list[list[int]] = []
    with pytest.raises(ConnectionError) as caught:
        got.extend((sk.map(int) | Pairs()).over(numbers()))
    assert caught.value is failure
    assert got == [[0, 1], [2, 3], [4]]


def no_three(item: int) -> int:
    if item == 3:
        raise failure
    return item


def fail(items: list[int]) -> int:
    raise KeyError(items)


async def test_an_error_of_a_stage_before_it_is_upstreams() -> None:
    got: list[list[int]] = []
    with pytest.raises(ConnectionError):
        async with (sk.from_iterable(range(9)) | sk.map(no_three) | sk.batch(9)).open() as run:
            async for items in run:
                got.append(items)
    assert got == [[0, 1, 2]]


async def test_an_error_of_a_stage_behind_it_is_not() -> None:
    with pytest.raises(KeyError, match=r"\[0, 1\]"):
        await (sk.from_iterable(range(9)) | Pairs() | sk.map(fail)).collect()


async def test_a_sink_beside_gets_what_was_held() -> None:
    run = (sk.from_iterable(numbers_later) | sk.tee(sk.batch(3) | sk.sinks.collect())).open()
    with pytest.raises(ConnectionError):
        async with run:
            async for _ in run:
                pass
    got: list[Any] = []

    async def insert(rows: list[int]) -> None:
        got.append(rows)

    run = (sk.from_iterable(numbers_later) | sk.tee(sk.batch(3) | sk.sinks.call(insert))).open()
    with pytest.raises(ConnectionError):
        async with run:
            async for _ in run:
                pass
    assert got == [[0, 1, 2], [3, 4]]


async def test_leaving_early_flushes_nothing() -> None:
    async with (sk.from_iterable(numbers_later) | Pairs()).open() as run:
        async for item in run:
            assert item == [0, 1]
            break
    assert run.outcome.stopped_by == "consumer"
