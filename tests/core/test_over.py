"""
over and a bare `async for`: pipelines without a run.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any

import pytest

import streamkit as sk
from streamkit.sinks import collect


@sk.operator
async def shout(items: AsyncIterator[str]) -> AsyncIterator[str]:
    async for item in items:
        yield item.upper()


async def plain(items: AsyncIterable[str]) -> AsyncIterator[str]:
    async for item in items:
        yield item


async def nothing() -> AsyncIterator[str]:
    return
    yield ""


def inverse(n: int) -> int:
    return 1 // n


# -- over ---------------------------------------------------------------------------------------------------


def test_over_runs_pure_stages_on_plain_data() -> None:
    operator = sk.skip(1) | sk.batch(2) | sk.map(len)
    assert list(operator.over("abcd")) == [2, 1]
    assert list(operator.over(iter("abcd"))) == [2, 1]
    assert list(sk.take(2).over(range(5))) == [0, 1]
    assert list(sk.take(0).over(range(5))) == []


def test_over_is_lazy() -> None:
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(9):
            read.append(n)
            yield n

    iterator = sk.map(str).over(numbers())
    assert read == []
    assert next(iterator) == "0"
    assert read == [0]


def test_over_accepts_the_old_sequence_protocol() -> None:
    class Squares:
        def __getitem__(self, index: int) -> int:
            if index == 3:
                raise IndexError
            return index * index

    squares: Any = Squares()
    assert list(sk.take(9).over(squares)) == [0, 1, 4]


class Source:
    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[int]:
        return iter(range(5))

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    "count",
    [None, 2, pytest.param(9)],
    ids=["all", "abandoned", "taken"],
)
def test_over_closes_what_it_read_once(count: int | None) -> None:
    source = Source()
    operator = sk.take(3) if count == 9 else sk.take(9)
    iterator = operator.over(source)
    if count == 2:
        next(iterator)
        iterator.close()  # type: ignore[attr-defined]  # pyright: ignore
    else:
        list(iterator)
    assert source.closed == 1


def test_over_closes_what_it_read_when_a_stage_fails() -> None:
    source = Source()
    with pytest.raises(ZeroDivisionError):
        list(sk.map(inverse).over(source))
    assert source.closed == 1


@pytest.mark.parametrize(
    ("operator", "stage", "kind"),
    [
        (sk.take(1) | shout(), r"shout\(\)", "async"),
        (sk.take(1) | plain, "plain", "async"),
        (sk.take(1) | sk.throttle(1.5) | sk.take(1), r"throttle\(1\.5\)", "concurrent"),
        (sk.tee(collect()), r"tee\(.*\)", "concurrent"),
    ],
)
def test_over_refuses_any_other_stage_by_name(operator: Any, stage: str, kind: str) -> None:
    with pytest.raises(
        TypeError, match=rf"^over\(\) runs pure stages only, and {stage} is {kind}: use `async with"
    ):
        operator.over([1])


@pytest.mark.parametrize("junk", [3, None, nothing()], ids=["int", "None", "async generator"])
def test_over_refuses_what_is_no_plain_iterable(junk: Any) -> None:
    with pytest.raises(TypeError, match=r"over\(\) takes a plain iterable, not "):
        sk.take(1).over(junk)


# -- a bare async for ---------------------------------------------------------------------------------------


async def test_a_sequential_stream_can_be_iterated_bare() -> None:
    stream = (sk.from_iterable(["a", "b"]) | shout()).map(lambda s: s + "!") | plain
    for _ in range(2):
        assert [item async for item in stream] == ["A!", "B!"]


async def test_bare_iteration_closes_the_source_when_it_is_closed() -> None:
    log: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            log.append("closed")

    iterator = aiter(sk.from_iterable(numbers) | sk.take(9))
    assert await anext(iterator) == 1
    assert log == []
    await iterator.aclose()  # type: ignore[attr-defined]  # pyright: ignore
    assert log == ["closed"]


async def test_bare_iteration_raises_the_error_of_the_stream() -> None:
    stream = sk.from_iterable([1, 0]).map(lambda n: 1 // n)
    with pytest.raises(ZeroDivisionError):
        async for _ in stream:
            pass


@pytest.mark.parametrize(
    ("stage", "text"), [(sk.throttle(0.5), r"throttle\(0\.5\)"), (sk.tee(collect()), r"tee\(.*\)")]
)
async def test_with_a_concurrent_stage_it_is_refused_and_pointed_to_open(stage: Any, text: str) -> None:
    stream = sk.from_iterable(["a"]) | sk.take(1) | stage | sk.take(1)
    with pytest.raises(
        TypeError, match=rf"^{text} runs tasks of its own.*use `async with stream\.open\(\) as run`"
    ):
        async for _ in stream:
            pass


async def test_inside_a_generator_a_sequential_stream_is_iterated_bare() -> None:
    @sk.operator
    async def twice(items: AsyncIterator[str]) -> AsyncIterator[str]:
        async for item in items:
            async for each in sk.from_iterable([item, item]) | shout():
                yield each

    assert await (sk.from_iterable("ab") | twice()).collect() == ["A", "A", "B", "B"]
