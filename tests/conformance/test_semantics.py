"""
The semantics that stream libraries agree on, case by case, in virtual time on both backends.

The cases are restated from the behaviour of Web Streams, Pekko, fs2 and RxJS 7; their numbers are the project's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import marbles
from tests.support.profiles import examples
from tests.support.sources import Watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.virtual_time


@sk.sink
async def stuck(items: AsyncIterator[object]) -> None:
    await anyio.sleep_forever()


def closing_stage(name: str, log: list[str]) -> sk.Same:
    @sk.passthrough
    async def stage(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for item in items:
                yield item
        finally:
            log.append(name)

    return stage()


# -- fan out ------------------------------------------------------------------------------------------------


@pytest.mark.case(1)
async def test_draining_one_branch_leaves_the_other_whole() -> None:
    async with (Watched().stream() | sk.tee(sk.sinks.collect())).open() as run:
        assert [item async for item in run] == list(range(10))
    assert run.report.sinks["collect"].result == list(range(10))


@pytest.mark.case(2)
async def test_a_source_error_reaches_every_branch_and_never_a_clean_end() -> None:
    failure = ValueError("the source broke")
    ends: list[BaseException | None] = []

    @sk.sink
    async def witness(items: AsyncIterator[int]) -> None:
        try:
            async for _ in items:
                pass
        except ValueError as error:
            ends.append(error)
            raise
        ends.append(None)

    run = (Watched(error=failure).stream() | sk.tee(witness(), witness())).open()
    with pytest.raises(ValueError, match="the source broke") as caught:
        async with run:
            async for _ in run:
                pass
    assert caught.value is failure
    assert ends == [failure, failure]
    assert run.outcome.kind == "failed"
    assert run.outcome.error is failure


@pytest.mark.case(3)
async def test_a_sink_that_returns_early_leaves_the_others_going() -> None:
    @sk.sink
    async def first_only(items: AsyncIterator[int]) -> int:
        return await anext(items)

    async with (Watched(100).stream() | sk.tee(first_only(), sk.sinks.collect(), buffer=2)).open() as run:
        assert len([item async for item in run]) == 100
    assert run.report.sinks["first_only"].result == 0
    assert run.report.sinks["collect"].result == list(range(100))


@pytest.mark.case(4)
async def test_with_a_stuck_sink_tee_waits_for_room_before_it_pulls() -> None:
    source = Watched()
    seen: list[int] = []
    with anyio.move_on_after(10):
        async with (source.stream() | sk.tee(stuck(), buffer=1)).open(close_timeout=1) as run:
            async for item in run:
                seen.append(item)
    assert seen == [0]
    assert source.pulled == 1


@pytest.mark.case(5)
async def test_a_detached_sinks_failure_changes_nothing_for_the_rest() -> None:
    async def failing(item: int) -> None:
        raise OSError("the disk is full")

    tee = sk.tee(sk.branch(failing, on_error="detach"), sk.sinks.collect())
    async with (Watched().stream() | tee).open() as run:
        assert [item async for item in run] == list(range(10))
    assert run.outcome.kind == "complete"
    assert isinstance(run.report.sinks["failing"].error, OSError)
    assert run.report.sinks["collect"].result == list(range(10))


@pytest.mark.case(5)
async def test_a_raising_sink_ends_the_run_with_its_own_error() -> None:
    async def failing(item: int) -> None:
        raise OSError("the disk is full")

    source = Watched(1_000_000)
    run = (source.stream() | sk.tee(failing)).open()
    with pytest.raises(OSError, match="the disk is full"):
        async with run:
            async for _ in run:
                pass
    assert run.outcome.kind == "failed"
    assert source.closed == 1
    assert source.pulled < 1000


@pytest.mark.case(6)
async def test_a_sink_still_draining_at_the_end_is_awaited() -> None:
    @sk.sink
    async def slow(items: AsyncIterator[int]) -> int:
        count = 0
        async for _ in items:
            await anyio.sleep(3600)  # longer than any close timeout: the stream has ended by itself
            count += 1
        return count

    async with (Watched(5).stream() | sk.tee(slow())).open() as run:
        async for _ in run:
            pass
    assert run.report.sinks["slow"].result == 5


@pytest.mark.case(7)
async def test_block_stops_the_pull_at_the_bound_and_latest_never_does() -> None:
    blocked, free = Watched(1000), Watched(1000)
    for source, overflow in ((blocked, "block"), (free, "latest")):
        tee = sk.tee(sk.branch(stuck(), buffer=8, overflow=overflow, on_error="detach"))  # type: ignore[arg-type]
        with anyio.move_on_after(10):
            async with (source.stream() | tee).open(close_timeout=1) as run:
                async for _ in run:
                    pass
    assert blocked.pulled == 8
    assert free.pulled == 1000


# -- lazy and closing ---------------------------------------------------------------------------------------

LAZY: dict[str, Callable[[], sk.Same]] = {
    "pure": lambda: sk.take(5),
    "tee": lambda: sk.tee(sk.sinks.collect()),
    "throttle": lambda: sk.throttle(1, merge="latest"),
}


@pytest.mark.case(8)
@pytest.mark.parametrize("name", LAZY)
async def test_no_pull_before_the_first_read(name: str) -> None:
    source = Watched()
    async with (source.stream() | LAZY[name]()).open():
        await anyio.sleep(10)
    assert source.pulled == 0


OPENS = examples(pr=1_000, full=10_000)


class LeftByError(Exception):
    """
    What the body raises.
    """


@pytest.mark.case(9)
@pytest.mark.parametrize("how", ["break", "raise", "return", "end"])
async def test_each_way_out_closes_every_stage_once_downstream_first(how: str) -> None:
    log: list[str] = []
    source = Watched(3)
    stream = source.stream() | closing_stage("upper", log) | sk.map(str) | closing_stage("lower", log)

    async def read() -> None:
        async with stream.open() as run:
            async for _ in run:
                if how == "break":
                    break
                if how == "raise":
                    raise LeftByError
                if how == "return":
                    return

    if how == "raise":
        with pytest.raises(LeftByError):
            await read()
    else:
        await read()
    assert sorted(log) == ["lower", "upper"]
    assert source.closed == 1
    if how != "end":  # at the natural end each stage has ended before the one that reads it
        assert log == ["lower", "upper"]


@pytest.mark.case(10)
async def test_closing_awaits_the_sources_own_cleanup() -> None:
    source = Watched(closing_takes=3)
    async with source.stream().open() as run:
        async for _ in run:
            break
        began = anyio.current_time()
    assert source.closed == 1
    assert anyio.current_time() == began + 3


# -- throttle -----------------------------------------------------------------------------------------------


@pytest.mark.case(11)
async def test_a_throttle_with_leading_items_only() -> None:
    stream = marbles.source("-a-x-y----b---x-cx---|") | sk.throttle(5, merge="latest", trailing=False)
    await marbles.expect(stream, "-a--------b-----c----|")


@pytest.mark.case(12)
async def test_a_throttle_with_leading_and_trailing_items() -> None:
    stream = marbles.source("-a-xy-----b--x--cxxx--|") | sk.throttle(4, merge="latest")
    await marbles.expect(stream, "-a---y----b---x---x---(x|)")


@pytest.mark.case(12)
async def test_a_throttle_with_trailing_items_only() -> None:
    stream = marbles.source("-a-xy-----b--x--cxxx--|") | sk.throttle(4, merge="latest", leading=False)
    await marbles.expect(stream, "-----y--------x---x---(x|)")


@pytest.mark.case(12)
async def test_what_an_explicit_merge_holds_keeps_its_distance_at_the_end() -> None:
    await marbles.expect(marbles.source("-a-xy|") | sk.throttle(4, merge="latest"), "-a---(y|)")


@pytest.mark.case(13)
async def test_an_item_exactly_at_the_interval_passes() -> None:
    stream = marbles.source("a---b---c|") | sk.throttle(4, merge="latest", trailing=False)
    await marbles.expect(stream, "a---b---c|")


@pytest.mark.case(14)
async def test_an_explicit_merge_drops_what_is_pending_at_an_error() -> None:
    await marbles.expect(marbles.source("a-b-#") | sk.throttle(8, merge="latest"), "a---#")


@pytest.mark.case(14)
async def test_a_completion_does_not_drop_it() -> None:
    await marbles.expect(marbles.source("a-b-|") | sk.throttle(8, merge="latest"), "a-------(b|)")


@pytest.mark.case(14)
@pytest.mark.parametrize(("end", "kind"), [("#", "fail"), ("|", "complete")])
async def test_the_default_merge_flushes_before_both(end: str, kind: str) -> None:
    got = await marbles.record(marbles.source(f"a-b-c{end}") | sk.throttle(60))
    assert [(emission.tick, emission.value) for emission in got.emissions if emission.kind == "item"] == [
        (0, "a"),
        (5, "bc"),
    ]
    assert got.emissions[-1].kind == kind


@pytest.mark.case(15)
async def test_of_text_nothing_is_lost() -> None:
    text = "the quick brown fox jumps over the lazy dog"

    async def pieces() -> AsyncIterator[str]:
        for number, piece in enumerate(text):
            await anyio.sleep(number % 5)
            yield piece

    for leading, trailing in ((True, True), (True, False), (False, True)):
        stream = sk.from_iterable(pieces) | sk.throttle(3, leading=leading, trailing=trailing)
        assert await (stream | sk.sinks.join()) == text


# -- task hygiene -------------------------------------------------------------------------------------------


@pytest.mark.case(33)
async def test_after_a_break_a_siblings_error_cancels_nothing_here() -> None:
    async def sibling() -> None:
        await anyio.sleep(5)
        raise OSError("elsewhere")

    went_on = False
    with pytest.raises(ExceptionGroup):
        async with anyio.create_task_group() as group:
            group.start_soon(sibling)
            async with (Watched().stream() | sk.throttle(1, merge="latest")).open() as run:
                async for _ in run:
                    break
            for _ in range(4):
                await anyio.sleep(1)
            went_on = True
            await anyio.sleep_forever()
    assert went_on


@pytest.mark.case(34)
async def test_an_outer_deadline_around_the_body_comes_out_as_itself() -> None:
    stream = Watched(every=1).stream() | sk.tee(sk.sinks.collect()) | sk.throttle(2, merge="latest")
    async with stream.open() as run:
        with anyio.move_on_after(2) as inner:
            await anyio.sleep(10)
        assert inner.cancelled_caught
    with anyio.move_on_after(2) as outer:
        async with stream.open() as run:
            async for _ in run:
                await anyio.sleep(10)
    assert outer.cancelled_caught
    assert run.outcome.kind == "cancelled"


@pytest.mark.case(35)
async def test_cancel_from_another_task_is_safe() -> None:
    async def cancel_later(run: sk.Run[int]) -> None:
        await anyio.sleep(2)
        run.cancel("enough")
        run.cancel("again")

    source = Watched(1_000_000, every=0.5)
    reached = False
    run = (source.stream() | sk.throttle(1, merge="latest")).open()
    async with anyio.create_task_group() as group:
        async with run:
            group.start_soon(cancel_later, run)
            async for _ in run:
                pass
        reached = True
    assert reached
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "cancel: enough")
    assert source.closed == 1


@pytest.mark.case(36)
async def test_thousands_of_opens_and_cancels_leave_nothing() -> None:
    source = Watched(3)
    stream = source.stream() | sk.tee(sk.sinks.collect()) | sk.throttle(1, merge="latest")
    before = len(anyio.get_running_tasks())
    async with anyio.create_task_group() as group:
        for number in range(OPENS):
            async with stream.open() as run:
                if number % 2:
                    async for _ in run:
                        run.cancel("next")
        assert not group.cancel_scope.cancel_called
    assert source.closed == OPENS // 2
    assert len(anyio.get_running_tasks()) == before


@pytest.mark.case(37)
async def test_an_outer_deadline_ends_a_fused_run_over_an_always_ready_source() -> None:
    def endless() -> Any:
        return iter(int, 1)

    seen = 0
    run = (sk.from_iterable(endless) | sk.map(str)).open()
    with anyio.move_on_after(0) as scope:
        async with run:
            async for _ in run:
                seen += 1
    assert scope.cancelled_caught
    assert run.outcome.kind == "cancelled"
    assert seen <= 64
