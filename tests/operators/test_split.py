"""
Split: one stream through several pipelines, in order or as they are ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import pytest
from anyio import Event as Signal, create_task_group, fail_after, move_on_after, sleep, sleep_forever
from anyio.lowlevel import checkpoint
from hypothesis import given, strategies as st

from streamkit import batch, flat_map, map, scan, tap  # noqa: A004 -- the field's names
from streamkit._claude.operators.meter import meter
from streamkit._claude.operators.text import text
from streamkit._claude.operators.thinking import thinking
from streamkit._claude.operators.tool_calls import tool_calls
from streamkit._claude.operators.validate import validate
from streamkit._claude.protocol.errors import StreamTruncated, ToolInputError
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.decorators import operator
from streamkit._core.from_iterable import from_iterable
from streamkit._operators.select import filter, skip, take, take_while  # noqa: A004 -- the field's names
from streamkit._operators.split import split
from streamkit._operators.tee import tee
from streamkit._operators.text.until import until
from streamkit.events import AnyEvent, Event
from streamkit.testing import reply, text as text_block, thinking as thinking_block, tool_use
from tests.support.claude import RESTARTED
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from streamkit._claude.protocol.tool_call import ToolCall
    from streamkit._core.runtime.run import Run


EVENTS: list[Event] = EventDecoder().feed(
    reply(
        thinking_block("Hm."), text_block("Hel", "lo"), tool_use("look", {"a": 1}, id="t1"), text_block("!")
    ).body
)
Numbers = Operator[int, Any]


def double(n: int) -> int:
    return 2 * n


class Count(Transducer[object, int]):
    """
    How many items there were, said at the end.
    """

    def __init__(self) -> None:
        self.count = 0

    def feed(self, item: object) -> Iterable[int]:
        self.count += 1
        return ()

    def flush(self) -> Iterable[int]:
        return (self.count,)

    def reset(self) -> None:
        self.count = 0


async def drained(run: Run[Any]) -> None:
    async with run:
        async for _ in run:
            pass


async def first(run: Run[Any]) -> Any:
    async with run:
        return await anext(aiter(run))


@operator
async def slowly(items: AsyncIterator[Any], seconds: float) -> AsyncIterator[Any]:
    async for item in items:
        await sleep(seconds)
        yield item


# -- in order --


def test_pairs_come_in_the_order_of_the_stream() -> None:
    pairs = [*split(text=text(), calls=tool_calls(), thinking=thinking()).over(EVENTS)]
    assert [(name, getattr(value, "name", value)) for name, value in pairs] == [
        ("thinking", "Hm."),
        ("text", "Hel"),
        ("text", "lo"),
        ("calls", "look"),
        ("text", "!"),
    ]


def test_for_one_item_in_the_order_in_which_they_are_given() -> None:
    twice: Numbers = flat_map(lambda n: [n, n])
    assert list(split(b=twice, a=map(double)).over([1, 2])) == [
        *[("b", 1), ("b", 1), ("a", 2)],
        *[("b", 2), ("b", 2), ("a", 4)],
    ]


def test_the_ends_of_the_pipelines_come_at_the_end() -> None:
    assert list(split(lists=batch(2), count=Count()).over("abc")) == [
        ("lists", ["a", "b"]),
        ("lists", ["c"]),
        ("count", 3),
    ]


def test_a_pipeline_that_has_ended_says_its_last_and_the_others_go_on() -> None:
    made = split(two=take(2) | Count(), all=map(double))
    assert list(made.over([1, 2, 3])) == [("all", 2), ("two", 2), ("all", 4), ("all", 6)]


def test_when_all_have_ended_upstream_is_left() -> None:
    read: list[int] = []
    assert list((tap(read.append) | split(one=take(1), three=take(3))).over(range(9))) == [
        *[("one", 0), ("three", 0)],
        *[("three", 1), ("three", 2)],
    ]
    assert read == [0, 1, 2]


def test_pipelines_that_take_nothing() -> None:
    read: list[int] = []
    assert list((tap(read.append) | split(none=take(0) | Count())).over(range(9))) == [("none", 0)]
    assert read == []
    assert list(split(none=take(0) | Count(), all=map(double)).over([1])) == [("all", 2), ("none", 0)]


def test_it_can_be_used_again() -> None:
    made = split(running=scan(lambda total, n: total + n, 0), first=take(1))
    wanted = [("running", 1), ("first", 1), ("running", 3)]
    assert list(made.over([1, 2])) == list(made.over([1, 2])) == wanted


def test_a_stage_that_only_looks_on_learns_of_a_restart_too() -> None:
    begun = [*EVENTS[:4], RESTARTED, *EVENTS]
    assert list(validate().over(begun)) == begun
    assert [event for _, event in split(checked=validate()).over(begun)] == begun


def test_each_pipeline_learns_of_a_restart_in_its_own_way() -> None:
    events = [*EVENTS[:7], RESTARTED, *EVENTS]
    made = split(text=text(restarts=True), thinking=thinking(), count=Count(), pairs=batch(100))
    pairs = list(made.over(events))
    assert [value for name, value in pairs if name == "text"] == ["Hel", RESTARTED, "Hel", "lo", "!"]
    assert [value for name, value in pairs if name == "thinking"] == ["Hm.", "Hm."]
    assert [value for name, value in pairs if name == "count"] == [RESTARTED, len(EVENTS)]
    assert [value for name, value in pairs if name == "pairs"] == [RESTARTED, EVENTS]


def test_a_lazy_pipeline_stays_lazy() -> None:
    def endless(n: int) -> Iterable[int]:
        while True:
            yield n
            n += 1

    made = split(some=flat_map(endless) | take(3), all=map(double))
    assert list(made.over([1, 2])) == [("some", 1), ("some", 2), ("some", 3), ("all", 2), ("all", 4)]


def test_operators_of_every_form() -> None:
    made = split(valid=validate(), timed=meter() | text(), text=text())
    pairs = list(made.over(EVENTS))
    assert [value for name, value in pairs if name == "valid"] == EVENTS
    assert [value for name, value in pairs if name == "timed"] == ["Hel", "lo", "!"]
    assert [value for name, value in pairs if name == "text"] == ["Hel", "lo", "!"]


def test_what_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    split(a=batch(3), b=text()).explain()
    split(ordered=False, a=batch(3) | slowly(1), b=text()).explain()
    ordered, unordered = capsys.readouterr().out.splitlines()
    assert "pure" in ordered
    assert ordered.endswith("holds 3 items + half a character")
    assert "concurrent" in unordered
    assert unordered.endswith("holds 64 items + 3 items + what its function keeps + half a character")


def test_splits_in_splits() -> None:
    inner = split(n=map(double), count=Count())
    assert list(split(a=inner, b=take(1)).over([1])) == [("a", ("n", 2)), ("b", 1), ("a", ("count", 1))]


def test_a_failing_pipeline_fails_all() -> None:
    events = EventDecoder().feed(reply(text_block("a"), tool_use("look", "[]"), text_block("b")).body)
    seen: list[Any] = []
    with pytest.raises(ToolInputError):
        seen.extend(split(text=text(), calls=tool_calls()).over(events))
    assert seen == [("text", "a")]


def stages() -> st.SearchStrategy[Numbers]:
    """
    One stage, of any form, or two.
    """

    def small(n: int) -> bool:
        return n < 12

    def thrice(n: int) -> list[int]:
        return [n, n, n]

    def turned(items: list[int]) -> list[int]:
        return items[::-1]

    made: list[Numbers] = [
        map(double),
        filter(small),
        tap(str),
        flat_map(thrice),
        take(0),
        take(1),
        take(4),
        skip(2),
        take_while(small),
        take_while(small, inclusive=True),
        scan(max, 3),
        batch(2) | flat_map(turned),
        Count(),
        Count() | flat_map(thrice),
    ]
    return st.sampled_from(made)


def joined(parts: list[Numbers]) -> Numbers:
    made = parts[0]
    for part in parts[1:]:
        made = made | part
    return made


def pipelines() -> st.SearchStrategy[Numbers]:
    return st.lists(stages(), min_size=1, max_size=4).map(joined)


@given(st.lists(pipelines(), min_size=1, max_size=4), st.lists(st.integers(0, 20), max_size=12))
def test_each_pipeline_gives_what_it_gives_alone(made: list[Numbers], items: list[int]) -> None:
    named = {f"p{number}": pipeline for number, pipeline in enumerate(made)}
    pairs = list(split(ordered=True, **named).over(items))
    for name, pipeline in named.items():
        assert [value for owner, value in pairs if owner == name] == list(pipeline.over(items))


@given(st.lists(stages(), min_size=2, max_size=5), st.lists(st.integers(0, 20), max_size=12))
def test_no_pipeline_reads_further_than_alone(parts: list[Numbers], items: list[int]) -> None:
    alone: list[int] = []
    among: list[int] = []
    list(joined([tap(alone.append), *parts]).over(items))
    list(split(only=joined([tap(among.append), *parts])).over(items))
    assert among == alone


async def test_the_outcome_of_a_run_whose_pipelines_have_ended() -> None:
    made = split(a=text() | until("lo"), b=text() | take(1))
    async with (from_iterable(EVENTS) | made).open() as run:
        assert [pair async for pair in run] == [("a", "He"), ("b", "Hel"), ("a", "l")]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "split")


# -- as they are ready --


async def test_each_pipeline_keeps_its_own_order() -> None:
    made = split(ordered=False, text=text() | slowly(0), calls=tool_calls(), count=Count())
    async with (from_iterable(EVENTS) | made).open() as run:
        pairs = [pair async for pair in run]
    assert [value for name, value in pairs if name == "text"] == ["Hel", "lo", "!"]
    assert [value.name for name, value in pairs if name == "calls"] == ["look"]
    assert [value for name, value in pairs if name == "count"] == [len(EVENTS)]
    assert run.outcome.kind == "complete"


@pytest.mark.virtual_time
async def test_a_slow_pipeline_does_not_hold_the_others_up() -> None:
    made = split(ordered=False, slow=slowly(1.0), fast=map(double))
    async with (from_iterable(range(5)) | made).open() as run:
        pairs = [pair async for pair in run]
    assert [name for name, _ in pairs] == ["fast"] * 5 + ["slow"] * 5


async def test_nothing_is_read_before_it_is_asked_for() -> None:
    read: list[int] = []
    made = tap(read.append) | split(ordered=False, all=map(double))
    async with (from_iterable(range(9)) | made).open():
        await checkpoint()
        await checkpoint()
    assert read == []


async def test_a_stuck_consumer_or_pipeline_stops_the_reading_at_the_bound() -> None:
    @operator
    async def stuck(items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            yield item
            await sleep_forever()

    read: list[int] = []

    async def source() -> AsyncIterator[int]:
        for n in range(10_000):
            read.append(n)
            yield n
            await checkpoint()

    for made in (split(ordered=False, a=stuck(), b=map(double)), split(ordered=False, a=map(double))):
        read.clear()
        async with (from_iterable(source) | made).open() as run:
            async for _ in run:
                for _ in range(1000):
                    await checkpoint()
                break
        assert 0 < len(read) <= 2 * 16 + 3


async def test_an_upstream_error_comes_after_everything_before_it() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise StreamTruncated

    seen: list[Any] = []
    made = split(ordered=False, slow=slowly(0.01), fast=map(double), count=Count())
    run = (from_iterable(source) | made | tap(seen.append)).open()
    with pytest.raises(StreamTruncated):
        await drained(run)
    assert sorted(seen) == [("fast", 2), ("fast", 4), ("slow", 1), ("slow", 2)]
    assert run.outcome.kind == "truncated"


async def test_a_pipelines_own_error_stops_the_others() -> None:
    closed: list[str] = []

    @operator
    async def waiting(items: AsyncIterator[int]) -> AsyncIterator[int]:
        try:
            async for item in items:
                await sleep_forever()
                yield item
        finally:
            closed.append("waiting")

    async def source() -> AsyncIterator[int]:
        try:
            for n in range(9):
                yield n
        finally:
            closed.append("source")

    def fail(n: int) -> int:
        if n == 2:
            raise RuntimeError("two is too many")
        return n

    seen: list[Any] = []
    made = split(ordered=False, a=map(fail), b=waiting())
    run = (from_iterable(source) | made | tap(seen.append)).open()
    with patience(), pytest.raises(RuntimeError, match="two is too many"):
        await drained(run)
    assert seen == [("a", 0), ("a", 1)]
    assert sorted(closed) == ["source", "waiting"]
    assert isinstance(run.outcome.error, RuntimeError)


async def test_leaving_closes_every_pipeline_and_then_upstream_once() -> None:
    closed: list[str] = []

    @operator
    async def watched(items: AsyncIterator[int], name: str) -> AsyncIterator[int]:
        try:
            async for item in items:
                yield item
        finally:
            closed.append(name)

    async def source() -> AsyncIterator[int]:
        try:
            n = 0
            while True:
                yield n
                n += 1
                await checkpoint()
        finally:
            closed.append("source")

    made = split(ordered=False, a=watched("a"), b=watched("b"))
    async with (from_iterable(source) | made).open() as run:
        async for _ in run:
            break
        assert closed == []
    assert sorted(closed) == ["a", "b", "source"]
    assert closed[-1] == "source"
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")


async def test_a_pipeline_may_end_early_and_all_of_them_end_the_run() -> None:
    async def source() -> AsyncIterator[int]:
        n = 0
        while True:
            yield n
            n += 1
            await checkpoint()

    made = split(ordered=False, one=take(1), three=take(3) | slowly(0))
    with patience():
        async with (from_iterable(source) | made).open() as run:
            pairs = [pair async for pair in run]
    assert sorted(pairs) == [("one", 0), ("three", 0), ("three", 1), ("three", 2)]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "split")


async def test_one_pipeline_that_ends_early_is_not_the_end_of_the_run() -> None:
    made = split(ordered=False, one=take(1), all=map(double))
    async with (from_iterable(range(40)) | made).open() as run:
        pairs = [pair async for pair in run]
    assert len(pairs) == 41
    assert (run.outcome.kind, run.outcome.stopped_by) == ("complete", None)


async def test_restarts_reach_each_pipeline() -> None:
    events = [*EVENTS[:7], RESTARTED, *EVENTS]
    made = split(ordered=False, text=text(restarts=True), count=Count())
    async with (from_iterable(events) | made).open() as run:
        pairs = [pair async for pair in run]
    assert [value for name, value in pairs if name == "text"] == ["Hel", RESTARTED, "Hel", "lo", "!"]
    assert [value for name, value in pairs if name == "count"] == [RESTARTED, len(EVENTS)]


async def test_a_pipeline_that_fails_while_it_is_closed() -> None:
    @operator
    async def untidy(items: AsyncIterator[int]) -> AsyncIterator[int]:
        try:
            async for item in items:
                yield item
        finally:
            raise RuntimeError("could not save")

    async def source() -> AsyncIterator[int]:
        yield 1
        await sleep_forever()

    run = (from_iterable(source) | split(ordered=False, a=untidy())).open()
    with patience(), pytest.raises(RuntimeError, match="could not save"):
        await first(run)
    assert isinstance(run.outcome.error, RuntimeError)


@pytest.mark.virtual_time
async def test_a_cancellation_while_a_pipeline_is_behind() -> None:
    seen: list[Any] = []
    made = split(ordered=False, fast=map(double), stuck=slowly(3600))
    run = (from_iterable([1]) | made | tap(seen.append)).open()
    with fail_after(5), move_on_after(0.05) as scope:
        await drained(run)
    assert scope.cancelled_caught
    assert seen == [("fast", 2)]
    assert run.outcome.kind == "cancelled"


async def test_concurrent_operators_in_its_pipelines() -> None:
    seen: list[int] = []

    async def see(item: int) -> None:
        seen.append(item)

    made = split(ordered=False, seen=tee(see), all=map(double))
    async with (from_iterable(range(30)) | made).open() as run:
        pairs = [pair async for pair in run]
    assert seen == [*range(30)]
    assert len(pairs) == 60


@pytest.mark.virtual_time
async def test_an_outer_cancellation_comes_out_as_itself() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        await sleep_forever()

    seen: list[Any] = []
    made = split(ordered=False, a=map(double), count=Count())
    run = (from_iterable(source) | made | tap(seen.append)).open()
    with fail_after(5), move_on_after(0.05) as scope:
        await drained(run)
    assert scope.cancelled_caught
    assert seen == [("a", 2)]
    assert run.outcome.kind == "cancelled"


async def test_a_run_that_is_cancelled_from_another_task() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        await sleep_forever()

    started = Signal()
    made = split(ordered=False, a=map(double)).tap(lambda _: started.set())
    run = (from_iterable(source) | made).open()

    async def cancel() -> None:
        await started.wait()
        run.cancel("enough")

    with patience():
        async with create_task_group() as tasks:
            tasks.start_soon(cancel)
            await drained(run)
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "cancel: enough")


async def test_unordered_it_needs_a_run() -> None:
    with pytest.raises(TypeError, match=r"open\(\)"):
        async for _ in from_iterable([1]) | split(ordered=False, a=map(double)):
            pass


# -- arguments --


def test_what_is_no_pipeline_is_refused() -> None:
    with pytest.raises(TypeError, match="at least one pipeline"):
        split()
    with pytest.raises(TypeError, match=r"for b=, such as text\(\), not 3"):
        split(a=text(), b=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_in_order_all_must_be_pure() -> None:
    with pytest.raises(TypeError, match=r"slowly\(seconds=1\) of b= is async: use split\(ordered=False"):
        split(a=text(), b=text() | slowly(seconds=1))


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_pipeline_may_have_any_name(ordered: bool) -> None:
    names = ("self", "cls", "name", "factory", "args", "kwargs", "operators", "fn")
    made = split(ordered=ordered, **{name: map(double) for name in names})
    async with (from_iterable([1]) | made).open() as run:
        assert sorted([name async for name, _ in run]) == sorted(names)


def test_its_type() -> None:
    assert_type(split(text=text(), thinking=thinking()), Operator[AnyEvent, tuple[str, str]])
    mixed: Operator[Event, tuple[str, str | ToolCall]] = split(text=text(), calls=tool_calls())
    assert repr(mixed).startswith("split(text=")
