"""
concat: one stream after another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

import streamkit as sk
from streamkit.testing import marbles

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("sources", "wanted"),
    [
        (["-a-b|", "--c|"], "-a-b--c|"),
        (["a|"], "a|"),
        (["-|", "|", "-a|"], "--a|"),
        (["a-#", "b|"], "a-#"),
        (["a-|", "b#"], "a-b#"),
    ],
)
async def test_one_after_another(sources: list[str], wanted: str) -> None:
    await marbles.expect(sk.concat(*map(marbles.source, sources)), wanted)


async def test_the_next_is_opened_when_the_one_before_is_closed() -> None:
    log: list[str] = []

    def source(name: str) -> sk.Stream[str]:
        async def give() -> AsyncIterator[str]:
            log.append(f"open {name}")
            try:
                yield name
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(1)
                log.append(f"close {name}")

        return sk.from_iterable(give)

    assert await sk.concat(source("a"), source("b")).collect() == ["a", "b"]
    assert log == ["open a", "close a", "open b", "close b"]


async def test_after_an_error_the_next_is_not_opened() -> None:
    opened: list[str] = []

    async def second() -> AsyncIterator[str]:
        opened.append("second")
        yield "b"

    with pytest.raises(marbles.MarbleError):
        await sk.concat(marbles.source("a#"), sk.from_iterable(second)).run()
    assert opened == []


async def test_it_works_in_a_bare_loop() -> None:
    stream = sk.concat(sk.from_iterable([1, 2]), sk.from_iterable([3]))
    assert [item async for item in stream] == [1, 2, 3]


async def test_a_part_with_tasks_of_its_own_needs_a_run() -> None:
    stream = sk.concat(sk.from_iterable([1]), sk.from_iterable([2]) | sk.buffer(3))
    with pytest.raises(TypeError, match="open"):
        aiter(stream)
    assert await stream.collect() == [1, 2]


async def test_a_concat_that_was_built_in_a_loop_is_one_row() -> None:
    stream = sk.from_iterable([0])
    for number in range(1, 3_000):
        stream = sk.concat(stream, sk.from_iterable([number]))
    assert await stream.collect() == [*range(3_000)]
    assert repr(stream).count("concat") == 1
