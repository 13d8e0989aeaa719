"""
`finalize`: once, at every end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import marbles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def log() -> list[str]:
    return []


def closing_source(log: list[str], *, fails: bool = False) -> sk.Stream[int]:
    async def items() -> AsyncIterator[int]:
        try:
            for number in range(3):
                await anyio.sleep(1)
                yield number
            if fails:
                raise ValueError("broken")
        finally:
            log.append("source")

    return sk.from_iterable(items)


async def test_it_is_called_once_after_the_end(log: list[str]) -> None:
    stream = closing_source(log) | sk.finalize(lambda: log.append("done"))
    assert await stream.collect() == [0, 1, 2]
    assert log == ["source", "done"]


async def test_it_is_called_once_after_a_failure(log: list[str]) -> None:
    with pytest.raises(ValueError, match="broken"):
        await (closing_source(log, fails=True) | sk.finalize(lambda: log.append("done"))).collect()
    assert log == ["source", "done"]


async def test_it_is_called_when_the_consumer_leaves(log: list[str]) -> None:
    async with (closing_source(log) | sk.finalize(lambda: log.append("done"))).open() as run:
        async for _ in run:
            break
    assert log == ["source", "done"]


async def test_it_is_called_when_a_stage_behind_it_ends_the_stream(log: list[str]) -> None:
    stream = closing_source(log) | sk.finalize(lambda: log.append("done")) | sk.take(1)
    assert await stream.collect() == [0]
    assert log == ["source", "done"]


async def test_it_is_called_when_the_run_is_cancelled(log: list[str]) -> None:
    async def slowly() -> None:
        await anyio.sleep(1)
        log.append("done")

    with anyio.move_on_after(1.5):
        await (closing_source(log) | sk.finalize(slowly)).collect()
    assert log == ["source", "done"]


async def test_it_is_called_where_nothing_was_read(log: list[str]) -> None:
    async with (closing_source(log) | sk.finalize(lambda: log.append("done"))).open():
        pass
    assert log == ["done"]


async def test_it_is_called_in_each_run(log: list[str]) -> None:
    stream = closing_source(log) | sk.finalize(lambda: log.append("done"))
    await stream.collect()
    await stream.collect()
    assert log == ["source", "done"] * 2


async def test_what_it_raises_at_the_end_fails_the_stream(log: list[str]) -> None:
    def fail() -> None:
        raise OSError("no space")

    got: list[int] = []
    run = (closing_source(log) | sk.finalize(fail)).open()
    with pytest.raises(OSError, match="no space"):
        async with run:
            async for item in run:
                got.append(item)
    assert got == [0, 1, 2]
    assert run.outcome.kind == "failed"


async def test_an_upstream_error_wins_over_its_own(log: list[str]) -> None:
    def fail() -> None:
        raise OSError("no space")

    with pytest.raises(ValueError, match="broken") as caught:
        await (closing_source(log, fails=True) | sk.finalize(fail)).collect()
    assert any("OSError" in note for note in caught.value.__notes__)


async def test_what_it_raises_when_the_consumer_leaves_is_not_swallowed(log: list[str]) -> None:
    def fail() -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        async with (closing_source(log) | sk.finalize(fail)).open() as run:
            async for _ in run:
                break


async def test_one_that_never_ends_is_cut_by_close_timeout(log: list[str]) -> None:
    start = anyio.current_time()
    async with (closing_source(log) | sk.finalize(anyio.sleep_forever)).open(close_timeout=2) as run:
        async for _ in run:
            break
    assert anyio.current_time() - start == 3


async def test_items_and_times_are_unchanged() -> None:
    await marbles.expect(marbles.source("-a--b-#") | sk.finalize(lambda: None), "-a--b-#")


@pytest.mark.parametrize("wrong", [None, 3, "fn"])
async def test_what_is_no_function_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"finalize\(\) needs a function"):
        sk.finalize(wrong)
