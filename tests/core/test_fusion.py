"""
Fusion: a fused pipeline does what its stages would do one after another.

The reference is the plainest one there is: a generator for each stage, each reading the one before it.
"""

from __future__ import annotations

import linecache
import textwrap
import traceback
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

import streamkit as sk
from streamkit._core.runtime import loop_writer
from streamkit._core.runtime.fusion import PushLoop, loop_groups
from streamkit._core.runtime.loop_spec import shape_of
from streamkit._core.runtime.loop_writer import compiled, source_of
from streamkit._core.source import Opened, Source
from streamkit._core.stage import PureStage
from tests.support.work import TWICE, counting

if TYPE_CHECKING:
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import LoopSpec

# -- stages, each with its reference ------------------------------------------------------------------------


class Sums(sk.Transducer[int, int]):
    """
    The sum of every `n` items, and of what is left at the end.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.items: list[int] = []

    def feed(self, item: int) -> Iterable[int]:
        self.items.append(item)
        if len(self.items) == self.n:
            yield sum(self.items)
            self.items.clear()

    def flush(self) -> Iterable[int]:
        if self.items:
            yield sum(self.items)


class Until(sk.Transducer[int, int]):
    """
    Each item twice, up to the first above a limit, then a last word.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def feed(self, item: int) -> Iterable[int]:
        self.done = item > self.limit
        return (item, -item)

    def flush(self) -> Iterable[int]:
        return (99, 98)


def ref_sums(items: Iterator[int], n: int) -> Iterator[int]:
    held: list[int] = []
    for item in items:
        held.append(item)
        if len(held) == n:
            yield sum(held)
            held.clear()
    if held:
        yield sum(held)


def ref_until(items: Iterator[int], limit: int) -> Iterator[int]:
    for item in items:
        yield item
        yield -item
        if item > limit:
            break
    yield from (99, 98)


def ref_take(items: Iterator[int], n: int) -> Iterator[int]:
    for _ in range(n):
        try:
            yield next(items)
        except StopIteration:
            return


def ref_skip(items: Iterator[int], n: int) -> Iterator[int]:
    for number, item in enumerate(items):
        if number >= n:
            yield item


def ref_take_while(items: Iterator[int], limit: int, inclusive: bool) -> Iterator[int]:
    for item in items:
        if item >= limit:
            if inclusive:
                yield item
            return
        yield item


def ref_flat_map(items: Iterator[int], n: int) -> Iterator[int]:
    for item in items:
        yield from repeated(item, n)


def ref_scan(items: Iterator[int], start: int) -> Iterator[int]:
    for item in items:
        start += item
        yield start


def repeated(item: int, n: int) -> Iterator[int]:
    for k in range((item + n) % 4):
        yield item + k


def odd_half(item: int) -> int | None:
    return item // 2 if item % 2 else None


@dataclass(frozen=True)
class Step:
    name: str
    operator: sk.Operator[Any, Any]
    reference: Callable[[Iterator[int]], Iterator[int]]

    def __repr__(self) -> str:
        return repr(self.operator)


def a_map(n: int) -> Step:
    def more(x: int) -> int:
        return x + n

    return Step("map", sk.map(more), lambda items: map(more, items))


def a_filter(n: int) -> Step:
    def keep(x: int) -> int:
        return (x + n) % 3

    return Step("filter", sk.filter(keep), lambda items: filter(keep, items))


def a_take_while(n: int, inclusive: bool) -> Step:
    operator = sk.take_while(n.__gt__, inclusive=inclusive)
    return Step("take_while", operator, lambda items: ref_take_while(items, n, inclusive))


def a_flat_map(n: int) -> Step:
    def several(x: int) -> Iterator[int]:
        return repeated(x, n)

    return Step("flat_map", sk.flat_map(several), lambda items: ref_flat_map(items, n))


def a_scan(n: int) -> Step:
    return Step("scan", sk.scan(plus, n), lambda items: ref_scan(items, n))


def plus(a: int, b: int) -> int:
    return a + b


small = st.integers(0, 6)
steps = st.one_of(
    small.map(a_map),
    small.map(a_filter),
    small.map(a_flat_map),
    small.map(a_scan),
    st.builds(a_take_while, st.integers(-3, 30), st.booleans()),
    small.map(lambda n: Step("take", sk.take(n), lambda items: ref_take(items, n))),
    small.map(lambda n: Step("skip", sk.skip(n), lambda items: ref_skip(items, n))),
    st.integers(1, 4).map(lambda n: Step("Sums", Sums(n), lambda items: ref_sums(items, n))),
    st.integers(-3, 30).map(lambda n: Step("Until", Until(n), lambda items: ref_until(items, n))),
    st.just(Step("tap", sk.tap(hash), lambda items: items)),
    st.just(
        Step(
            "filter_map",
            sk.filter_map(odd_half),
            lambda items: (y for x in items if (y := odd_half(x)) is not None),
        )
    ),
)
pipelines = st.lists(steps, min_size=1, max_size=6)
inputs = st.lists(st.integers(-3, 9), max_size=30)


# -- ways to run them ---------------------------------------------------------------------------------------


class Given:
    """
    The input, which counts how far it was read.
    """

    def __init__(self, items: Sequence[int]) -> None:
        self.items = items
        self.read = 0

    def plain(self) -> Iterator[int]:
        for item in self.items:
            self.read += 1
            yield item

    async def slow(self) -> AsyncIterator[int]:
        for item in self.items:
            self.read += 1
            yield item

    async def in_lists(self) -> AsyncIterator[list[int]]:
        for start in range(0, len(self.items), 3):
            self.read += len(self.items[start : start + 3])
            yield list(self.items[start : start + 3])


class InLists(Source):
    def __init__(self, given: Given) -> None:
        self.given = given

    def open(self, context: Context) -> Opened:
        return Opened("batched", self.given.in_lists())


async def unfused(items: AsyncIterable[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


def fused(pipeline: Sequence[Step]) -> sk.Operator[Any, Any]:
    operator = pipeline[0].operator
    for step in pipeline[1:]:
        operator = operator | step.operator
    return operator


def expected(pipeline: Sequence[Step], given: Given, limit: int | None) -> list[int]:
    items = given.plain()
    for step in pipeline:
        items = step.reference(items)
    if limit is None:
        return list(items)
    return [item for _, item in zip(range(limit), items, strict=False)]


async def drained(stream: sk.Stream[Any], limit: int | None) -> list[Any]:
    async with stream.open() as run:
        if limit is None:
            return [item async for item in run]
        got: list[Any] = []
        while len(got) < limit:
            try:
                got.append(await anext(run))
            except StopAsyncIteration:
                break
        return got


AFTER_DONE = [
    Step("Until", Until(0), lambda items: ref_until(items, 0)),
    a_flat_map(1),
    a_flat_map(1),
]
"""The last word of a stage that has ended the stream, on its way through two stages that make several of one."""

law = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
limits = st.none() | st.integers(0, 5)


@law
@given(pipelines, inputs, limits)
@example([Step("take", sk.take(0), lambda items: ref_take(items, 0))], [1], None)
@example(AFTER_DONE, [1], None)
async def test_a_fused_pipeline_does_what_its_stages_do(
    pipeline: list[Step], items: list[int], limit: int | None
) -> None:
    reference = Given(items)
    wanted = expected(pipeline, reference, limit)
    operator = fused(pipeline)
    for way in ("plain", "slow"):
        source = Given(items)
        assert await drained(sk.from_iterable(getattr(source, way)) | operator, limit) == wanted
        assert source.read == reference.read, "it reads no more and no less than it needs"
    stream: sk.Stream[Any] = sk.Stream(InLists(Given(items)))
    assert await drained(stream | operator, limit) == wanted


@law
@given(pipelines, inputs)
@example(AFTER_DONE, [1])
async def test_it_makes_no_difference_what_is_fused(pipeline: list[Step], items: list[int]) -> None:
    stream: sk.Stream[Any] = sk.from_iterable(items)
    for step in pipeline:
        stream = stream | step.operator | unfused
    assert await drained(stream, None) == await drained(sk.from_iterable(items) | fused(pipeline), None)


@law
@given(pipelines, inputs, limits)
@example(AFTER_DONE, [1], None)
def test_over_does_the_same(pipeline: list[Step], items: list[int], limit: int | None) -> None:
    reference, source = Given(items), Given(items)
    wanted = expected(pipeline, reference, limit)
    iterator = fused(pipeline).over(source.plain())
    got = list(iterator) if limit is None else [item for _, item in zip(range(limit), iterator, strict=False)]
    assert got == wanted
    assert source.read == reference.read


@law
@given(pipelines, inputs)
@example(AFTER_DONE, [1])
def test_a_loop_that_is_given_its_items_does_the_same(pipeline: list[Step], items: list[int]) -> None:
    loop = PushLoop(specs_of(fused(pipeline)))
    got: list[int] = []
    for item in items:
        if loop.done:
            break
        got += loop.feed(item)
    got += loop.flush()
    assert got == expected(pipeline, Given(items), None)


def specs_of(operator: sk.Operator[Any, Any]) -> list[LoopSpec]:
    return [stage.spec(None) for stage in operator.stages if isinstance(stage, PureStage)]


# -- what else the loop promises ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Restart:
    __restart__ = True


@law
@given(st.lists(st.integers(0, 5) | st.just(Restart()), max_size=20))
async def test_a_restart_resets_every_stage_and_comes_through(items: list[Any]) -> None:
    operator: Any = sk.batch(2) | sk.batch(2)
    got = await drained(sk.from_iterable(items) | operator, None)
    parts: list[list[Any]] = [[]]
    for item in items:
        if isinstance(item, Restart):
            parts.append([])
        else:
            parts[-1].append(item)
    last = await drained(sk.from_iterable(parts[-1]) | operator, None)
    restarts = [n for n, item in enumerate(got) if isinstance(item, Restart)]
    assert len(restarts) == len(parts) - 1
    assert got[restarts[-1] + 1 :] == last if restarts else got == last
    assert list(operator.over(items)) == got


async def test_a_traceback_shows_the_loop() -> None:
    def fails(item: object) -> int:
        raise LookupError(item)

    with pytest.raises(LookupError) as caught:
        await (sk.from_iterable([1]) | sk.skip(0) | sk.map(fails)).collect()
    with pytest.raises(LookupError):  # the same stages by name, but one of them flushes
        await (sk.from_iterable([1]) | sk.batch(1) | sk.map(fails)).collect()
    frames = traceback.extract_tb(caught.value.__traceback__)
    [loop] = [frame for frame in frames if "streamkit loop" in frame.filename]
    assert "loop over plain items: skip | map" in loop.filename
    assert loop.line == "item = map(item)"
    assert linecache.getline(loop.filename, 1).startswith("async def loop(")


class Pairs(sk.Transducer[str, tuple[str, ...]]):
    def __init__(self) -> None:
        self.held: tuple[str, ...] = ()

    def feed(self, item: str) -> Iterable[tuple[str, ...]]:
        self.held += (item,)
        return self.flush() if len(self.held) == 2 else ()

    def flush(self) -> Iterable[tuple[str, ...]]:
        held, self.held = self.held, ()
        return (held,) if held else ()


def test_a_loop_reads_as_its_docstring_shows_it() -> None:
    stages = specs_of(sk.map(str.upper) | sk.filter(str.isalpha) | Pairs())
    written = source_of("async", shape_of(stages, restarts=False))
    assert textwrap.indent(written, "    ") in (loop_writer.__doc__ or "")


WHERE_IT_MAY_START_OVER = """\
def loop(stages, failure):
    map = stages[0].call
    flat_map = stages[1].call
    tap = stages[2].call
    batch = stages[3].call
    batch_start_over = stages[3].start_over
    batch_owner = stages[3].owner
    batch_flush = stages[3].flush
    batch_rescue = stages[3].rescue
    map_2 = stages[4].call
    ended_by = -1
    next_rescue = 3
    try:
        if batch_owner.done:
            ended_by = 3
        if ended_by < 0:
            while (item := (yield MORE)) is not END:
                if not (type(item) not in ordinary and is_restart(item)):
                    item = map(item)
                for item in (item,) if type(item) not in ordinary and is_restart(item) else flat_map(item):
                    if not (type(item) not in ordinary and is_restart(item)):
                        tap(item)
                    next_rescue = 5
                    for item in batch_start_over(item) if type(item) not in ordinary and is_restart(item) else batch(item):
                        if not (type(item) not in ordinary and is_restart(item)):
                            item = map_2(item)
                        yield item
                    next_rescue = 3
                    if batch_owner.done:
                        ended_by = 3
                        break
                if ended_by > 1:
                    break
    except Exception as error:
        failure.append(error)
        ended_by = next_rescue
    if ended_by <= 3:
        for item in batch_rescue() if failure else batch_flush():
            if not (type(item) not in ordinary and is_restart(item)):
                item = map_2(item)
            yield item
    if failure and failure[-1] is not None:
        raise failure.pop()
"""


def test_a_loop_that_is_given_its_items_reads_so() -> None:
    stages = specs_of(sk.map(str).flat_map(list).tap(repr) | sk.batch(2) | sk.map(len))
    assert source_of("push", shape_of(stages, restarts=True)) == WHERE_IT_MAY_START_OVER


@pytest.mark.parametrize(
    "name", ["item", "source", "map", "Map", "lambda", "a name", "größe", "items", "END"]
)
def test_a_stage_may_have_any_name(name: str) -> None:
    def stage() -> PureStage:
        return PureStage(name, type("Any", (Sums,), {}), (2,), {})

    twice: sk.Operator[int, int] = sk.Operator((stage(), stage()))
    assert list(twice.map(abs).over([1, 2, 3, -4, -5])) == [2, 5]


async def test_the_loop_for_one_shape_is_compiled_once() -> None:
    stream = sk.from_iterable([1]) | sk.map(str) | sk.take(1) | sk.skip(0)
    await stream.collect()
    misses = compiled.cache_info().misses
    for _ in range(3):
        await stream.collect()
        await (sk.from_iterable([1]) | sk.map(repr) | sk.take(3) | sk.skip(2)).collect()
    assert compiled.cache_info().misses == misses


@pytest.mark.parametrize("length", [12, 13, 60])
async def test_a_pipeline_may_be_as_long_as_one_likes(length: int) -> None:
    operator = sk.take(9)
    for _ in range(length - 1):
        operator = operator | sk.skip(1)
    items = range(length + 20)
    wanted = list(items)[length - 1 : 9]
    assert await (sk.from_iterable(items) | operator).collect() == list(operator.over(items)) == wanted
    assert [item for _, item in sk.split(a=operator).over(items)] == wanted
    whole = operator | Sums(2)
    async with (sk.from_iterable(items) | whole).open() as run:
        assert [item async for item in run] == list(whole.over(items))
    assert run.outcome.stopped_by == "take"


@pytest.mark.parametrize(
    "stage",
    [sk.map(str), sk.filter(bool), sk.take(5), sk.scan(max, 0), sk.validate(), sk.until("x"), Sums(2)],
    ids=repr,
)
def test_a_long_pipeline_is_written_at_a_cost_that_grows_with_its_length(
    stage: sk.Operator[Any, Any],
) -> None:
    (made,) = stage.stages
    assert isinstance(made, PureStage)

    def write(length: int) -> tuple[int, int]:
        specs = [made.spec(None) for _ in range(length)]
        with counting() as counted:
            loops = [source_of("async", shape_of(group, restarts=False)) for group in loop_groups(specs)]
        return counted[0], sum(map(len, loops))

    for short, long in zip(write(500), write(1_000), strict=True):
        assert long <= TWICE * short


def test_the_name_of_a_long_loop_has_bounds() -> None:
    long = sk.map(str)
    for _ in range(100):
        long = long | sk.map(str)
    shape = shape_of(
        [stage.spec(None) for stage in long.stages if isinstance(stage, PureStage)], restarts=False
    )
    name = compiled("over", shape).__code__.co_filename
    assert name.endswith(" | map | … 101 stages>")
    assert len(name) < 250


async def test_an_iterable_of_flat_map_is_read_no_further_than_asked() -> None:
    read: list[int] = []

    def many(item: int) -> Iterator[int]:
        for n in range(100):
            read.append(n)
            yield n

    assert await (sk.from_iterable([0]).flat_map(many) | sk.take(2)).collect() == [0, 1]
    assert read == [0, 1]
