"""
flat_map: each item becomes many, of which several may be open at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import anyio
import pytest
from structlog.testing import capture_logs

import streamkit as sk
from streamkit.events import Restarted
from streamkit.testing import marbles

pytestmark = pytest.mark.virtual_time

flat_map = cast("Any", sk.flat_map)
"""For what its types refuse."""


def playing(**diagrams: str) -> Callable[[str], sk.Stream[Any]]:
    return lambda item: marbles.source(diagrams[item])


def twice(item: int) -> list[int]:
    return [item, item]


@pytest.mark.parametrize(
    ("source", "concurrency", "wanted"),
    [
        ("ab|", 2, "-xxyy|"),
        ("ab|", 1, "-x-y-x-y|"),
        ("|", 2, "|"),
        ("#", 2, "#"),
        ("a---#", 2, "-x-y#"),
        ("a-#", 2, "-x#"),
        ("c---a", 2, "-x-#"),
        ("ac--|", 2, "-xxy#"),
        ("ac-a|", 1, "-x-y-x-#"),
    ],
)
async def test_so_many_are_open_at_once(source: str, concurrency: int, wanted: str) -> None:
    fn = playing(a="-x-y|", b="-x-y|", c="-x-#")
    await marbles.expect(marbles.source(source) | sk.flat_map(fn, concurrency=concurrency), wanted)


@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_upstream_is_read_when_there_is_room_and_no_sooner(concurrency: int) -> None:
    pulled = 0

    async def upstream() -> AsyncIterator[int]:
        nonlocal pulled
        while True:
            pulled += 1
            yield pulled

    def open_for_good(item: int) -> sk.Stream[Any]:
        return marbles.source("a---")

    stream = sk.from_iterable(upstream) | sk.flat_map(open_for_good, concurrency=concurrency)
    async with stream.open() as run:
        await anext(run)
        await anyio.sleep(10)
        assert pulled == concurrency


async def test_one_whose_items_are_not_taken_counts_as_open() -> None:
    pulled: list[int] = []
    stream = sk.from_iterable(range(100)).tap(pulled.append) | sk.flat_map(twice, concurrency=2)
    async with stream.open() as run:
        await anext(run)
        await anyio.sleep(10)
        assert len(pulled) == 2


async def test_what_is_open_is_closed_before_upstream() -> None:
    log: list[str] = []

    def source(name: str) -> sk.Stream[str]:
        async def give() -> AsyncIterator[str]:
            try:
                while True:
                    yield name
                    await anyio.sleep(1)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(1)
                log.append(name)

        return sk.from_iterable(give)

    def inner(item: str) -> sk.Stream[str]:
        return source("inner")

    async with (source("upstream") | sk.flat_map(inner, concurrency=2)).open() as run:
        await anyio.sleep(1)
        for _ in range(3):
            await anext(run)
        left = anyio.current_time()
    assert anyio.current_time() - left == 2
    assert log == ["inner", "inner", "upstream"]


async def test_an_error_of_the_function_comes_after_the_items_before_it() -> None:
    def fn(item: int) -> list[int]:
        return [1 // item, item]

    got: list[int] = []
    with pytest.raises(ZeroDivisionError):
        await (sk.from_iterable([1, 2, 0, 3]) | sk.flat_map(fn, concurrency=3) | sk.tap(got.append)).run()
    assert set(got) <= {1, 0, 2}


async def test_after_a_failure_nothing_more_is_opened() -> None:
    opened: list[str] = []
    pulled: list[str] = []

    def fn(item: str) -> sk.Stream[Any]:
        opened.append(item)
        return marbles.source("#" if item == "b" else "x------|")

    with pytest.raises(marbles.MarbleError):
        async with (
            marbles.source("abcdef|").tap(pulled.append) | sk.flat_map(fn, concurrency=3)
        ).open() as run:
            async for _ in run:
                await anyio.sleep(10)
    assert opened == ["a", "b"]
    assert pulled == ["a", "b", "c"]


async def test_where_the_stream_starts_over_what_is_open_is_closed() -> None:
    values = {"R": Restarted(2, ConnectionError())}
    closed: list[float] = []

    async def inner(item: str) -> AsyncIterator[str]:
        try:
            yield "x"
            await anyio.sleep(60)
            yield "y"
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(2)
            closed.append(anyio.current_time() - start)

    start = anyio.current_time()
    stream = marbles.source("a---R---b", values=values) | sk.flat_map(inner, concurrency=3)
    await marbles.expect(stream, "x-----R-x---", values=values)
    assert closed[0] == 6


@pytest.mark.usefixtures("structlog_configured")
async def test_where_the_stream_starts_over_a_cleanup_that_fails_does_not_count_either() -> None:
    async def inner(item: str) -> AsyncIterator[str]:
        yield item
        if item == "a":
            try:
                await anyio.sleep(60)
            finally:
                raise OSError("of a void stream")

    restarted = Restarted(2, ConnectionError())
    stream = marbles.source("a--Rb|", values={"R": restarted}) | sk.flat_map(inner, concurrency=3)
    with capture_logs() as logs:
        async with stream.open() as run:
            assert [item async for item in run] == ["a", restarted, "b"]
    assert run.outcome.kind == "complete"
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["close_failed"]


async def test_where_the_stream_starts_over_what_has_not_been_taken_is_dropped() -> None:
    restarted = Restarted(2, ConnectionError())
    values = {"R": restarted}
    stream = marbles.source("a-Ra|", values=values) | sk.flat_map(lambda _: [1, 2, 3], concurrency=3)
    async with stream.open() as run:
        assert await anext(run) == 1
        await anyio.sleep(10)
        assert [item async for item in run] == [restarted, 1, 2, 3]


async def test_what_ends_early_inside_is_not_the_end_of_the_run() -> None:
    def first_of_two(item: int) -> sk.Stream[int]:
        return sk.from_iterable([item, item]) | sk.take(1)

    run = (sk.from_iterable([1, 2]) | sk.flat_map(first_of_two, concurrency=2)).open()
    async with run:
        assert sorted([item async for item in run]) == [1, 2]
    assert run.outcome.kind == "complete"


async def test_without_concurrency_it_is_pure_and_says_what_async_ones_need() -> None:
    assert list(sk.flat_map(twice).over([1, 2])) == [1, 1, 2, 2]
    with pytest.raises(TypeError, match=r"open_it gives async iterables.*flat_map\(open_it, concurrency=…\)"):

        def open_it(item: int) -> Any:
            return sk.from_iterable([item])

        await (sk.from_iterable([1]) | sk.flat_map(open_it)).run()


def test_bad_arguments_are_refused() -> None:
    async def generate(item: int) -> AsyncIterator[int]:
        yield item

    async def give(item: int) -> list[int]:
        return [item]

    with pytest.raises(TypeError, match=r"flat_map\(generate, concurrency=…\)"):
        flat_map(generate)
    with pytest.raises(TypeError, match="give is a coroutine function"):
        flat_map(give, concurrency=1)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        sk.flat_map(generate, concurrency=0)
    assert repr(sk.flat_map(generate, concurrency=2)) == "flat_map(generate, concurrency=2)"


async def test_what_the_function_gives_must_be_iterable() -> None:
    with pytest.raises(
        TypeError, match=r"flat_map\(abs\): the function must return a stream .* returned int"
    ):
        await (sk.from_iterable([1]) | flat_map(abs, concurrency=1)).run()
