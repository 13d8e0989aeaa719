"""
Semantics of buffers (cases 20 and 21), and of errors that are mended (27 to 29).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import marbles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._core.runtime.overflow_queue import Overflow

pytestmark = pytest.mark.virtual_time


async def hundred() -> AsyncIterator[int]:
    for number in range(100):
        yield number


# -- buffer -------------------------------------------------------------------------------------------------


@pytest.mark.case(20)
@pytest.mark.parametrize("k", [1, 5, 99, 100])
@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_incoming"])
async def test_a_full_buffer_keeps_the_newest_or_the_oldest(overflow: Overflow, k: int) -> None:
    # Behind a sink that reads nothing until all have come: what it gets then is what has survived.
    async def late(items: AsyncIterator[int]) -> list[int]:
        await anyio.sleep(10)
        return [item async for item in items]

    kept = sk.branch(sk.sink(late)(), "late", buffer=k, overflow=overflow)
    async with (sk.from_iterable(hundred) | sk.tee(kept)).open() as run:
        async for _ in run:
            pass
    expected = list(range(100 - k, 100)) if overflow == "drop_oldest" else list(range(k))
    assert run.report.sinks["late"].result == expected
    assert run.report.sinks["late"].dropped == 100 - k


@pytest.mark.case(20)
@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_incoming"])
async def test_the_buffer_operator_does_the_same_and_counts(overflow: Overflow) -> None:
    async with (sk.from_iterable(hundred) | sk.buffer(7, overflow)).open() as run:
        first = await anext(run)
        await anyio.sleep(10)
        rest = [item async for item in run]
    assert first == 0
    assert rest == (list(range(93, 100)) if overflow == "drop_oldest" else list(range(1, 8)))
    assert run.report.buffers["buffer"].dropped == 92


@pytest.mark.case(21)
async def test_the_error_policy_fails_after_the_backlog() -> None:
    got: list[int] = []
    with pytest.raises(sk.BufferOverflow):
        async with (sk.from_iterable(hundred) | sk.buffer(7, "error")).open() as run:
            got.append(await anext(run))
            await anyio.sleep(10)
            async for item in run:
                got.append(item)
    assert got == list(range(8))


# -- retry and catch ----------------------------------------------------------------------------------------


@pytest.mark.case(27)
async def test_an_attempt_is_finalised_before_the_next_starts() -> None:
    log: list[str] = []

    async def attempt() -> AsyncIterator[str]:
        number = sum(line.startswith("open") for line in log) + 1
        log.append(f"open {number}")
        try:
            await anyio.sleep(1)
            if number < 3:
                raise ConnectionError
            yield "a"
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(5)
            log.append(f"closed {number}")

    stream = sk.from_iterable(attempt) | sk.retry(sk.RetryPolicy(base=0, jitter=False))
    assert await stream.collect() == ["a"]
    assert log == ["open 1", "closed 1", "open 2", "closed 2", "open 3", "closed 3"]


@pytest.mark.case(28)
@pytest.mark.parametrize("where", ["stage", "body"])
async def test_downstream_exceptions_are_never_retried(where: str) -> None:
    opened: list[int] = []

    async def source() -> AsyncIterator[int]:
        opened.append(1)
        yield 1

    def fail(item: int) -> int:
        raise ConnectionError

    stream: sk.Stream[Any] = sk.from_iterable(source) | sk.retry(sk.RetryPolicy(base=0, resume="restart"))
    if where == "stage":
        stream = stream | sk.map(fail)
    with pytest.raises(ConnectionError):
        async with stream.open() as run:
            async for _ in run:
                raise ConnectionError
    assert opened == [1]


@pytest.mark.case(28)
async def test_cancellation_is_never_retried() -> None:
    opened: list[int] = []

    async def source() -> AsyncIterator[int]:
        opened.append(1)
        await anyio.sleep_forever()
        yield 1

    async with (sk.from_iterable(source) | sk.retry(sk.RetryPolicy(base=0))).open() as run:
        with anyio.move_on_after(3):
            await anext(run)
    assert opened == [1]


@pytest.mark.case(29)
async def test_catch_sees_upstream_errors_only() -> None:
    caught: list[str] = []

    def note(error: Exception) -> sk.Stream[str]:
        caught.append(str(error))
        return sk.from_iterable("x")

    def fail(item: str) -> str:
        raise KeyError("downstream")

    await (marbles.source("a#", error=ValueError("upstream")) | sk.catch(note)).run()
    with pytest.raises(KeyError):
        await (marbles.source("a|") | sk.catch(note) | sk.map(fail)).run()
    with pytest.raises(KeyError):
        async with (marbles.source("a|") | sk.catch(note)).open() as run:
            async for item in run:
                raise KeyError(item)
    assert caught == ["upstream"]
