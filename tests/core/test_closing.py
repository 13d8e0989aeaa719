"""
Closing: every stage once, downstream first, and only then does the program go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.sinks import collect


class Trace:
    """
    Sources and stages that note when they begin, give and are closed.
    """

    def __init__(self) -> None:
        self.log: list[str] = []

    def source(self, count: int = 100, *, fails: bool = False) -> sk.Stream[int]:
        @sk.source
        async def numbers() -> AsyncIterator[int]:
            self.log.append("open source")
            try:
                for n in range(count):
                    self.log.append(f"give {n}")
                    yield n
                    await anyio.lowlevel.checkpoint()
                if fails:
                    raise ConnectionError("down")
            finally:
                await self.closed("source")

        return numbers()

    def stage(self, name: str) -> sk.Operator[int, int]:
        @sk.operator
        async def stage(items: AsyncIterator[int]) -> AsyncIterator[int]:
            try:
                async for item in items:
                    yield item
            finally:
                await self.closed(name)

        return stage()

    async def closed(self, name: str) -> None:
        # A cleanup that waits has to be shielded, since it may be a cancellation that brought it about.
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.001)
            self.log.append(f"close {name}")

    @property
    def closes(self) -> list[str]:
        return [entry for entry in self.log if entry.startswith("close")]


@pytest.fixture
def trace() -> Trace:
    return Trace()


async def read(run: sk.Run[Any], ending: str) -> None:
    async for _ in run:
        if ending == "break":
            break
        if ending == "raise":
            raise KeyError("mine")
        if ending == "return":
            return
        if ending == "cancel":
            run.cancel()
            await anyio.lowlevel.checkpoint()


ALL = ["close b", "close a", "close source"]


async def use(run: sk.Run[Any], ending: str) -> None:
    async with run:
        await read(run, ending)


@pytest.mark.parametrize("ending", ["end", "break", "raise", "return", "cancel"])
@pytest.mark.parametrize(
    "between",
    [
        sk.take(99),
        sk.tee(collect()),
        sk.take(99) | sk.tee(collect()) | sk.take(98) | sk.throttle(0.001, merge="latest"),
    ],
    ids=["pure", "concurrent", "both"],
)
async def test_however_it_ends_each_stage_is_closed_once_downstream_first(
    ending: str, between: sk.Same, trace: Trace
) -> None:
    stream = trace.source(3 if ending == "end" else 10**6) | trace.stage("a") | between | trace.stage("b")
    run = stream.open()
    if ending == "raise":
        with pytest.raises(KeyError, match="mine"):
            await use(run, ending)
    else:
        await use(run, ending)
    if ending == "end":
        assert trace.closes == ALL[::-1]
    elif any(stage.name == "throttle" for stage in between.stages):
        # Its reader is in the middle of a read, which is cancelled, and that ends upstream from the source on.
        assert trace.closes[0] == "close b"
        assert sorted(trace.closes) == sorted(ALL)
    else:
        assert trace.closes == ALL


@pytest.mark.parametrize("where", ["source", "a stage", "a pure stage", "a sink"])
async def test_so_does_an_error(where: str, trace: Trace) -> None:
    def refuse(item: int) -> None:
        raise ConnectionError("down")

    @sk.operator
    async def fails(items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            yield item
            raise ConnectionError("down")

    stream = trace.source(3, fails=where == "source") | trace.stage("a")
    if where == "a stage":
        stream = stream | fails()
    elif where == "a pure stage":
        stream = stream.tap(refuse)
    elif where == "a sink":
        stream = stream | sk.tee(sk.sinks.call(refuse))
    with pytest.raises(ConnectionError, match="down"):
        await use((stream | trace.stage("b")).open(), "end")
    assert sorted(trace.closes) == sorted(ALL)


async def test_an_outer_cancellation_closes_too(trace: Trace) -> None:
    with anyio.CancelScope() as scope:
        async with (trace.source() | trace.stage("a") | trace.stage("b")).open() as run:
            async for _ in run:
                scope.cancel()
                await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert trace.closes == ALL


async def test_nothing_is_pulled_before_the_first_read(trace: Trace) -> None:
    async with (trace.source() | sk.take(9) | trace.stage("a") | sk.tee(collect())).open() as run:
        await anyio.wait_all_tasks_blocked()
        assert trace.log == []
        await anext(run)
        assert trace.log == ["open source", "give 0"]


async def test_nothing_is_pulled_before_the_first_read_of_a_job(trace: Trace) -> None:
    @sk.sink
    async def waits(items: AsyncIterator[int]) -> None:
        await anyio.sleep_forever()

    async with (trace.source() | waits()).open() as run:
        await anyio.wait_all_tasks_blocked()
        assert trace.log == []
        run.cancel()


async def test_one_item_is_pulled_for_one_that_is_read(trace: Trace) -> None:
    async with (trace.source() | sk.map(str) | sk.take(9) | sk.skip(1)).open() as run:
        assert await anext(run) == "1"
        await anyio.wait_all_tasks_blocked()
        assert trace.log == ["open source", "give 0", "give 1"]


async def test_take_closes_upstream_before_the_end_is_seen(trace: Trace) -> None:
    async with (trace.source() | sk.take(2)).open() as run:
        assert [n async for n in run] == [0, 1]
        assert trace.log == ["open source", "give 0", "give 1", "close source"]
    assert trace.closes == ["close source"]


async def test_leaving_the_block_waits_for_the_cleanup_of_the_source(trace: Trace) -> None:
    cleaned = False

    async def slow() -> AsyncIterator[int]:
        nonlocal cleaned
        try:
            yield 1
        finally:
            await anyio.sleep(0.02)
            cleaned = True

    async with sk.from_iterable(slow).open() as run:
        async for _ in run:
            break
    assert cleaned


async def test_a_cleanup_is_not_disturbed_by_an_outer_cancellation() -> None:
    cleaned = False

    async def slow() -> AsyncIterator[int]:
        nonlocal cleaned
        try:
            yield 1
        finally:
            await anyio.sleep(0.02)
            cleaned = True

    with anyio.CancelScope() as scope:
        async with sk.from_iterable(slow).open() as run:
            await anext(run)
            scope.cancel()
    assert cleaned


@pytest.mark.virtual_time
async def test_a_cleanup_has_close_timeout_and_no_longer() -> None:
    got: list[str] = []

    async def endless_cleanup() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            got.append("begins")
            await anyio.sleep(1000)
            got.append("never")

    began = anyio.current_time()
    async with (sk.from_iterable(endless_cleanup) | sk.take(9)).open(close_timeout=2) as run:
        async for _ in run:
            break
    assert anyio.current_time() - began == pytest.approx(2)
    assert got == ["begins"]
    assert run.outcome.kind == "stopped"


@pytest.mark.virtual_time
async def test_close_timeout_is_five_seconds_if_nothing_else_is_said() -> None:
    async def endless_cleanup() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await anyio.sleep(1000)

    began = anyio.current_time()
    async with sk.from_iterable(endless_cleanup).open() as run:
        await anext(run)
    assert anyio.current_time() - began == pytest.approx(5)


# -- errors while closing -----------------------------------------------------------------------------------


async def bad_cleanup() -> AsyncIterator[int]:
    try:
        yield 1
        yield 2
    finally:
        raise OSError("cleanup failed")


async def test_an_error_of_the_cleanup_is_raised_and_the_others_are_closed_all_the_same(trace: Trace) -> None:
    @sk.operator
    async def bad(items: AsyncIterator[int]) -> AsyncIterator[int]:
        try:
            async for item in items:
                yield item
        finally:
            raise OSError("cleanup failed")

    run = (trace.source() | trace.stage("a") | bad() | trace.stage("b")).open()
    with pytest.raises(OSError, match="cleanup failed"):
        await use(run, "break")
    assert trace.closes == ALL
    assert run.outcome.kind == "failed"
    assert isinstance(run.outcome.error, OSError)


async def test_an_error_of_the_body_beats_one_of_the_cleanup_which_is_noted() -> None:
    with pytest.raises(KeyError, match="mine") as caught:
        await use(sk.from_iterable(bad_cleanup).open(), "raise")
    assert caught.value.__notes__ == ["closing the stream failed too, with OSError"]


async def test_plain_iterators_are_closed_as_well() -> None:
    log: list[str] = []

    def numbers() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            log.append("closed")

    async with (sk.from_iterable(numbers) | sk.take(8)).open() as run:
        await anext(run)
    assert log == ["closed"]


async def test_a_pipeline_that_cannot_be_opened_leaves_nothing(trace: Trace) -> None:
    def nonsense(items: object) -> int:
        return 3

    pipeline: Any = trace.source() | sk.tee(collect())
    with pytest.raises(TypeError, match="must return an async iterable"):
        await (pipeline | nonsense).collect()
    assert trace.log == []


async def test_a_source_behind_which_a_stage_cannot_be_made_is_closed() -> None:
    class Opened:
        closed = 0

        def __aiter__(self) -> Opened:
            return self

        async def __anext__(self) -> int:
            return 1

        async def aclose(self) -> None:
            self.closed += 1

    def broken(items: object) -> Any:
        return 5

    opened = Opened()
    stream: Any = sk.from_iterable(opened) | broken
    with pytest.raises(TypeError, match="broken"):
        await stream.collect()
    assert opened.closed == 1
