"""
tee: the items go on, and to sinks beside them.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.lowlevel
import pytest
from structlog.testing import capture_logs

import streamkit as sk
from streamkit.sinks import call, collect, join

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._core.runtime.overflow_queue import Overflow

pytestmark = pytest.mark.virtual_time


async def counting() -> AsyncIterator[int]:
    n = 0
    while True:
        await anyio.lowlevel.checkpoint()
        yield n
        n += 1


async def broken() -> AsyncIterator[int]:
    yield 0
    yield 1
    raise ConnectionError("down")


endless = sk.from_iterable(counting)
ten = sk.from_iterable(range(10))


@sk.sink
async def slow(items: AsyncIterator[Any], each_takes: float = 1.0) -> list[Any]:
    got: list[Any] = []
    async for item in items:
        await anyio.sleep(each_takes)
        got.append(item)
    return got


@sk.sink
async def stuck(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        await anyio.sleep_forever()


@sk.sink
async def fails(items: AsyncIterator[Any], after: int = 0) -> None:
    for _ in range(after):
        await anext(items)
    raise LookupError("the sink's own")


@sk.sink
async def first(items: AsyncIterator[Any], n: int) -> list[Any]:
    return [await anext(items) for _ in range(n)]


async def drain(run: sk.Run[Any]) -> list[Any]:
    async with run:
        return [item async for item in run]


# -- items --------------------------------------------------------------------------------------------------


async def test_the_items_go_on_and_to_every_sink() -> None:
    async with (ten | sk.tee(collect(), sk.map(str) | join())).open() as run:
        assert [n async for n in run] == list(range(10))
    assert run.report.sinks["collect"].result == list(range(10))
    assert run.report.sinks["join"].result == "0123456789"


async def test_a_sink_may_have_stages_even_concurrent_ones() -> None:
    sink = sk.skip(8) | sk.tee(collect()) | sk.map(str) | join("-")
    async with (ten | sk.tee(sink)).open() as run:
        await drain_inside(run)
    assert run.report.sinks["join"].result == "8-9"
    assert run.report.sinks["collect"].result == [8, 9]


async def drain_inside(run: sk.Run[Any]) -> None:
    async for _ in run:
        pass


async def test_an_item_goes_to_the_sinks_before_it_is_handed_on() -> None:
    log: list[str] = []
    stream = ten | sk.tee(call(lambda n: log.append(f"sink {n}")))  # pyright: ignore
    async with stream.open() as run:
        async for n in run:
            await anyio.wait_all_tasks_blocked()
            log.append(f"body {n}")
            if n == 1:
                break
    assert log == ["sink 0", "body 0", "sink 1", "body 1"]


async def test_several_tees_in_a_row() -> None:
    async with (ten | sk.tee(collect()) | sk.take(3) | sk.tee(collect(), collect())).open() as run:
        assert await anext(run) == 0
        await drain_inside(run)
    results = {name: report.result for name, report in run.report.sinks.items()}
    assert results == {"collect": [0, 1, 2], "collect-2": [0, 1, 2], "collect-3": [0, 1, 2]}


# -- bounds and policies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("buffer", [1, 3, 64])
async def test_block_stops_the_pull_at_the_bound(buffer: int) -> None:
    pulled: list[int] = []
    run = (endless.tap(pulled.append) | sk.tee(stuck(), buffer=buffer)).open(close_timeout=1)
    with anyio.move_on_after(10) as scope:
        await drain(run)
    assert scope.cancelled_caught
    error = run.report.sinks["stuck"].error
    assert isinstance(error, sk.TimeLimitError)
    assert (error.limit, error.seconds) == ("close_timeout", 1)
    assert f"; {buffer} items were still waiting" in str(error)
    assert len(pulled) == buffer + 1  # and the one that the sink has taken


async def test_room_is_waited_for_before_the_next_item_is_pulled() -> None:
    pulled: list[int] = []
    async with (endless.tap(pulled.append) | sk.tee(slow(), buffer=1)).open() as run:
        for n in range(5):
            assert await anext(run) == n
        assert len(pulled) == 5
        run.cancel()


@pytest.mark.parametrize(
    ("overflow", "kept"),
    [("drop_oldest", [0, 97, 98, 99]), ("drop_incoming", [0, 1, 2, 3]), ("latest", [0, 99])],
)
async def test_a_sink_that_drops_never_slows_the_stream(overflow: Any, kept: list[int]) -> None:
    stream = sk.from_iterable(range(100)) | sk.tee(slow(), buffer=3, overflow=overflow)
    async with stream.open() as run:
        began = anyio.current_time()
        for _ in range(100):
            await anext(run)
        assert anyio.current_time() == began
    report = run.report.sinks["slow"]
    assert report.result == kept
    assert (report.delivered, report.dropped) == (len(kept), 100 - len(kept))


async def test_a_sink_that_keeps_up_drops_nothing() -> None:
    policies: tuple[Overflow, ...] = ("drop_oldest", "drop_incoming", "latest")
    for overflow in policies:
        stream = sk.from_iterable(range(100)) | sk.tee(collect(), buffer=1, overflow=overflow)
        async with stream.open() as run:
            async for _ in run:
                await anyio.sleep(0.001)
        assert run.report.sinks["collect"].dropped == 0


async def test_the_error_policy_ends_the_run() -> None:
    async def ticking() -> AsyncIterator[int]:
        while True:
            await anyio.sleep(0.1)
            yield 1

    run = (sk.from_iterable(ticking) | sk.tee(slow(), buffer=3, overflow="error")).open()
    with pytest.raises(sk.BufferOverflow, match="a buffer of 3 was full"):
        await drain(run)
    assert isinstance(run.outcome.error, sk.BufferOverflow)


async def test_the_error_policy_fails_after_the_backlog() -> None:
    got: list[int] = []
    run = (
        sk.from_iterable(range(9)) | sk.tee(sk.tap(got.append) | slow(), buffer=3, overflow="error")
    ).open()
    with pytest.raises(sk.BufferOverflow):
        await drain(run)
    assert got[:3] == [0, 1, 2]
    assert len(got) <= 4


async def test_the_error_policy_lets_a_sink_that_keeps_up_have_its_turn() -> None:
    await (sk.from_iterable(range(200)) | sk.tee(collect(), buffer=3, overflow="error")).run()


async def test_a_branch_has_its_own_settings() -> None:
    four = sk.tee(
        sk.branch(slow(), name="newest", overflow="latest"),
        sk.branch(slow(), buffer=2, overflow="drop_incoming"),
        sk.branch(fails(), on_error="detach"),
        slow(),
        buffer=50,
    )
    stream = sk.from_iterable(range(5)) | four
    async with stream.open() as run:
        await drain_inside(run)
    reports = run.report.sinks
    assert reports["newest"].result == [0, 4]
    assert reports["slow"].result == [0, 1, 2]
    assert isinstance(reports["fails"].error, LookupError)
    assert reports["slow-2"].result == [0, 1, 2, 3, 4]


# -- sinks that end or fail ---------------------------------------------------------------------------------


async def test_a_sink_that_returns_early_leaves_the_others_going() -> None:
    async with (ten | sk.tee(first(2), collect(), buffer=1)).open() as run:
        assert len([n async for n in run]) == 10
    assert run.report.sinks["first"].result == [0, 1]
    assert run.report.sinks["first"].delivered == 2
    assert run.report.sinks["collect"].result == list(range(10))
    assert run.outcome.kind == "complete"


async def test_a_failing_sink_ends_the_run_with_its_own_error() -> None:
    run = (endless | sk.tee(fails(after=2), collect())).open()
    with pytest.raises(LookupError, match="own") as caught:
        await drain(run)
    assert run.outcome.kind == "failed"
    assert run.outcome.error is run.report.sinks["fails"].error is caught.value
    assert run.report.sinks["fails"].delivered == 2
    assert run.report.sinks["collect"].error is None
    assert run.report.sinks["collect"].result is not None


async def test_of_two_failing_sinks_the_first_is_raised_and_both_are_reported() -> None:
    @sk.sink
    async def fails_later(items: AsyncIterator[Any]) -> None:
        await anyio.sleep(1)
        raise KeyError("later")

    run = (endless | sk.tee(fails(), fails_later())).open()
    with pytest.raises(LookupError, match="own"):
        await drain(run)
    assert isinstance(run.report.sinks["fails_later"].error, KeyError)


@pytest.mark.usefixtures("structlog_configured")
async def test_a_detached_sink_changes_nothing_for_the_rest_and_is_logged_without_content() -> None:
    def refuse(item: str) -> None:
        raise LookupError(f"cannot store {item}")

    with capture_logs() as logs:
        stream = sk.from_iterable(["secret"] * 3) | sk.tee(call(refuse), collect(), on_error="detach")
        async with stream.open() as run:
            assert len([item async for item in run]) == 3
    assert run.outcome.kind == "complete"
    assert isinstance(run.report.sinks["call"].error, LookupError)
    assert run.report.sinks["collect"].result == ["secret"] * 3
    [line] = [line for line in logs if line["log_level"] == "warning"]
    assert (line["event"], line["sink"], line["error"]) == ("sink_detached", "call", "LookupError")
    assert "secret" not in repr(logs)


async def test_a_detached_sink_no_longer_holds_the_stream_back() -> None:
    stream = sk.from_iterable(range(100)) | sk.tee(fails(after=1), buffer=1, on_error="detach")
    assert await stream.collect() == list(range(100))


async def test_without_a_configured_structlog_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    await (ten | sk.tee(fails(), on_error="detach")).run()
    assert capsys.readouterr() == ("", "")


# -- ends ---------------------------------------------------------------------------------------------------


async def test_at_the_end_the_sinks_are_awaited() -> None:
    async with (ten | sk.tee(slow())).open() as run:
        await drain_inside(run)
        assert run.report.sinks["slow"].result == list(range(10))
    assert run.outcome.kind == "complete"


async def test_at_the_end_they_are_awaited_for_longer_than_close_timeout() -> None:
    async with (ten | sk.tee(slow(100))).open(close_timeout=1) as run:
        await drain_inside(run)
    assert run.report.sinks["slow"].result == list(range(10))


@sk.sink
async def remembers(items: AsyncIterator[Any], got: list[Any]) -> None:
    """
    Notes what it gets, and how that ends.
    """
    try:
        async for item in items:
            got.append(item)
            await anyio.sleep(0.1)
    except ConnectionError as error:
        got.append(error)
        raise
    got.append("end")


async def test_an_error_of_the_source_reaches_every_sink_after_the_items_and_is_no_second_failure() -> None:
    one: list[Any] = []
    two: list[Any] = []
    run = (
        sk.from_iterable(broken) | sk.tee(remembers(one), sk.branch(remembers(two), overflow="drop_oldest"))
    ).open()
    with pytest.raises(ConnectionError, match="down") as caught:
        await drain(run)
    assert one == two == [0, 1, caught.value]
    assert run.outcome.error is caught.value
    assert not hasattr(caught.value, "__notes__")
    assert [report.error for report in run.report.sinks.values()] == [caught.value] * 2


async def test_an_error_that_is_dealt_with_downstream_does_not_come_back_through_a_sink() -> None:
    @sk.operator
    async def forgiving(items: AsyncIterator[int]) -> AsyncIterator[int]:
        try:
            async for item in items:
                yield item
        except ConnectionError:
            yield -1

    async with (sk.from_iterable(broken) | sk.tee(remembers([])) | forgiving()).open() as run:
        assert [item async for item in run] == [0, 1, -1]
    assert run.outcome.kind == "complete"
    assert isinstance(run.report.sinks["remembers"].error, ConnectionError)


@pytest.mark.usefixtures("structlog_configured")
@pytest.mark.parametrize(
    "sink",
    [sk.sinks.collect(), sk.map(str) | sk.sinks.collect(), sk.buffer(1) | sk.sinks.collect()],
    ids=repr,
)
@pytest.mark.parametrize("on_error", ["raise", "detach"])
async def test_a_group_of_errors_of_the_source_is_no_failure_of_a_sink_either(
    sink: sk.Sink[object, object], on_error: Any
) -> None:
    async def breaks() -> None:
        raise KeyError("in a task")

    async def in_tasks() -> AsyncIterator[int]:
        yield 1
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(breaks)
            await anyio.sleep(60)

    mended = (
        sk.from_iterable(in_tasks)
        | sk.tee(sink, on_error=on_error)
        | sk.catch(lambda error: sk.from_iterable([type(error)]))
    )
    with capture_logs() as logged:
        async with mended.open() as run:
            assert [item async for item in run] == [1, ExceptionGroup]
    assert run.outcome.kind == "complete"
    assert [entry["event"] for entry in logged] == ["run_started", "run_ended"]


async def test_a_sink_may_make_something_of_the_error() -> None:
    @sk.sink
    async def saves(items: AsyncIterator[int]) -> str:
        got = 0
        try:
            async for _ in items:
                got += 1
        except ConnectionError:
            return f"saved {got} in spite of it"
        return "all saved"

    run = (sk.from_iterable(broken) | sk.tee(saves())).open()
    with pytest.raises(ConnectionError):
        await drain(run)
    assert run.report.sinks["saves"].result == "saved 2 in spite of it"
    assert run.report.sinks["saves"].error is None


async def stop_by_break(run: sk.Run[Any]) -> None:
    async with run:
        async for n in run:
            if n == 4:
                break


async def stop_by_cancel(run: sk.Run[Any]) -> None:
    async with run:
        async for n in run:
            if n == 4:
                run.cancel()


async def stop_by_outer_cancel(run: sk.Run[Any]) -> None:
    with anyio.CancelScope() as scope:
        async with run:
            async for n in run:
                if n == 4:
                    scope.cancel()


async def stop_by_error(run: sk.Run[Any]) -> None:
    with pytest.raises(KeyError, match="mine"):
        await fail_at_four(run)


async def fail_at_four(run: sk.Run[Any]) -> None:
    async with run:
        async for n in run:
            if n == 4:
                raise KeyError("mine")


WAYS = [stop_by_break, stop_by_cancel, stop_by_outer_cancel, stop_by_error]


@pytest.mark.parametrize("stop", WAYS)
async def test_when_the_run_is_stopped_the_sinks_get_what_is_queued_and_then_the_end(stop: Any) -> None:
    got: list[Any] = []
    run = (endless | sk.tee(remembers(got))).open()
    began = anyio.current_time()
    await stop(run)
    assert got[:5] == [0, 1, 2, 3, 4]
    assert got[-1] == "end"
    assert anyio.current_time() - began == pytest.approx(0.1 * (len(got) - 1))
    assert run.report.sinks["remembers"].error is None


@pytest.mark.parametrize("stop", WAYS)
async def test_a_stuck_sink_has_close_timeout_and_is_reported(stop: Any) -> None:
    run = (endless | sk.tee(stuck(), collect())).open(close_timeout=2)
    began = anyio.current_time()
    try:
        await stop(run)
    except TimeoutError:
        assert stop is not stop_by_error
    assert anyio.current_time() - began == pytest.approx(2)
    error = run.report.sinks["stuck"].error
    assert isinstance(error, TimeoutError)
    assert "sink 'stuck' had not finished 2 s after the run ended; " in str(error)
    assert "items were still waiting" in str(error)
    assert run.report.sinks["collect"].error is None
    assert run.report.sinks["collect"].result is not None


async def test_a_detached_stuck_sink_is_only_reported() -> None:
    run = (endless | sk.tee(stuck(), on_error="detach")).open(close_timeout=2)
    await stop_by_break(run)
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")
    assert isinstance(run.report.sinks["stuck"].error, TimeoutError)


async def test_a_sink_that_needs_time_to_obey_is_awaited() -> None:
    saved = False

    @sk.sink
    async def reluctant(items: AsyncIterator[int]) -> None:
        nonlocal saved
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(3)
                saved = True

    run = (endless | sk.tee(reluctant(), on_error="detach")).open(close_timeout=2)
    began = anyio.current_time()
    await stop_by_break(run)
    assert saved
    assert anyio.current_time() - began == pytest.approx(5)


async def test_a_sink_that_was_told_to_stop_may_still_return() -> None:
    @sk.sink
    async def obedient(items: AsyncIterator[int]) -> str:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            return "saved what I had"
        return "never"

    run = (endless | sk.tee(obedient())).open(close_timeout=2)
    await stop_by_break(run)
    assert run.report.sinks["obedient"].result == "saved what I had"


async def test_a_failing_sink_lets_the_others_finish() -> None:
    got: list[Any] = []
    run = (endless | sk.tee(fails(after=3), remembers(got))).open()
    with pytest.raises(LookupError):
        await drain(run)
    assert got[-1] == "end"


# -- follow -------------------------------------------------------------------------------------------------


async def test_in_follow_every_turn_has_its_own_sinks_and_one_tee_around_all_has_one() -> None:
    turns = 0

    async def again(outcome: sk.Outcome) -> sk.Stream[int] | None:
        nonlocal turns
        turns += 1
        return inner if turns < 3 else None

    inner = sk.from_iterable([1, 2]) | sk.tee(sk.branch(collect(), name="turn"))
    async with (sk.follow(inner, again) | sk.tee(sk.branch(collect(), name="all"))).open() as run:
        await drain_inside(run)
    assert {name: report.result for name, report in run.report.sinks.items()} == {
        "all": [1, 2] * 3,
        "turn": [1, 2],
        "turn-2": [1, 2],
        "turn-3": [1, 2],
    }


async def test_a_failing_sink_of_a_turn_ends_the_whole_run() -> None:
    async def end(outcome: sk.Outcome) -> None: ...

    run = sk.follow(endless | sk.tee(fails(after=1)), end).open()
    with pytest.raises(LookupError, match="own"):
        await drain(run)
    assert run.outcome.kind == "failed"


async def test_a_cancelled_turn_lets_its_sinks_finish() -> None:
    got: list[Any] = []

    async def end(outcome: sk.Outcome) -> None: ...

    await stop_by_cancel(sk.follow(endless | sk.tee(remembers(got)), end).open())
    assert got[-1] == "end"


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [sk.tee, sk.branch])
@pytest.mark.parametrize("junk", [None, 3, "file", [1], int, sk.from_iterable([1])], ids=repr)
def test_what_is_no_sink_is_refused(make: Any, junk: object) -> None:
    with pytest.raises(
        TypeError, match="a sink, an async function of one item, or an anyio send stream is needed"
    ):
        make(junk)


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        (
            "run.jsonl",
            r"write sk\.sinks\.jsonl\('run\.jsonl'\) to keep items .*, or sk\.sinks\.write\(file\)",
        ),
        (Path("run.jsonl"), r"write sk\.sinks\.jsonl\('run\.jsonl'\)"),
        (io.StringIO(), r"write sk\.sinks\.write\(file\), for text$"),
        ([], r"write sk\.sinks\.collect\(\)"),
        (asyncio.Queue[int](), r"write the function alone, queue\.put$"),
        (3, r"not int: 3$"),
    ],
    ids=["a name", "a path", "a file", "a list", "a queue", "a number"],
)
def test_the_place_to_which_a_sink_writes_is_no_sink_and_the_error_has_the_sink(
    place: Any, remedy: str
) -> None:
    with pytest.raises(TypeError, match=remedy):
        sk.tee(place)


@pytest.mark.parametrize(
    "slip",
    [sk.take(1), collect, slow, sk.sinks.write, sk.take],
    ids=["operator", "collect", "slow", "write", "take"],
)
def test_an_operator_or_a_sink_that_was_not_called_is_refused(slip: Any) -> None:
    with pytest.raises(TypeError):
        sk.tee(slip)


def test_a_tee_has_a_sink() -> None:
    with pytest.raises(TypeError, match="at least one sink"):
        sk.tee()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"buffer": 0}, "buffer must be an int of at least 1, not 0"),
        ({"buffer": 1.5}, "buffer must be an int of at least 1, not 1.5"),
        ({"overflow": "drop"}, "overflow must be one of 'block', .*, not 'drop'"),
        ({"on_error": "ignore"}, 'on_error must be "raise" or "detach", not \'ignore\''),
    ],
)
def test_unknown_settings_are_refused_at_once(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sk.branch(collect(), **settings)
    with pytest.raises(ValueError, match=message):
        sk.tee(collect(), **settings)


# -- where the sinks are awaited ----------------------------------------------------------------------------


@pytest.mark.parametrize(("wait", "iterated", "left"), [("end", 60, 60), ("exit", 0, 60)])
async def test_the_end_of_slow_sinks_is_awaited_before_the_iteration_ends_or_when_the_run_is_left(
    wait: Any, iterated: float, left: float
) -> None:
    @sk.sink
    async def slow(items: AsyncIterator[int]) -> str:
        async for _ in items:
            await anyio.sleep(20)
        return "saved"

    begun = anyio.current_time()
    async with (sk.from_iterable([1, 2, 3]) | sk.tee(slow(), wait=wait)).open() as run:
        async for _ in run:
            pass
        assert anyio.current_time() - begun == iterated
    assert anyio.current_time() - begun == left
    assert run.report.sinks["slow"].result == "saved"
    assert run.outcome.kind == "complete"


@pytest.mark.parametrize("wait", ["end", "exit"])
@pytest.mark.parametrize("on_error", ["raise", "detach"])
async def test_a_sink_that_is_stuck_when_its_queue_overflows_does_not_hold_up_the_end(
    wait: Any, on_error: Any
) -> None:
    begun = anyio.current_time()
    names = (
        "a" if on_error == "raise" else "ab"
    )  # the first of several that raise ends the run, as any failure does
    late = [sk.branch(stuck(), name, buffer=1, overflow="error", on_error=on_error) for name in names]
    run = (ten | sk.tee(*late, collect(), wait=wait)).open(close_timeout=2)
    read = drain(run)
    if on_error == "raise":
        with pytest.raises(sk.BufferOverflow):
            await read
    else:
        assert await read == list(range(10))
    assert anyio.current_time() - begun == 2
    assert run.outcome.kind == ("failed" if on_error == "raise" else "complete")
    assert {type(run.report.sinks[name].error) for name in names} == {sk.BufferOverflow}
    assert run.report.sinks["collect"].result == list(range(10))


@pytest.mark.parametrize("wait", ["end", "exit"])
async def test_one_that_is_slow_gets_what_is_in_its_queue_first(wait: Any) -> None:
    late = sk.branch(slow(), buffer=3, overflow="error", on_error="detach")
    run = (ten | sk.tee(late, wait=wait)).open(close_timeout=5)
    await drain(run)
    assert (run.report.sinks["slow"].delivered, run.outcome.kind) == (4, "complete")
    assert isinstance(run.report.sinks["slow"].error, sk.BufferOverflow)


async def test_a_wait_for_slow_sinks_that_is_cancelled_leaves_them_their_close_timeout() -> None:
    @sk.sink
    async def slow(items: AsyncIterator[int]) -> None:
        async for _ in items:
            await anyio.sleep(100)

    begun = anyio.current_time()
    with anyio.move_on_after(10):
        async with (sk.from_iterable([1, 2]) | sk.tee(slow(), wait="exit", on_error="detach")).open() as run:
            async for _ in run:
                pass
    assert anyio.current_time() - begun == 15


async def test_a_sink_that_fails_after_the_iteration_fails_the_run() -> None:
    @sk.sink
    async def fails(items: AsyncIterator[int]) -> None:
        async for _ in items:
            pass
        await anyio.sleep(5)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        async with (sk.from_iterable([1]) | sk.tee(fails(), wait="exit")).open() as run:
            assert [item async for item in run] == [1]


def test_an_unknown_place_to_wait_is_refused() -> None:
    with pytest.raises(ValueError, match='"end" or "exit"'):
        sk.tee(sk.sinks.collect(), wait=cast("Any", "never"))


@pytest.mark.parametrize("on_error", ["raise", "detach"])
async def test_what_except_exception_is_not_to_catch_ends_the_run_though_the_sink_is_detached(
    on_error: Any,
) -> None:
    class TestIsOver(BaseException):  # as the exceptions by which test runners fail or skip a test
        pass

    over = TestIsOver()

    async def ends(item: int) -> None:
        raise over

    with pytest.raises(TestIsOver) as caught:
        await (sk.from_iterable([1, 2]) | sk.tee(ends, on_error=on_error)).run()
    assert caught.value is over
