"""
`collect`, `run`, `last` and `first`: whatever stands before them, they see what a reader of the run sees.
"""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk


@sk.operator
async def doubled(items: AsyncIterator[int]) -> AsyncIterator[int]:
    async for item in items:
        yield item
        yield item


async def numbers() -> AsyncIterator[int]:
    for number in range(200):
        await anyio.lowlevel.checkpoint()
        yield number


async def plus_one(number: int) -> int:
    return number + 1


def nested(levels: int) -> sk.Stream[int]:
    stream: sk.Stream[int] = sk.from_iterable(range(200))
    for _ in range(levels):
        stream = stream.flat_map(lambda number: (number,))
    return stream


STREAMS: dict[str, sk.Stream[Any]] = {
    "a plain source": sk.from_iterable(range(200)),
    "a source that waits": sk.from_iterable(numbers),
    "pure stages": sk.from_iterable(range(200)).map(str).filter(str.isdigit).flat_map(list),
    "a stage with last words": sk.from_iterable(range(200)) | sk.batch(7),
    "one that ends the stream": sk.from_iterable(numbers) | sk.take(3),
    "an asynchronous stage": sk.from_iterable(range(200)) | doubled(),
    "a concurrent stage": sk.from_iterable(range(200)) | sk.map_async(plus_one, concurrency=4),
    "more stages than one loop has": nested(30),
    "nothing": sk.from_iterable(()),
}


@pytest.mark.parametrize("kind", STREAMS)
async def test_they_see_what_a_reader_sees(kind: str) -> None:
    stream = STREAMS[kind]
    async with stream.open() as run:
        seen = [item async for item in run]
    assert await stream.collect() == seen
    passed: list[Any] = []
    await stream.tap(passed.append).run()
    assert passed == seen
    if seen:
        assert await stream.last() == seen[-1]
        assert await stream.first() == seen[0]
        return
    for terminal in (stream.last, stream.first):
        with pytest.raises(LookupError, match="ended without an item"):
            await terminal()


async def test_last_may_be_none() -> None:
    assert await sk.from_iterable([1, None]).last() is None


async def test_they_see_that_a_stream_starts_over() -> None:
    tries = 0

    async def unsure() -> AsyncIterator[int]:
        nonlocal tries
        tries += 1
        yield tries
        if tries % 2:
            raise ConnectionError

    stream = sk.from_iterable(unsure) | sk.retry(sk.RetryPolicy(resume="restart", base=0.0))
    assert [repr(item).partition("(")[0] for item in await stream.collect()] == ["1", "Restarted", "2"]
    assert await stream.last() == 4


@pytest.mark.parametrize("terminal", ["collect", "run", "last"])
async def test_what_fails_before_them_is_shown_in_their_loop(terminal: str) -> None:
    stream = sk.from_iterable([1, 0]).map(lambda number: 1 // number)
    with pytest.raises(ZeroDivisionError) as caught:
        await getattr(stream, terminal)()
    [loop] = [
        frame
        for frame in traceback.extract_tb(caught.value.__traceback__)
        if "streamkit loop" in frame.filename
    ]
    assert f"loop over plain items: map | {terminal}" in loop.filename
    assert loop.line == "item = map(item)"


@pytest.mark.parametrize("terminal", ["collect", "run", "last"])
async def test_they_are_cancelled_in_the_middle_of_what_is_always_ready(terminal: str) -> None:
    taken = 0

    def count(_: int) -> None:
        nonlocal taken
        taken += 1
        if taken == 100:
            scope.cancel()

    with anyio.CancelScope() as scope:
        await getattr(sk.from_iterable(range(10_000)).tap(count), terminal)()
    assert scope.cancelled_caught
    assert taken < 200
