"""
`finalize`: once, at every end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import marbles, reply, text

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


# -- a function of the outcome ------------------------------------------------------------------------------


class Ends:
    """
    What `finalize` tells of the ends that it sees.
    """

    def __init__(self) -> None:
        self.seen: list[sk.Outcome] = []

    def __call__(self, outcome: sk.Outcome) -> None:
        self.seen.append(outcome)

    @property
    def only(self) -> tuple[str, str | None, type[BaseException] | None]:
        [outcome] = self.seen
        return outcome.kind, outcome.stopped_by, None if outcome.error is None else type(outcome.error)


async def test_a_function_with_a_parameter_gets_the_outcome(log: list[str]) -> None:
    ends = Ends()
    await (closing_source(log) | sk.finalize(ends)).collect()
    assert ends.only == ("complete", None, None)


async def test_an_async_function_gets_it_too(log: list[str]) -> None:
    async def tell(outcome: sk.Outcome) -> None:
        await anyio.sleep(1)
        log.append(outcome.kind)

    await (closing_source(log) | sk.finalize(tell)).collect()
    assert log == ["source", "complete"]


async def test_it_is_the_outcome_of_the_stream_before_it(log: list[str]) -> None:
    inside, behind = Ends(), Ends()
    stream = closing_source(log, fails=True) | sk.finalize(inside) | sk.catch(lambda _: sk.from_iterable([9]))
    assert await (stream | sk.finalize(behind)).collect() == [0, 1, 2, 9]
    assert inside.only == ("failed", None, ValueError)
    assert behind.only == ("complete", None, None)


@pytest.mark.parametrize("before", [True, False])
async def test_it_says_which_stage_has_ended_the_stream(log: list[str], before: bool) -> None:
    ends = Ends()
    take: list[Any] = [sk.take(1), sk.finalize(ends)]
    first, second = take if before else reversed(take)
    await (closing_source(log) | first | second).collect()
    assert ends.only == ("stopped", "take", None)


@pytest.mark.parametrize("concurrent", [False, True])
async def test_it_says_that_the_consumer_has_left(log: list[str], concurrent: bool) -> None:
    ends = Ends()
    stream = closing_source(log) | sk.finalize(ends)
    async with (sk.merge(stream) if concurrent else stream).open() as run:
        async for _ in run:
            break
    assert ends.only == ("stopped", "consumer", None)


@pytest.mark.parametrize("where", ["source", "stage", "consumer"])
async def test_it_says_that_the_run_was_cancelled(log: list[str], where: str) -> None:
    ends = Ends()
    stream: sk.Stream[int] = closing_source(log) | sk.finalize(ends)
    if where == "stage":
        stream |= sk.rate_limit(1, per=10)
    with anyio.move_on_after(2.5 if where == "stage" else 1.5):
        async with stream.open() as run:
            async for _ in run:
                if where == "consumer":
                    await anyio.sleep_forever()
    assert ends.only == ("cancelled", None, None)


@pytest.mark.parametrize("where", ["source", "consumer"])
async def test_it_says_that_cancel_has_ended_the_run(log: list[str], where: str) -> None:
    ends = Ends()
    async with anyio.create_task_group() as tasks, (closing_source(log) | sk.finalize(ends)).open() as run:

        async def stop() -> None:
            await anyio.sleep(1.5)
            run.cancel("enough")

        tasks.start_soon(stop)
        async for _ in run:
            if where == "consumer":
                await anyio.sleep_forever()
    assert ends.only == ("stopped", "cancel: enough", None)


@pytest.mark.parametrize("where", ["stage", "fused", "consumer"])
async def test_it_says_what_has_failed_behind_it(log: list[str], where: str) -> None:
    async def fails(item: int) -> int:
        raise KeyError(item)

    def fails_at_once(item: int) -> int:
        raise KeyError(item)

    ends = Ends()
    stream: sk.Stream[int] = closing_source(log) | sk.finalize(ends)
    if where != "consumer":
        stream |= sk.map_async(fails) if where == "stage" else sk.map(fails_at_once)
    with pytest.raises(KeyError):
        async with stream.open() as run:
            async for item in run:
                raise KeyError(item)
    assert ends.only == ("failed", None, KeyError)


async def test_a_group_of_nothing_but_cancellations_is_one(anyio_backend_name: str, log: list[str]) -> None:
    if anyio_backend_name != "trio":
        pytest.skip("only trio's nurseries raise such a group")
    trio = pytest.importorskip("trio")

    @sk.operator
    async def waiting_in_a_nursery(items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(anyio.sleep_forever)
                await anyio.sleep_forever()
            yield item

    ends = Ends()
    with anyio.move_on_after(5):
        async for _ in closing_source(log) | sk.finalize(ends) | waiting_in_a_nursery():
            pass
    assert ends.only == ("cancelled", None, None)


async def test_it_has_what_the_sources_know() -> None:
    seen: list[Any] = []
    body = reply(text("Hello")).body
    stream = sk.from_sse(body) | sk.finalize(lambda outcome: seen.append(outcome.message))
    await stream.run()
    assert seen[0].content[0].text == "Hello"


async def test_a_parameter_with_a_default_is_not_filled(log: list[str]) -> None:
    def note(name: str = "kept") -> None:
        log.append(name)

    await (closing_source(log) | sk.finalize(note)).collect()
    assert log == ["source", "kept"]


def test_a_function_that_needs_more_is_refused() -> None:
    def two(first: object, second: object) -> None: ...
    def named(*, outcome: object) -> None: ...

    untyped: Any = sk.finalize

    with pytest.raises(
        TypeError, match=r"calls two without arguments or with the outcome, and it needs first, second"
    ):
        untyped(two)
    with pytest.raises(TypeError, match=r"it needs outcome: bind the others with functools.partial"):
        untyped(named)
