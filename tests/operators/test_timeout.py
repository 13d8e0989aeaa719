"""
timeout: how long upstream may let one wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends

pytestmark = pytest.mark.virtual_time


class Watched:
    """
    Numbers, each after its wait and the last wait for ever after, and how they are pulled and closed.
    """

    def __init__(self, *waits: float, closing_takes: float = 0.0) -> None:
        self.pulled = 0
        self.log: list[str] = []
        self._waits = waits
        self._closing_takes = closing_takes

    def stream(self) -> sk.Stream[int]:
        return sk.from_iterable(self.items)

    async def items(self) -> AsyncIterator[int]:
        try:
            while True:
                self.pulled += 1
                await anyio.sleep(self._waits[min(self.pulled, len(self._waits)) - 1])
                yield self.pulled
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(self._closing_takes)
            self.log.append("source closed")


async def read(stream: sk.Stream[Any], *, each_takes: float = 0.0) -> list[tuple[float, Any]]:
    """
    The items with their times, and the message of a TimeoutError.
    """
    got: list[tuple[float, Any]] = []
    start = anyio.current_time()
    try:
        async with stream.open() as run:
            async for item in run:
                got.append((anyio.current_time() - start, item))
                await anyio.sleep(each_takes)
    except TimeoutError as error:
        got.append((anyio.current_time() - start, str(error)))
    return got


# -- the three limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "timed", "limits"),
    [
        pytest.param("|", "|", {"first": 3}, id="none"),
        pytest.param("--|", "--|", {"first": 3, "idle": 3, "total": 3}, id="ended in time"),
        pytest.param("-----a|", "---#", {"first": 3}, id="first"),
        pytest.param("--a-----b|", "--a-----b|", {"first": 3}, id="first bounds no other"),
        pytest.param("--a-----b|", "--a--#", {"idle": 3}, id="idle"),
        pytest.param("-----a|", "---#", {"idle": 3}, id="idle bounds the first too"),
        pytest.param("----a--b|", "----a--b|", {"first": 5, "idle": 4}, id="unless first does"),
        pytest.param("----a----b|", "----a--#", {"first": 5, "idle": 3}, id="first and idle"),
        pytest.param("--a-----|", "--a--#", {"idle": 3}, id="the end may be waited for as long as an item"),
        pytest.param("a-b-c-d-e-f|", "a-b-c#", {"total": 5}, id="total"),
        pytest.param("a-b-c-d-e-f|", "a-b-c#", {"total": 5, "idle": 3, "first": 1}, id="total with others"),
        pytest.param("-a-b#", "-a-b#", {"idle": 3}, id="an error in time is the error"),
    ],
)
async def test_a_limit(source: str, timed: str, limits: dict[str, float]) -> None:
    error = marbles.MarbleError if "#" in source else TimeoutError
    await marbles.expect(marbles.source(source) | sk.timeout(**limits), timed, error=error)


@pytest.mark.parametrize(
    ("limits", "when", "message"),
    [
        ({"first": 5, "idle": 60}, 5, r"timeout(first=5): no item came within 5 seconds"),
        ({"idle": 2.5}, 2.5, "timeout(idle=2.5): no item came within 2.5 seconds"),
        ({"total": 4, "idle": 60}, 4, "timeout(total=4): the stream did not end within 4 seconds of waiting"),
        ({"first": 5, "total": 4}, 4, "timeout(total=4): the stream did not end within 4 seconds of waiting"),
        ({"first": 4, "total": 5}, 4, "timeout(first=4): no item came within 4 seconds"),
    ],
)
async def test_the_error_names_the_limit(limits: dict[str, float], when: float, message: str) -> None:
    assert await read(Watched(1000).stream() | sk.timeout(**limits)) == [(when, message)]


@pytest.mark.parametrize(
    ("limits", "limit"),
    [({"first": 5, "idle": 60}, "first"), ({"idle": 2.5, "total": 60}, "idle"), ({"total": 4}, "total")],
)
async def test_a_program_can_read_the_limit_and_its_seconds(limits: dict[str, float], limit: str) -> None:
    with pytest.raises(sk.TimeLimitError) as caught:
        await (Watched(1000).stream() | sk.timeout(**limits)).run()
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.limit, caught.value.seconds) == (limit, limits[limit])


async def test_idle_starts_anew_at_each_item() -> None:
    got = await read(Watched(1, 2, 3, 4, 5).stream() | sk.timeout(first=2, idle=4.5))
    assert got == [
        (1, 1),
        (3, 2),
        (6, 3),
        (10, 4),
        (14.5, "timeout(idle=4.5): no item came within 4.5 seconds"),
    ]


# -- the consumer's own time does not count -----------------------------------------------------------------


@pytest.mark.parametrize(
    "limits", [{"idle": 2}, {"first": 2}, {"total": 11}, {"first": 2, "idle": 2, "total": 11}]
)
async def test_a_slow_consumer_never_trips_it(limits: dict[str, float]) -> None:
    stream = sk.from_iterable(Watched(1).items) | sk.timeout(**limits) | sk.take(10)
    got = await read(stream, each_takes=100)
    assert [item for _, item in got] == list(range(1, 11))


async def test_total_is_what_was_waited_all_together() -> None:
    got = await read(Watched(2).stream() | sk.timeout(total=9), each_takes=100)
    assert [when for when, _ in got] == [2, 104, 206, 308, 409]
    assert "total=9" in str(got[-1][1])


async def test_what_is_ready_at_once_passes_even_when_the_total_is_used_up() -> None:
    stream = marbles.source("---(abc)d|") | sk.timeout(total=3.5)
    got = await read(stream)
    assert [item for _, item in got[:-1]] == ["a", "b", "c"]
    assert got[-1][0] == 3.5


@on_both_backends
@given(
    st.lists(st.integers(0, 12).map(lambda n: n / 4), max_size=20),
    st.lists(st.sampled_from([0.0, 0.5, 7.0]), min_size=20, max_size=20),
    *[st.one_of(st.none(), st.integers(0, 30).map(lambda n: n / 4 + 0.125))] * 3,
)
def test_under_any_timing_it_is_what_its_definition_says(
    backend: str,
    waits: list[float],
    pauses: list[float],
    first: float | None,
    idle: float | None,
    total: float | None,
) -> None:
    if first is None and idle is None and total is None:
        total = 8.125

    async def source() -> AsyncIterator[int]:
        for number, wait in enumerate(waits):
            await anyio.sleep(wait)
            yield number

    async def consume() -> list[tuple[float, Any]]:
        got: list[tuple[float, Any]] = []
        try:
            async with (
                sk.from_iterable(source) | sk.timeout(first=first, idle=idle, total=total)
            ).open() as run:
                async for item in run:
                    got.append((anyio.current_time(), item))
                    await anyio.sleep(pauses[item])
        except TimeoutError as error:
            got.append((anyio.current_time(), str(error)[8:].partition("=")[0]))
        return got

    wanted: list[tuple[float, Any]] = []
    now = waited = 0.0
    for number, wait in enumerate(waits):
        bounds = {"first": first if number == 0 else None, "total": None if total is None else total - waited}
        bounds["idle"] = None if number == 0 and first is not None else idle
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        name = min(given, key=lambda name: (given[name], name == "total"), default=None)
        if name is not None and given[name] < wait:
            wanted.append((now + given[name], name))
            break
        now += wait
        waited += wait
        wanted.append((now, number))
        now += pauses[number]
    assert run_virtual(consume, backend=backend) == wanted


# -- whose error it is --------------------------------------------------------------------------------------


async def test_an_upstream_timeout_error_passes_as_itself() -> None:
    own = TimeoutError("the source's own")

    async def source() -> AsyncIterator[int]:
        yield 1
        with anyio.fail_after(1):
            await anyio.sleep(10)

    for stream in (marbles.source("-a#", error=own), sk.from_iterable(source)):
        with pytest.raises(TimeoutError) as caught:
            await (stream | sk.timeout(first=60, idle=60, total=60)).run()
        assert "timeout(" not in str(caught.value)


@pytest.mark.parametrize("outer", [1.0, 2.0, 3.0])
async def test_an_outer_cancellation_is_never_a_timeout_error(outer: float) -> None:
    source = Watched(1000)
    run = (source.stream() | sk.timeout(idle=3)).open()
    with anyio.move_on_after(outer) as scope:
        async with run:
            async for _ in run:
                pass
    assert scope.cancelled_caught
    assert run.outcome.kind == "cancelled"
    assert source.log == ["source closed"]


async def test_the_run_has_failed_with_it() -> None:
    run = (Watched(1, 1000).stream() | sk.timeout(idle=3)).open()
    with pytest.raises(TimeoutError) as caught:
        async with run:
            async for _ in run:
                pass
    assert run.outcome.kind == "failed"
    assert run.outcome.error is caught.value


async def test_a_cancelled_run_is_not_timed_out() -> None:
    async with (Watched(1000).stream() | sk.timeout(idle=3)).open() as run:
        run.cancel("enough")
        async for _ in run:
            pass
    assert run.outcome.stopped_by == "cancel: enough"


async def test_a_consumers_timeout_error_is_its_own() -> None:
    source = Watched(1)
    with pytest.raises(TimeoutError, match="mine"):
        async with (source.stream() | sk.timeout(idle=3)).open() as run:
            async for _ in run:
                raise TimeoutError("mine")
    assert source.log == ["source closed"]


@pytest.mark.parametrize("at", [1.0, 3.0])
def test_asyncios_own_cancellation_is_never_a_timeout_error(at: float) -> None:
    async def consume() -> None:
        async for _ in Watched(1000).stream() | sk.timeout(idle=3):
            pass

    async def cancel() -> None:
        task = asyncio.ensure_future(consume())
        asyncio.get_running_loop().call_at(at, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(cancel)


# -- closing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bare", [True, False])
async def test_the_source_is_closed_before_the_error_is_raised(bare: bool) -> None:
    source = Watched(1, 1000, closing_takes=2)
    stream = source.stream() | sk.timeout(idle=3)
    start = anyio.current_time()

    async def consume(items: AsyncIterator[int]) -> None:
        try:
            async for _ in items:
                pass
        except TimeoutError:
            source.log.append("raised")
            raise

    with pytest.raises(TimeoutError):
        if bare:
            await consume(aiter(stream))
        else:
            async with stream.open() as run:
                await consume(aiter(run))
    assert source.log == ["source closed", "raised"]
    assert anyio.current_time() - start == 6


class Connection:
    """
    A source that is no generator: a cancelled read does not close it.
    """

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def __aiter__(self) -> Connection:
        return self

    async def __anext__(self) -> int:
        await anyio.sleep(1000)
        return 1

    async def aclose(self) -> None:
        self._log.append("closed")


async def test_a_source_that_a_cancelled_read_leaves_open_is_closed_before_the_error_too() -> None:
    log: list[str] = []
    async with (sk.from_iterable(Connection(log)) | sk.timeout(idle=3)).open() as run:
        with pytest.raises(TimeoutError):
            await anext(run)
        assert log == ["closed"]
    assert log == ["closed"]


def stage(name: str, log: list[str]) -> sk.Same:
    @sk.passthrough
    async def logging(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for item in items:
                yield item
        finally:
            log.append(name)

    return logging()


async def test_every_stage_is_closed_once() -> None:
    source = Watched(1, 1000)
    log = source.log
    stream = source.stream() | stage("before", log) | sk.timeout(idle=3) | stage("behind", log)
    with pytest.raises(TimeoutError):
        await stream.run()
    assert sorted(log) == ["before", "behind", "source closed"]
    assert log[-1] == "behind"


async def test_a_break_closes_downstream_first() -> None:
    source = Watched(1)
    log = source.log
    stream = source.stream() | stage("before", log) | sk.timeout(idle=3) | stage("behind", log)
    async with stream.open() as run:
        async for _ in run:
            break
    assert log == ["behind", "before", "source closed"]


@pytest.mark.parametrize(
    "between",
    [sk.throttle(0.5, merge="latest"), sk.debounce(0.5), sk.tee(sk.sinks.collect()), sk.timeout(first=60)],
)
async def test_stages_with_tasks_of_their_own_are_closed_too(between: sk.Same) -> None:
    source = Watched(1, 1000, closing_takes=1)
    got = await read(source.stream() | between | sk.timeout(idle=3))
    assert [item for _, item in got[:-1]] == [1]
    assert "idle=3" in got[-1][1]
    assert source.log == ["source closed"]


async def test_a_source_that_is_a_task_is_closed_too() -> None:
    log: list[str] = []

    @sk.source(task=True)
    async def nursery() -> AsyncIterator[int]:
        async with anyio.create_task_group():
            with anyio.CancelScope():
                try:
                    yield 1  # noqa: ASYNC119 -- what a source that is a task may do
                    await anyio.sleep(1000)
                finally:
                    log.append("closed")

    assert await read(nursery() | sk.timeout(idle=3)) == [
        (0, 1),
        (3, "timeout(idle=3): no item came within 3 seconds"),
    ]
    assert log == ["closed"]


class Unclosable(Connection):
    async def aclose(self) -> None:
        raise OSError("closing failed")


async def test_an_error_while_it_is_being_closed_is_noted_on_the_limit() -> None:
    with pytest.raises(sk.TimeLimitError) as caught:
        await (sk.from_iterable(Unclosable([])) | sk.timeout(first=1)).run()
    assert caught.value.limit == "first"
    assert caught.value.__notes__ == ["closing the stream failed too, with OSError"]


async def test_catch_goes_on_after_it() -> None:
    source = Watched(1, 1000)
    stream = (
        source.stream() | sk.timeout(idle=3) | sk.catch(lambda error: sk.from_iterable([str(error)[:15]]))
    )
    assert [item async for item in stream] == [1, "timeout(idle=3)"]
    assert source.log == ["source closed"]


async def test_retry_opens_it_again() -> None:
    source = Watched(1, 1000, 1, 1000)
    stream = source.stream() | sk.timeout(idle=3) | sk.take(3)
    first: list[int] = []
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await stream.tap(first.append).run()
    assert first == [1, 3]


# -- backpressure -------------------------------------------------------------------------------------------


async def test_it_reads_one_item_at_a_time() -> None:
    source = Watched(1)
    async with (source.stream() | sk.timeout(idle=3)).open() as run:
        await anyio.sleep(100)
        assert source.pulled == 0
        await anext(run)
        await anyio.sleep(100)
        assert source.pulled == 1


async def test_a_ready_source_gives_others_their_turn() -> None:
    seen = 0
    with anyio.move_on_after(0) as scope:
        async for _ in sk.from_iterable(lambda: iter(int, 1)) | sk.timeout(idle=3):
            seen += 1
    assert scope.cancelled_caught
    assert seen <= 64


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "error", "message"),
    [
        ({}, TypeError, "needs a limit: first, idle or total"),
        ({"first": None}, TypeError, "needs a limit"),
        ({"first": 0}, ValueError, "above 0 for first, not 0"),
        ({"idle": -1}, ValueError, "above 0 for idle, not -1"),
        ({"total": float("nan")}, ValueError, "above 0 for total, not nan"),
        ({"first": 1, "total": float("inf")}, ValueError, "above 0 for total, not inf"),
        ({"idle": "3"}, TypeError, "seconds for idle, not '3'"),
        ({"idle": True}, TypeError, "seconds for idle, not True"),
    ],
)
def test_junk_is_refused_at_once(limits: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sk.timeout(**limits)


def test_it_reads_like_its_source() -> None:
    assert (
        repr(sk.timeout(idle=3) | sk.timeout(first=1.5, total=60))
        == "timeout(idle=3) | timeout(first=1.5, total=60)"
    )
