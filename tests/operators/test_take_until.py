"""
take_until: the items until something else has happened.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.testing import marbles, run_virtual

pytestmark = pytest.mark.virtual_time


class Watched:
    """
    Numbers, one every so many seconds, and how they are pulled and closed.
    """

    def __init__(self, every: float = 0.0, n: int = 1_000_000, *, closing_takes: float = 0.0) -> None:
        self.pulled = 0
        self.log: list[str] = []
        self._every = every
        self._n = n
        self._closing_takes = closing_takes

    def stream(self) -> sk.Stream[int]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[int]:
        try:
            while self.pulled < self._n:
                self.pulled += 1
                if self._every:
                    await anyio.sleep(self._every)
                yield self.pulled
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(self._closing_takes)
            self.log.append("source closed")


class Signal:
    """
    Something that happens after so many seconds, and how it is waited for.
    """

    def __init__(self, after: float, error: BaseException | None = None) -> None:
        self.log: list[str] = []
        self._after = after
        self._error = error

    async def wait(self) -> str:
        self.log.append("waiting")
        try:
            await anyio.sleep(self._after)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
            self.log.append("cancelled")
            raise
        if self._error is not None:
            raise self._error
        return "what it gives does not matter"


async def already() -> None:
    """
    It has happened.
    """


# -- what passes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "taken", "after"),
    [
        pytest.param("|", "|", 9, id="none"),
        pytest.param("#", "#", 9, id="none, failed"),
        pytest.param("-a--b--c--|", "-a--b|", 5, id="between two items"),
        pytest.param("-a--b--c--|", "-a--(b|)", 4, id="an item that comes in the same moment passes"),
        pytest.param("-a--b--|", "-a--b--|", 9, id="never"),
        pytest.param("-a--b--#", "-a--b--#", 9, id="an error before it"),
        pytest.param("-a--b--#", "-a--b-|", 6, id="no error after it"),
        pytest.param("------a|", "---|", 3, id="before the first item"),
    ],
)
async def test_the_items_until_it_happens(source: str, taken: str, after: float) -> None:
    await marbles.expect(marbles.source(source) | sk.take_until(lambda: anyio.sleep(after)), taken)


async def test_an_item_that_comes_in_the_same_moment_passes_whoever_has_the_first_turn() -> None:
    for _ in range(20):  # trio draws lots
        assert await (Watched(3, 2).stream() | sk.take_until(lambda: anyio.sleep(3))).collect() == [1]


async def test_the_run_was_stopped_by_it() -> None:
    run = (Watched(1).stream() | sk.take_until(lambda: anyio.sleep(3.5))).open()
    async with run:
        assert [item async for item in run] == [1, 2, 3]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "take_until")


async def test_a_stream_that_ends_first_is_complete() -> None:
    run = (Watched(1, 3).stream() | sk.take_until(lambda: anyio.sleep(30))).open()
    async with run:
        assert [item async for item in run] == [1, 2, 3]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("complete", None)


async def test_an_event() -> None:
    enough = anyio.Event()
    got: list[int] = []
    async with (Watched(1).stream() | sk.take_until(enough.wait)).open() as run:
        async for item in run:
            got.append(item)
            if item == 3:
                enough.set()
    assert got == [1, 2, 3]


@pytest.mark.parametrize("source", [Watched().stream(), Watched(5).stream(), sk.from_iterable([1, 2, 3])])
@pytest.mark.parametrize("kind", ["function", "event", "checkpoint"])
async def test_what_has_happened_already_ends_it_before_the_first_item(
    source: sk.Stream[int], kind: str
) -> None:
    event = anyio.Event()
    event.set()
    factories: dict[str, Callable[[], Awaitable[object]]] = {
        "function": already,
        "event": event.wait,
        "checkpoint": anyio.lowlevel.checkpoint,
    }
    for _ in range(20):
        assert await (source | sk.take_until(factories[kind])).collect() == []


async def test_a_ready_source_ends_too() -> None:
    happened = anyio.Event()
    seen = 0
    async with anyio.create_task_group() as tasks:

        async def later() -> None:
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
            happened.set()

        async with (Watched().stream() | sk.take_until(happened.wait)).open() as run:
            async for _ in run:
                if not seen:
                    tasks.start_soon(later)
                seen += 1
    assert 1 < seen < 64 * 64


# -- the awaitable ------------------------------------------------------------------------------------------


async def test_each_run_asks_the_factory_once_when_its_first_item_is_asked_for() -> None:
    signal = Signal(1000)
    stream = Watched(1, 3).stream() | sk.take_until(signal.wait)
    async with stream.open() as run:
        await anyio.sleep(1)
        assert signal.log == []
        await anext(run)
        assert signal.log == ["waiting"]
        assert [item async for item in run] == [2, 3]
    assert signal.log == ["waiting", "cancelled"]
    await (Watched(1, 3).stream() | sk.take_until(signal.wait)).run()
    assert signal.log == ["waiting", "cancelled"] * 2


@pytest.mark.parametrize("way", ["end", "break", "error", "raise", "cancel", "scope"])
async def test_however_the_run_ends_the_awaitable_is_cancelled_and_joined(way: str) -> None:
    signal, source = Signal(1000), Watched(1, 5)
    stream = source.stream() | sk.take_until(signal.wait)
    if way == "error":
        stream = marbles.source("ab#", error=ValueError()) | sk.take_until(signal.wait)
    try:
        with anyio.move_on_after(3 if way == "scope" else 100):
            async with stream.open() as run:
                async for item in run:
                    if way == "break":
                        break
                    if way == "raise":
                        raise ValueError
                    if way == "cancel" and item == 2:
                        run.cancel("enough")
    except ValueError:
        assert way in {"error", "raise"}
    assert signal.log == ["waiting", "cancelled"]
    assert source.log == ([] if way == "error" else ["source closed"])


async def test_what_it_raises_is_the_error_of_the_stream() -> None:
    failure, source = ConnectionError("down"), Watched(1, closing_takes=2)
    start = anyio.current_time()
    run = (source.stream() | sk.take_until(Signal(2.5, failure).wait)).open()
    got: list[int] = []
    with pytest.raises(ConnectionError) as caught:
        async with run:
            async for item in run:
                got.append(item)
    assert caught.value is failure
    assert (got, run.outcome.kind, run.outcome.error) == ([1, 2], "failed", failure)
    assert source.log == ["source closed"]
    assert anyio.current_time() - start == 4.5


async def test_catch_goes_on_after_it() -> None:
    stream = (
        Watched(1).stream()
        | sk.take_until(Signal(2.5, OSError()).wait)
        | sk.catch(lambda _: sk.from_iterable([0]))
    )
    async with stream.open() as run:
        assert [item async for item in run] == [1, 2, 0]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("complete", None)


async def test_what_the_factory_raises_is_the_error_of_the_stream() -> None:
    def factory() -> Awaitable[object]:
        raise ZeroDivisionError

    source = Watched(1)
    with pytest.raises(ZeroDivisionError):
        await (source.stream() | sk.take_until(factory)).run()
    assert source.pulled == 0


async def test_what_the_factory_gives_must_be_awaitable() -> None:
    event: Any = anyio.Event()
    with pytest.raises(TypeError, match=r"what is_set\(\) returns, and a bool cannot be awaited"):
        await (Watched(1).stream() | sk.take_until(event.is_set)).run()


async def test_an_error_while_it_is_cancelled_is_raised() -> None:
    async def wait() -> None:
        try:
            await anyio.sleep(1000)
        finally:
            raise OSError("cleaning up failed")

    with pytest.raises(OSError, match="cleaning up failed"):
        await (Watched(1, 3).stream() | sk.take_until(wait)).run()


def test_a_task_that_somebody_cancels_is_a_failure_and_no_end() -> None:
    async def read() -> None:
        task = asyncio.ensure_future(asyncio.sleep(1000))
        asyncio.get_running_loop().call_later(2, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await (Watched(1).stream() | sk.take_until(lambda: task)).run()

    run_virtual(read)


# -- closing ------------------------------------------------------------------------------------------------


async def test_the_source_is_closed_before_the_stream_ends() -> None:
    source = Watched(2, closing_takes=3)
    start = anyio.current_time()
    async with (source.stream() | sk.take_until(lambda: anyio.sleep(5))).open() as run:
        assert [item async for item in run] == [1, 2]
        assert source.log == ["source closed"]
        assert anyio.current_time() - start == 8


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


async def test_a_source_that_a_cancelled_read_leaves_open_is_closed_before_the_end_too() -> None:
    log: list[str] = []
    stream = sk.from_iterable(Connection(log)) | sk.take_until(lambda: anyio.sleep(3))
    async with stream.open() as run:
        assert [item async for item in run] == []
        assert log == ["closed"]
    assert log == ["closed"]


@pytest.mark.parametrize(
    "between", [sk.throttle(0.5, merge="latest"), sk.debounce(0.5), sk.tee(sk.sinks.collect())]
)
async def test_stages_with_tasks_of_their_own_are_closed_too(between: sk.Same) -> None:
    source = Watched(2, closing_takes=1)
    assert await (source.stream() | between | sk.take_until(lambda: anyio.sleep(5.5))).collect() == [1, 2]
    assert source.log == ["source closed"]


async def test_an_outer_cancellation_is_no_end() -> None:
    source = Watched(2)
    with anyio.move_on_after(3) as scope:
        async with (source.stream() | sk.take_until(lambda: anyio.sleep(3))).open() as run:
            async for _ in run:
                pass
            await anyio.sleep(10)
    assert scope.cancelled_caught
    assert source.log == ["source closed"]


async def test_it_leaves_no_task() -> None:
    before = len(anyio.get_running_tasks())
    for after in (0, 2, 1000):
        await (Watched(1, 5).stream() | sk.take_until(Signal(after).wait)).run()
        assert len(anyio.get_running_tasks()) == before


# -- backpressure -------------------------------------------------------------------------------------------


async def test_it_reads_one_item_at_a_time() -> None:
    source = Watched(1)
    async with (source.stream() | sk.take_until(lambda: anyio.sleep(1000))).open() as run:
        await anyio.sleep(10)
        assert source.pulled == 0
        await anext(run)
        await anyio.sleep(100)
        assert source.pulled == 1
        await anyio.sleep(1000)  # it has happened meanwhile: nothing more is pulled
        assert [item async for item in run] == []
        assert source.pulled == 1


# -- arguments ----------------------------------------------------------------------------------------------


def test_a_coroutine_is_no_function() -> None:
    coroutine: Any = anyio.sleep(5)
    with pytest.raises(
        TypeError, match=r"write take_until\(lambda: sleep\(…\)\), not take_until\(sleep\(…\)\)"
    ):
        sk.take_until(coroutine)


@pytest.mark.parametrize("junk", [None, 5, "event"], ids=repr)
def test_junk_is_refused_at_once(junk: Any) -> None:
    with pytest.raises(TypeError, match=rf"such as event.wait, not {junk!r}"):
        sk.take_until(junk)


async def test_a_bare_iteration_is_refused() -> None:
    with pytest.raises(TypeError, match=r"take_until\(already\) runs tasks of its own"):
        aiter(Watched().stream() | sk.take_until(already))


def test_it_reads_like_its_source() -> None:
    assert repr(sk.take_until(already)) == "take_until(already)"


@pytest.mark.parametrize("ends", [True, False])
def test_a_task_that_it_only_waits_for_goes_on(ends: bool) -> None:
    async def main() -> None:
        async def other() -> str:
            await asyncio.sleep(0 if ends else 0.01)
            return "done"

        task = asyncio.ensure_future(other())
        items = [1] if not ends else itertools.repeat(1)
        await (sk.from_iterable(items) | sk.take_until(lambda: task)).run()
        assert await task == "done"

    asyncio.run(main())


def test_a_future_that_outlives_the_run_keeps_nothing_of_it() -> None:
    async def main() -> None:
        waiting: list[object] = []

        class Future(asyncio.Future[None]):
            def add_done_callback(self, fn: Any, /, *, context: Any = None) -> None:
                waiting.append(fn)
                super().add_done_callback(fn, context=context)

            def remove_done_callback(self, fn: Any, /) -> int:
                waiting.remove(fn)
                return super().remove_done_callback(fn)

        future = Future()
        for _ in range(3):
            await (sk.from_iterable([1]) | sk.take_until(lambda: future)).run()
        assert not waiting
        assert not future.cancelled()

    run_virtual(main)
