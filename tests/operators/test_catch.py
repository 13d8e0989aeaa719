"""
`catch`: what takes the place of an error, and which errors it does not see.
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


def going_on(diagram: str) -> sk.Operator[Any, Any]:
    return sk.catch(lambda error: marbles.source(diagram))


async def test_the_other_stream_begins_where_the_first_one_failed() -> None:
    await marbles.expect(marbles.source("-a-b-#") | going_on("-x-y|"), "-a-b--x-y|")


async def test_a_stream_that_does_not_fail_is_left_alone() -> None:
    called: list[Exception] = []

    def note(error: Exception) -> sk.Stream[str]:
        called.append(error)
        return sk.from_iterable("xy")

    await marbles.expect(marbles.source("-a-b-|") | sk.catch(note), "-a-b-|")
    assert called == []


async def test_the_function_gets_the_error_itself() -> None:
    failure = ValueError("broken")
    stream = marbles.source("a#", error=failure) | sk.catch(lambda error: sk.from_iterable([error]))
    assert await stream.collect() == ["a", failure]


async def test_what_the_function_raises_goes_on() -> None:
    def refuse(error: Exception) -> sk.Stream[str]:
        raise error

    with pytest.raises(ValueError, match="broken"):
        await (marbles.source("a#", error=ValueError("broken")) | sk.catch(refuse)).collect()


async def test_errors_of_the_other_stream_pass() -> None:
    await marbles.expect(marbles.source("a#") | going_on("-b#"), "a-b#")
    await marbles.expect(marbles.source("a#") | going_on("-b#") | going_on("c|"), "a-bc|")


async def test_an_error_behind_it_is_none_of_its_business() -> None:
    def fail(item: str) -> str:
        raise KeyError(item)

    with pytest.raises(KeyError, match="a"):
        await (marbles.source("abc|") | going_on("x|") | sk.map(fail)).collect()


async def test_the_consumers_error_is_none_of_its_business() -> None:
    got: list[str] = []
    with pytest.raises(KeyError):
        async with (marbles.source("abc|") | going_on("x|")).open() as run:
            async for item in run:
                got.append(item)
                raise KeyError(item)
    assert got == ["a"]


async def test_a_cancellation_is_none_of_its_business() -> None:
    called: list[Exception] = []

    def note(error: Exception) -> sk.Stream[str]:
        called.append(error)
        return sk.from_iterable("xy")

    with anyio.move_on_after(5) as scope:
        await (marbles.source("a---------|") | sk.catch(note)).collect()
    assert scope.cancelled_caught
    assert called == []


async def test_what_failed_is_closed_before_the_other_stream_is_opened() -> None:
    log: list[str] = []

    async def failing() -> AsyncIterator[str]:
        try:
            yield "a"
            raise ValueError("broken")
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(3)
            log.append("closed")

    async def other() -> AsyncIterator[str]:
        log.append("opened")
        yield "b"

    @sk.passthrough
    async def stage(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for item in items:
                yield item
        finally:
            log.append("stage closed")

    stream = sk.from_iterable(failing) | stage() | sk.catch(lambda error: sk.from_iterable(other))
    assert await stream.collect() == ["a", "b"]
    assert log == ["closed", "stage closed", "opened"]


async def test_an_iterator_that_failed_is_closed_before_the_other_stream_is_opened() -> None:
    log: list[str] = []

    class Failing:
        def __aiter__(self) -> Failing:
            return self

        async def __anext__(self) -> str:
            raise ValueError("broken")

        async def aclose(self) -> None:
            log.append("closed")

    async def other() -> AsyncIterator[str]:
        log.append("opened")
        yield "b"

    failing: AsyncIterator[str] = Failing()
    stream = sk.from_iterable(failing) | sk.catch(lambda error: sk.from_iterable(other))
    assert await stream.collect() == ["b"]
    assert log == ["closed", "opened"]


async def test_leaving_early_closes_the_other_stream_once() -> None:
    closed: list[str] = []

    async def other() -> AsyncIterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.append("other")

    async with (marbles.source("#") | sk.catch(lambda error: sk.from_iterable(other))).open() as run:
        async for _ in run:
            break
    assert closed == ["other"]


async def test_the_outcome_is_that_of_what_went_on() -> None:
    async with (marbles.source("a#") | going_on("b|")).open() as run:
        assert [item async for item in run] == ["a", "b"]
    assert run.outcome.kind == "complete"
    assert run.outcome.error is None


async def test_an_error_in_a_job_can_be_caught_after_the_items_before_it() -> None:
    stream = marbles.source("ab#") | sk.buffer(8) | going_on("x|")
    assert await stream.collect() == ["a", "b", "x"]


async def test_the_other_stream_may_be_concurrent() -> None:
    stream = marbles.source("#") | sk.catch(lambda error: marbles.source("ab|") | sk.buffer(2))
    assert await stream.collect() == ["a", "b"]
    with pytest.raises(TypeError, match="open"):
        async for _ in stream:
            pass


async def test_it_works_in_a_bare_loop() -> None:
    assert [item async for item in marbles.source("a#") | going_on("b|")] == ["a", "b"]


async def test_a_function_that_gives_no_stream_is_named() -> None:
    def nothing(error: Exception) -> Any:
        return None

    with pytest.raises(TypeError, match=r"catch\(nothing\).*NoneType"):
        await (marbles.source("#") | sk.catch(nothing)).collect()


@pytest.mark.parametrize("wrong", [None, 3, sk.from_iterable("a"), anyio.sleep])
async def test_what_is_no_plain_function_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="catch"):
        sk.catch(wrong)


async def test_it_takes_any_async_iterable() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "a"
        raise ValueError

    assert await sk.catch(lambda error: sk.from_iterable("b"))(failing()).collect() == ["a", "b"]
