"""
repr and explain: a pipeline tells what it is.
"""

from __future__ import annotations

import functools
import io
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from operator import add
from typing import Any

import anyio
import pytest

import streamkit as sk
from streamkit._core.naming import free_name
from streamkit.events import Restarted
from streamkit.sinks import call, collect, join, jsonl


@sk.operator
async def shout(items: AsyncIterator[str], mark: str = "!") -> AsyncIterator[str]:
    async for item in items:
        yield item + mark


@sk.source
async def ticks(n: int, *, step: int = 1) -> AsyncIterator[int]:
    for tick in range(0, n, step):
        yield tick


@sk.source(task=True, buffer=4)
async def tocks() -> AsyncIterator[int]:
    yield 1


@sk.sink
async def count(items: AsyncIterator[object], least: int = 0) -> int:
    return len([item async for item in items])


async def plain(items: AsyncIterable[str]) -> AsyncIterator[str]:
    async for item in items:
        yield item


async def save(item: object) -> None: ...


async def again(outcome: sk.Outcome) -> None: ...


class Pairs(sk.Transducer[Any, tuple[Any, Any]]):
    def __init__(self, filler: object = None) -> None:
        self.waiting: list[Any] = []

    def feed(self, item: Any) -> Iterable[tuple[Any, Any]]:
        return ()


@pytest.mark.parametrize(
    ("pipeline", "text"),
    [
        (sk.from_iterable(list[int]()), "from_iterable([])"),
        (sk.from_iterable([1, 2]), "from_iterable([…])"),
        (sk.from_iterable("what somebody said"), "from_iterable('…')"),
        (sk.from_iterable(range(2)), "from_iterable(<range>)"),
        (sk.from_iterable(io.StringIO()), "from_iterable(<StringIO>)"),
        (sk.from_iterable(iter([])), "from_iterable(<list_iterator>)"),
        (sk.from_iterable(dict[str, int]), "from_iterable(dict)"),
        (ticks(3), "ticks(3)"),
        (ticks(n=3, step=2), "ticks(n=3, step=2)"),
        (ticks(3) | sk.take(1), "ticks(3) | take(1)"),
        (sk.take(1) | sk.skip(2), "take(1) | skip(2)"),
        (sk.take_while(bool, inclusive=True), "take_while(bool, inclusive=True)"),
        (sk.map(str).map(lambda x: x), "map(str) | map(lambda)"),
        (sk.map(functools.partial(add, 1)), "map(add)"),
        (sk.scan(add, 0), "scan(add, 0)"),
        (sk.scan(add, "x" * 50), f"scan(add, '{'x' * 40}'…)"),
        (sk.scan(add, {"a": 1}), "scan(add, […])"),
        (shout(), "shout()"),
        (shout(mark="?"), "shout(mark='?')"),
        (sk.take(1) | plain | shout("."), "take(1) | plain | shout('.')"),
        (Pairs(), "Pairs()"),
        (Pairs(filler=0) | sk.batch(2), "Pairs(filler=0) | batch(2)"),
        (ticks(1) | sk.throttle(0.5), "ticks(1) | throttle(0.5)"),
        (sk.throttle(0.1, leading=False, merge="latest"), "throttle(0.1, leading=False, merge='latest')"),
        (sk.throttle(0.1, merge=max), "throttle(0.1, merge=max)"),
        (sk.tee(save), "tee(save)"),
        (sk.branch(save, on_error="detach"), "branch(save, on_error='detach')"),
        (count(), "count()"),
        (count(2).then(str), "count(2).then(str)"),
        (sk.take(1) | collect().then(len), "take(1) | collect().then(len)"),
        (ticks(1) | sk.take(1) | jsonl("run.jsonl"), "ticks(1) | take(1) | jsonl('run.jsonl')"),
        (ticks(1) | call(save), "ticks(1) | call(save)"),
        (sk.follow(ticks(1) | sk.take(1), again), "follow(ticks(1) | take(1), again)"),
    ],
    ids=str,
)
def test_repr_reads_like_the_source(pipeline: object, text: str) -> None:
    assert repr(pipeline) == text


def test_the_repr_of_an_adopted_async_iterable() -> None:
    assert repr(sk.take(1)(plain(ticks(1)))) == "from_iterable(<async_generator>) | take(1)"  # type: ignore[arg-type]  # pyright: ignore


@pytest.mark.parametrize(
    ("pipeline", "text"),
    [
        (sk.tee(collect(), join(", ")), "tee(collect(), join(', '))"),
        (sk.tee(sk.branch(collect(), name="all", buffer=2)), "tee(branch(collect(), name='all', buffer=2))"),
        (sk.tee(sk.take(1) | collect()), "tee(take(1) | collect())"),
    ],
)
def test_repr_of_what_stands_in_another_call(pipeline: object, text: str) -> None:
    assert repr(pipeline) == text


def test_repr_of_whole_seconds() -> None:
    assert repr(sk.throttle(1)) == "throttle(1)"


def test_a_tee_says_what_differs_from_its_defaults() -> None:
    text = "tee(collect(), buffer=2, overflow='latest', on_error='detach')"
    assert repr(sk.tee(collect(), buffer=2, overflow="latest", on_error="detach")) == text


def test_outcomes_and_runs_are_readable() -> None:
    outcome = sk.Outcome()
    assert repr(outcome) == "Outcome(kind='running')"
    outcome.stop("take")
    outcome.complete()
    assert repr(outcome) == "Outcome(kind='stopped', stopped_by='take')"
    outcome.fail(ValueError("secret"))
    assert repr(outcome) == "Outcome(kind='failed', error=ValueError)"


@pytest.mark.virtual_time
async def test_a_run_shows_its_stream_how_it_ended_and_how_long_it_took() -> None:
    said = sk.from_iterable("what was said").map(str.upper)
    assert repr(said.open()) == "<Run of from_iterable('…') | map(upper): Outcome(kind='running')>"
    run = (sk.from_iterable([1, 2]) | sk.map_async(anyio.sleep) | sk.take(2)).open()
    async with run:
        async for _ in run:
            pass
    ended = "Outcome(kind='stopped', stopped_by='take')"
    assert repr(run) == f"<Run of from_iterable([…]) | map_async(sleep) | take(2): {ended}, seconds=3.0>"
    async with (sk.from_iterable([1]) | collect()).open() as job:
        await job
    assert repr(job) == "<JobRun of from_iterable([…]): Outcome(kind='complete'), seconds=0.0>"


class UnshowableError(Exception):
    """
    Its `repr` and its `str` fail.
    """

    def __repr__(self) -> str:
        raise LookupError

    __str__ = __repr__


def test_what_holds_an_error_can_be_shown_whatever_the_error_does() -> None:
    error = UnshowableError()
    outcome = sk.Outcome()
    outcome.fail(error)
    report = sk.Report()
    report.sinks["broken"] = sk.SinkReport(error=error)
    held = [outcome, report, sk.Attempt(1, error=error), sk.Failed(1, error), Restarted(2, error)]
    assert all("UnshowableError" in repr(each) for each in held)
    assert "a secret" not in repr([sk.SinkReport(error=ValueError("a secret"))])


def test_an_outcome_can_be_shown_where_a_source_cannot_tell_of_itself() -> None:
    class Broken:
        @staticmethod
        def fact(name: str, records: object) -> object:
            raise AttributeError(name)

        @staticmethod
        def loggable(records: object) -> dict[str, object]:
            raise LookupError

    outcome = sk.Outcome()
    outcome.contribute(Broken())
    assert repr(outcome) == "Outcome(kind='running')"


# -- explain ------------------------------------------------------------------------------------------------


def explained(pipeline: sk.Stream[Any] | sk.Operator[Any, Any], capsys: pytest.CaptureFixture[str]) -> str:
    pipeline.explain()
    return "\n" + capsys.readouterr().out


EXPLAINED = """
  ticks(9)         source      holds what its function keeps
┌ map(str)         pure        holds nothing
│ batch(2)         pure        holds 2 items
│ skip(1)          pure        holds nothing
└ map(repr)        pure        holds nothing
  shout()          async       holds what its function keeps
  take(1)          pure        holds nothing
  tee(save, save)  concurrent  holds 64 + 64 items
"""

OPERATOR_EXPLAINED = """
  throttle(0.5)  concurrent  holds what arrives within one interval, merged
  plain          async       holds what it keeps
┌ Pairs()        pure        holds what it keeps
└ map(repr)      pure        holds nothing
"""

SOURCE_EXPLAINED = """
  tocks()  concurrent source  holds 4 items
"""


def test_explain_shows_kind_and_bound_and_what_is_fused(capsys: pytest.CaptureFixture[str]) -> None:
    fused = ticks(9) | sk.map(str) | sk.batch(2) | sk.skip(1) | sk.map(repr)
    assert explained(fused | shout() | sk.take(1) | sk.tee(save, save), capsys) == EXPLAINED


def test_explain_of_an_operator_and_of_a_concurrent_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(sk.throttle(0.5) | plain | Pairs() | sk.map(repr), capsys) == OPERATOR_EXPLAINED
    assert explained(tocks(), capsys) == SOURCE_EXPLAINED


def test_explain_of_bounds_that_a_branch_sets(capsys: pytest.CaptureFixture[str]) -> None:
    operator = sk.tee(sk.branch(collect(), buffer=5), sk.branch(collect(), overflow="latest"), buffer=8)
    assert explained(operator, capsys).rstrip().endswith("concurrent  holds 5 + 1 items")


def test_a_name_that_is_taken_gets_a_number_however_many_there_are() -> None:
    taken: dict[str, None] = {}
    looks = 0

    class Counted(dict[str, None]):
        def __contains__(self, name: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__contains__(name)

    taken = Counted()
    for _ in range(1_000):
        taken[free_name("sink", taken)] = None
    assert list(taken)[:3] == ["sink", "sink-2", "sink-3"]
    assert list(taken)[-1] == "sink-1000"
    assert looks < 30 * len(taken)
