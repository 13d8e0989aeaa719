"""
map_async: each item through a call that takes time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, cast

import anyio
import pytest
from anyio import lowlevel
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

import streamkit as sk
from streamkit.events import Restarted
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends

pytestmark = pytest.mark.virtual_time

map_async = cast("Any", sk.map_async)
"""For what its types refuse."""


async def takes(item: str) -> str:
    """
    A call that takes as many seconds as the item says; `f` fails after one.
    """
    await anyio.sleep(1 if item == "f" else int(item))
    if item == "f":
        raise marbles.MarbleError
    return item


# -- what comes when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "concurrency", "ordered", "wanted"),
    [
        ("31|", 1, True, "---3(1|)"),
        ("31|", 2, True, "---(31|)"),
        ("31|", 2, False, "--1(3|)"),
        ("61-2|", 2, False, "--1--2(6|)"),
        ("|", 3, True, "|"),
        ("#", 3, True, "#"),
        ("3-#", 3, True, "---(3#)"),
        ("1-f|", 1, True, "-1-#"),
        ("5f--|", 3, True, "--#"),
        ("5f--|", 3, False, "--#"),
        ("1-5f--|", 3, True, "-1--#"),
    ],
)
async def test_results_come_in_order_or_as_they_are_ready(
    source: str, concurrency: int, ordered: bool, wanted: str
) -> None:
    await marbles.expect(marbles.source(source) | sk.map_async(takes, concurrency, ordered=ordered), wanted)


async def test_results_that_were_there_come_before_the_error() -> None:
    async def call(item: int) -> int:
        await anyio.sleep({0: 1, 1: 9, 2: 1, 3: 2}[item])
        if item == 3:
            raise ValueError("broken")
        return item

    for ordered, wanted in ((True, [0]), (False, [0, 2])):
        got: list[int] = []
        stream = sk.from_iterable(range(4)) | sk.map_async(call, 4, ordered=ordered)
        with pytest.raises(ValueError, match="broken"):
            async with stream.open() as run:
                async for item in run:
                    got.append(item)
                    await anyio.sleep(60)
        assert sorted(got) == wanted


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("ordered", [True, False])
async def test_emit_hands_on_the_item_with_its_error_in_its_place(concurrency: int, ordered: bool) -> None:
    async def call(item: int) -> int:
        await anyio.sleep(1)
        return 6 // item

    stream = sk.from_iterable([1, 0, 2]) | sk.map_async(call, concurrency, ordered, "emit")
    got = await stream.collect()
    [failed] = [item for item in got if isinstance(item, sk.Failed)]
    assert failed.item == 0
    assert isinstance(failed.error, ZeroDivisionError)
    assert sorted(item for item in got if isinstance(item, int)) == [3, 6]
    if ordered:
        assert got[1] is failed


@on_both_backends
@given(
    st.lists(st.sampled_from([0, 0, 0.5, 1, 2, 5]), max_size=20),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([0, 0.5, 3]),
    st.integers(0, 25),
)
def test_in_whatever_order_calls_finish_or_fail_it_is_map(
    backend: str, durations: list[float], concurrency: int, ordered: bool, each_takes: float, fails_at: int
) -> None:
    running: set[int] = set()
    untaken = 0

    async def call(item: int) -> int:
        nonlocal untaken
        untaken += 1
        assert untaken <= concurrency
        running.add(item)
        try:
            await anyio.sleep(durations[item])
            if item == fails_at:
                raise ValueError("broken")
        finally:
            running.remove(item)
        return item

    got: list[int] = []

    async def read() -> None:
        nonlocal untaken
        stream = sk.from_iterable(range(len(durations))) | sk.map_async(call, concurrency, ordered=ordered)
        with suppress(ValueError):
            async with stream.open() as run:
                async for item in run:
                    untaken -= 1
                    got.append(item)
                    await anyio.sleep(each_takes)
        assert not running

    run_virtual(read, backend=backend)
    everything = list(range(len(durations)))
    if fails_at >= len(durations):
        assert sorted(got) == everything
    assert len(set(got)) == len(got)
    assert fails_at not in got
    if ordered or concurrency == 1:
        assert got == everything[: len(got)]


# -- bounds, order of closing -------------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("concurrency", [1, 2, 7])
async def test_results_that_are_not_taken_count(concurrency: int, ordered: bool) -> None:
    begun: list[int] = []
    pulled: list[int] = []

    async def call(item: int) -> int:
        begun.append(item)
        return item

    source = sk.from_iterable(range(100)).tap(pulled.append)
    async with (source | sk.map_async(call, concurrency, ordered=ordered)).open() as run:
        await anext(run)
        await anyio.sleep(10)
        expected = 1 if concurrency == 1 else concurrency + 1
        assert (len(begun), len(pulled)) == (expected, expected)


async def test_an_error_cancels_the_other_calls_also_while_nobody_reads() -> None:
    cancelled: list[float] = []

    async def call(item: int) -> int:
        try:
            await anyio.sleep(60 * item)
        except anyio.get_cancelled_exc_class():
            cancelled.append(anyio.current_time() - start)
            raise
        if not item:
            return 0
        raise AssertionError("not cancelled")

    async def broken(item: int) -> int:
        if item == 2:
            await anyio.sleep(1)
            raise ValueError("broken")
        return await call(item)

    start = anyio.current_time()
    with pytest.raises(ValueError, match="broken"):
        async with (sk.from_iterable([0, 1, 2]) | sk.map_async(broken, 3)).open() as run:
            async for _ in run:
                await anyio.sleep(30)
    assert cancelled == [1]


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_calls_are_cancelled_and_joined_before_upstream_is_closed(concurrency: int) -> None:
    log: list[str] = []

    async def upstream() -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
        finally:
            log.append("upstream")

    async def call(item: int) -> int:
        if item == 0:
            return 0
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
            log.append("call")
        return item

    with anyio.move_on_after(5):
        async with (sk.from_iterable(upstream) | sk.map_async(call, concurrency)).open() as run:
            async for _ in run:
                pass
    assert log == ["call"] * concurrency + ["upstream"]


async def test_a_call_whose_cleanup_fails_is_noted_on_the_first_failure() -> None:
    async def call(item: int) -> int:
        try:
            await anyio.sleep(1 if item == 0 else 60)
        finally:
            if item == 1:
                raise OSError("disk")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken") as caught:
        await (sk.from_iterable(range(2)) | sk.map_async(call, 2)).run()
    assert any("OSError" in note for note in caught.value.__notes__)


async def test_left_early_a_call_whose_cleanup_fails_says_so() -> None:
    async def call(item: int) -> int:
        try:
            await anyio.sleep(item)
        finally:
            if item == 60:
                raise OSError("disk")
        return item

    with pytest.raises(OSError, match="disk"):
        async with (sk.from_iterable([0, 60]) | sk.map_async(call, 2)).open() as run:
            async for _ in run:
                break


async def test_a_call_whose_cleanup_fails_does_not_replace_a_cancellation() -> None:
    async def call(item: int) -> int:
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("disk")

    run = (sk.from_iterable([0, 1]) | sk.map_async(call, 2)).open()
    with anyio.move_on_after(5) as scope:
        async with run:
            async for _ in run:
                pass
    assert scope.cancelled_caught
    assert run.outcome.kind == "cancelled"


# -- starting over ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_where_the_stream_starts_over_the_calls_before_count_no_more(concurrency: int) -> None:
    values = {"R": Restarted(2, ConnectionError())}
    stream = marbles.source("19R-1|", values=values) | sk.map_async(takes, concurrency)
    wanted = {1: "-1--------(9R)(1|)", 4: "-1R--(1|)"}[concurrency]
    await marbles.expect(stream, wanted, values=values)


@pytest.mark.usefixtures("structlog_configured")
async def test_a_cancelled_call_whose_cleanup_fails_does_not_count_either() -> None:
    async def call(item: str) -> str:
        try:
            await anyio.sleep(60 if item == "a" else 1)
        finally:
            if item == "a":
                raise OSError("of a void call")
        return item

    restarted = Restarted(2, ConnectionError())
    stream = marbles.source("a--Rb|", values={"R": restarted}) | sk.map_async(call, 4)
    with capture_logs() as logs:
        async with stream.open() as run:
            assert [item async for item in run] == [restarted, "b"]
    assert run.outcome.kind == "complete"
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["close_failed"]


async def test_results_before_it_that_were_not_taken_are_dropped() -> None:
    restarted = Restarted(2, ConnectionError())
    values = {"R": restarted}
    stream = marbles.source("12-----R1|", values=values) | sk.map_async(takes, 4)
    async with stream.open() as run:
        assert await anext(run) == "1"
        await anyio.sleep(60)
        assert [item async for item in run] == [restarted, "1"]


# -- the function -------------------------------------------------------------------------------------------


async def test_one_call_at_a_time_works_in_a_bare_loop() -> None:
    stream = sk.from_iterable("12") | sk.map_async(takes)
    assert not stream.concurrent
    assert [item async for item in stream] == ["1", "2"]
    with pytest.raises(TypeError, match="open"):
        aiter(sk.from_iterable("12") | sk.map_async(takes, 2))


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_any_function_that_returns_an_awaitable_will_do(concurrency: int) -> None:
    class Callable:
        async def __call__(self, item: str) -> str:
            return item * 2

    def lazily(item: str) -> Awaitable[str]:
        return takes(item)

    assert await (sk.from_iterable("12") | sk.map_async(Callable(), concurrency)).collect() == ["11", "22"]
    assert await (sk.from_iterable("12") | sk.map_async(lazily, concurrency)).collect() == ["1", "2"]


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("on_error", ["raise", "emit"])
async def test_a_function_that_returns_no_awaitable_is_a_mistake(concurrency: int, on_error: Any) -> None:
    stream: sk.Stream[Any] = sk.from_iterable("12") | map_async(int, concurrency, on_error=on_error)
    with pytest.raises(
        TypeError, match=r"map_async\(int\): the function must return an awaitable, .* int; .*map\(\)"
    ):
        await stream.run()


def test_bad_arguments_are_refused() -> None:
    async def generate(item: str) -> AsyncIterator[str]:
        yield item

    with pytest.raises(
        TypeError, match=r"generate is an async generator function.*flat_map\(generate, concurr"
    ):
        map_async(generate)
    with pytest.raises(TypeError, match="needs an async function of one item, not 3"):
        map_async(3)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        sk.map_async(takes, 0)
    with pytest.raises(TypeError, match="whole number"):
        map_async(takes, concurrency=1.5)
    with pytest.raises(ValueError, match='"raise" or "emit", not \'skip\''):
        map_async(takes, on_error="skip")
    with pytest.raises(TypeError, match=r"map_async\(ordered=…\)"):
        map_async(takes, 2, ordered=1)


def test_it_reads_like_its_call() -> None:
    assert repr(sk.map_async(takes)) == "map_async(takes)"
    text = "map_async(takes, concurrency=3, ordered=False, on_error='emit')"
    assert repr(sk.map_async(takes, 3, False, "emit")) == text


# -- asyncio's own cancellation -----------------------------------------------------------------------------


async def cancelled_elsewhere(_: int) -> int:
    task = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    task.cancel()
    await task
    return 0


async def cancels_itself(_: int) -> int:
    await lowlevel.checkpoint()
    raise asyncio.CancelledError


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("call", [cancelled_elsewhere, cancels_itself])
def test_a_cancellation_that_a_call_meets_elsewhere_is_its_failure(concurrency: int, call: Any) -> None:
    async def read() -> None:
        with pytest.raises(asyncio.CancelledError):
            await (sk.from_iterable(range(5)) | sk.map_async(call, concurrency)).run()
        got = await (sk.from_iterable([1, 2]) | sk.map_async(call, concurrency, on_error="emit")).collect()
        assert [failed.item for failed in got] == [1, 2]
        for failed in got:
            assert isinstance(failed.error, CancelledError)
            assert isinstance(failed.error.__cause__, asyncio.CancelledError)
            assert "cancelled elsewhere" in failed.to_dict()["error"]["message"]

    anyio.run(read)


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("way", ["scope", "task", "cancel"])
def test_a_cancellation_of_the_run_is_never_an_error_of_a_call(concurrency: int, way: str) -> None:
    """
    Also while calls meet cancellations of others at the same moment.
    """

    async def read() -> tuple[list[object], str]:
        waiting = asyncio.get_running_loop().create_future()
        got: list[object] = []

        async def call(_: int) -> int:
            return await asyncio.shield(waiting)

        stages = sk.map_async(call, concurrency, on_error="emit")
        reader = asyncio.current_task()
        run = (sk.from_iterable(range(3)) | stages).open()
        scope = anyio.CancelScope()

        def end() -> None:
            assert reader is not None
            ends = {"scope": scope.cancel, "task": reader.cancel, "cancel": run.cancel}
            ends[way]()
            waiting.cancel()

        asyncio.get_running_loop().call_later(0.01, end)
        with suppress(asyncio.CancelledError), scope:
            async with run:
                got += [item async for item in run]
        return got, run.outcome.kind

    got, kind = anyio.run(read)
    assert got == []
    assert kind == ("stopped" if way == "cancel" else "cancelled")
