"""
An error in a pipeline: the items before it are the same wherever the pipeline stands, in the main chain, in `split` or before a
sink of `tee`.

What a stage behind the failing one holds comes before the error, and what one before it holds does not. Any stages are drawn,
with the error at any of them, at any item, in the middle of an item's outputs or at the end of the stream.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import pytest
from anyio import sleep
from hypothesis import example, given, settings, strategies as st

import streamkit as sk
from streamkit.testing import run_virtual
from tests.support.backends import on_both_backends
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

WORDS = ["one. ", "two", " three\n", "fou", "r.", " five ", "x", "six\n"]

Pipeline = sk.Operator[Any, Any]
Way = Literal["an item", "an output", "the end"]


class FailureHereError(Exception):
    """
    What a stage fails with.
    """


class Fails(sk.Transducer[Any, Any]):
    """
    Hands items on, each in two parts, and fails: at its `at`th item, behind the first part of it, or at the end.
    """

    def __init__(self, way: Way, at: int) -> None:
        self.way = way
        self.at = at
        self.numbers = count()

    def feed(self, item: Any) -> Iterable[Any]:
        is_due = next(self.numbers) == self.at
        if is_due and self.way == "an item":
            raise FailureHereError
        yield item
        if is_due and self.way == "an output":
            raise FailureHereError
        yield item[:1]

    def flush(self) -> Iterable[Any]:
        if self.way == "the end":
            raise FailureHereError
        return ()


class Holds(sk.Transducer[str, str]):
    """
    Joins items in pairs. Whether an item alone comes before an error is said by its class, and it may fail at saying it.
    """

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.held = ""

    def feed(self, item: str) -> Iterable[str]:
        self.held, joined = ("", self.held + item) if self.held else (item, "")
        return (joined,) if joined else ()

    def flush(self) -> Iterable[str]:
        if self.held and self.fails:
            raise FailureHereError
        return (self.held,) if self.held else ()


class HoldsNothingBack(Holds):
    flushes_on_error = True


def failing_map(at: int) -> Pipeline:
    """
    A plain function that fails at its `at`th call, counted in each run anew.
    """

    class FailsPlainly(Fails):
        def feed(self, item: Any) -> Iterable[Any]:
            if next(self.numbers) == self.at:
                raise FailureHereError
            return (item,)

    return FailsPlainly("an item", at)


def doubled(item: str) -> str:
    return item * 2


def before_six(piece: str) -> bool:
    return "six" not in piece


def joined(pieces: list[str]) -> str:
    return "".join(pieces)


small = st.integers(0, 4)
failing = st.one_of(
    st.builds(Fails, st.sampled_from(["an item", "an output"]), small),
    st.just(Fails("the end", 0)),
    small.map(failing_map),
    st.just(HoldsNothingBack(fails=True)),
    st.just(Holds(fails=True)),
)
pure = st.one_of(
    st.just(sk.map(doubled)),
    st.just(sk.filter(str.strip)),
    st.just(sk.flat_map(str.split)),
    st.just(sk.tap(hash)),
    st.integers(1, 5).map(lambda n: sk.batch(n) | sk.map(joined)),
    st.sampled_from(["word", "sentence", "line", "grapheme"]).map(sk.recut),
    st.sampled_from(["fou", "fours", "ee\nfour. f"]).map(sk.until),
    st.integers(1, 9).map(sk.take),
    st.integers(0, 2).map(sk.skip),
    st.just(sk.take_while(before_six)),
    st.just(Holds()),
    st.just(HoldsNothingBack()),
)
# An item comes at each whole second, and nothing else happens then, so that what is due does not depend on who is asked first.
# For the same reason a pipeline has one of these at most.
timed = st.one_of(
    st.integers(1, 3).map(sk.buffer),
    st.integers(2, 4).map(lambda n: sk.batch(n, within=2.3) | sk.map(joined)),
    st.just(sk.throttle(1.7)),
    st.just(sk.debounce(1.3)),
    st.just(sk.recut("word") | sk.throttle(0.4)),
)


def composed(parts: Sequence[Pipeline]) -> Pipeline:
    pipeline = parts[0]
    for part in parts[1:]:
        pipeline = pipeline | part
    return pipeline


def with_failure(parts: st.SearchStrategy[Pipeline]) -> st.SearchStrategy[Pipeline]:
    """
    Pipelines in which one or two stages fail, if they are asked.
    """
    some = st.lists(parts, max_size=3)
    one = st.lists(failing, min_size=1, max_size=1)
    return st.tuples(some, one, some, st.lists(failing, max_size=1), some).map(
        lambda groups: composed([part for group in groups for part in group])
    )


async def words() -> AsyncIterator[str]:
    for word in WORDS:
        await sleep(1)
        yield word


async def cut_words() -> AsyncIterator[str]:
    for word in WORDS:
        await sleep(1)
        yield word
    raise FailureHereError


async def seen(stream: sk.Stream[Any]) -> tuple[list[Any], bool]:
    """
    The items that came, and whether the stream has failed.
    """
    items: list[Any] = []
    try:
        async with stream.open() as run:
            async for item in run:
                items.append(item)
    except FailureHereError:
        return items, True
    return items, False


def of(name: str, seen_pairs: tuple[list[Any], bool]) -> tuple[list[Any], bool]:
    pairs, failed = seen_pairs
    return [value for key, value in pairs if key == name], failed


async def beside(source: sk.Stream[Any], pipeline: Pipeline) -> tuple[list[Any], bool]:
    """
    What a sink of `tee` gets through the pipeline.
    """
    items: list[Any] = []

    async def keep(item: Any) -> None:
        items.append(item)

    _, failed = await seen(source | sk.tee(pipeline | sk.sinks.call(keep)))
    return items, failed


def everywhere(
    source: Callable[[], AsyncIterator[str]], pipeline: Pipeline, backend: str, *, is_pure: bool
) -> None:
    """
    Check that the pipeline gives the same in all places.
    """

    async def check() -> None:
        stream = sk.from_iterable(source)
        expected = await seen(stream | pipeline)
        assert of("a", await seen(stream | sk.split(ordered=False, a=pipeline))) == expected
        items, failed = await beside(stream, pipeline)
        assert items == expected[0]
        assert failed == expected[1] or source is cut_words  # the main stream reads all of it
        if is_pure:
            items, failed = of("a", await seen(stream | sk.split(a=pipeline)))
            assert items == expected[0]
            # An error of upstream is that of all pipelines, even where one has enough with its last words.
            assert failed == expected[1] or source is cut_words
            behind = await seen(stream | sk.split(b=sk.take(2), a=pipeline) | sk.batch(100))
            assert [value for pairs in behind[0] for key, value in pairs if key == "a"] == items
            assert behind[1] == failed

    run_virtual(check, backend=backend)


@on_both_backends
@pytest.mark.parametrize("source", [words, cut_words])
@settings(max_examples=examples(pr=60, full=600))
@given(pipeline=with_failure(pure))
@example(pipeline=failing_map(3) | sk.batch(10) | sk.map(joined))
@example(pipeline=sk.batch(2) | sk.map(joined) | failing_map(1) | sk.batch(2) | sk.map(joined) | sk.batch(3))
@example(pipeline=HoldsNothingBack(fails=True) | sk.batch(10) | sk.map(joined))
@example(pipeline=composed([sk.take(99)] * 12) | failing_map(3) | sk.batch(10))
@example(pipeline=composed([failing_map(3), *[sk.take(99)] * 12, sk.batch(10)]))
@example(pipeline=composed([sk.take(99), failing_map(3), *[HoldsNothingBack()] * 14]))
def test_the_items_before_an_error_are_the_same_in_every_place(
    source: Callable[[], AsyncIterator[str]], pipeline: Pipeline, backend: str
) -> None:
    everywhere(source, pipeline, backend, is_pure=True)


@on_both_backends
@pytest.mark.parametrize("source", [words, cut_words])
@settings(max_examples=examples(pr=30, full=300))
@given(
    pipeline=st.one_of(
        st.tuples(with_failure(pure), timed),
        st.tuples(timed, with_failure(pure)),
        st.tuples(with_failure(pure), timed, with_failure(pure)),
    ).map(composed)
)
@example(pipeline=failing_map(3) | sk.batch(10, within=20) | sk.map(joined))
@example(pipeline=failing_map(3) | sk.throttle(20))
def test_so_are_they_where_stages_have_tasks_and_times(
    source: Callable[[], AsyncIterator[str]], pipeline: Pipeline, backend: str
) -> None:
    everywhere(source, pipeline, backend, is_pure=False)


def test_what_a_pipeline_of_split_holds_behind_the_error() -> None:
    def reciprocal(number: int) -> int:
        return 12 // (3 - number)

    got: list[tuple[str, list[int]]] = []
    with pytest.raises(ZeroDivisionError) as caught:
        got.extend(sk.split(a=sk.map(reciprocal) | sk.batch(10)).over(range(9)))
    assert got == [("a", [4, 6, 12])]
    assert caught.traceback[-1].name == "reciprocal"


def test_what_it_holds_before_the_error_is_not_said() -> None:
    def reciprocal(pair: list[int]) -> int:
        return 6 // (4 - sum(pair))

    got: list[tuple[str, int]] = []
    with pytest.raises(ZeroDivisionError):
        got.extend(sk.split(a=sk.batch(2) | sk.map(reciprocal)).over([1, 2, 2, 2, 9]))
    assert got == [("a", 6)]


async def test_an_error_that_is_behind_all_that_a_stage_wants_does_not_concern_it() -> None:
    enough = sk.batch(10) | sk.take(1)
    async with (sk.from_iterable(range(3)) | failing_numbers() | enough).open() as run:
        assert [item async for item in run] == [[0, 1]]
    assert run.outcome.stopped_by == "take"
    assert list((failing_numbers() | enough).over(range(3))) == [[0, 1]]
    assert list(sk.split(a=failing_numbers() | enough).over(range(3))) == [("a", [0, 1])]
    with pytest.raises(FailureHereError):
        list(sk.split(a=failing_numbers() | sk.batch(1) | sk.take(9)).over(range(3)))


def failing_numbers() -> sk.Operator[int, int]:
    def below_two(number: int) -> int:
        if number == 2:
            raise FailureHereError
        return number

    return sk.map(below_two)
