"""
throttle: spaced out, and of text nothing lost.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import anyio
import pytest
from anthropic.types import RawContentBlockDeltaEvent, RawContentBlockStopEvent, TextDelta as RawTextDelta
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit._operators.time import merged_run
from streamkit.events import ContentBlockDelta, ContentBlockStop, InputJSONDelta, Restarted, TextDelta
from streamkit.testing import marbles, run_virtual
from tests.support.backends import on_both_backends
from tests.support.sources import timed, times

pytestmark = pytest.mark.virtual_time


@dataclass(frozen=True)
class Landmark:
    """
    An item that is structural, as an event without text is.
    """

    type: str = "landmark"


# -- what passes when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "throttled", "settings"),
    [
        pytest.param("a|", "a|", {}, id="one item"),
        pytest.param("|", "|", {}, id="none"),
        pytest.param("#", "#", {}, id="none, failed"),
        pytest.param("abcd-efg-h|", "a---d---g---(h|)", {}, id="both"),
        pytest.param("abcd-efg-h|", "a----e---h|", {"trailing": False}, id="leading"),
        pytest.param("abcd-efg-h|", "----d---g---(h|)", {"leading": False}, id="trailing"),
        pytest.param("a---b---c|", "a---b---c|", {}, id="exactly at the interval"),
        pytest.param("ab------c|", "a---b---c|", {}, id="after a pause the next passes at once"),
        pytest.param("ab-------c-|", "----b--------(c|)", {"leading": False}, id="or waits"),
        pytest.param("ab#", "a-#", {}, id="error"),
        pytest.param("ab------#", "a---b---#", {}, id="error after what was due"),
    ],
)
async def test_of_items_that_replace_one_another(
    source: str, throttled: str, settings: dict[str, bool]
) -> None:
    await marbles.expect(marbles.source(source) | sk.throttle(4, merge="latest", **settings), throttled)


async def test_it_reads_no_item_before_it_is_read() -> None:
    read: list[str] = []
    async with (marbles.source("a|").tap(read.append) | sk.throttle(4, merge="latest")).open():
        await anyio.sleep(10)
    assert read == []


async def test_an_error_drops_what_was_not_due_yet_however_late_the_reader_is() -> None:
    run = (
        timed((0, "a"), (1, "b"), (1, "c"), error=ConnectionError("down")) | sk.throttle(4, merge="latest")
    ).open()
    got: list[str] = []
    with suppress(ConnectionError):
        async with run:
            async for item in run:
                got.append(item)
                await anyio.sleep(10)
    assert got == ["a"]


async def test_what_is_due_stays_due_when_more_comes() -> None:
    stream = timed((0, "x"), (4, "a"), (4, "b"), (20, "c")) | sk.throttle(3, leading=False)
    assert await times(stream, each_takes=7) == [(3, "x"), (10, "ab"), (30, "c")]


async def test_a_function_merges() -> None:
    stream = timed(*((1, n) for n in range(1, 7))) | sk.throttle(2.25, merge=lambda held, item: held + item)
    assert await times(stream) == [(1, 1), (3.25, 2 + 3), (5.5, 4 + 5), (7.75, 6)]


async def test_an_error_in_the_function_is_the_error_of_the_stream() -> None:
    stream = timed((1, 1), (1, 2), (1, "x")) | sk.throttle(9, merge=lambda held, item: held + item)
    got: list[int] = []
    with pytest.raises(TypeError, match="unsupported operand"):
        await (stream | sk.tap(got.append)).run()
    assert got == [1]


# -- text ---------------------------------------------------------------------------------------------------


async def test_text_is_joined() -> None:
    stream = timed(*((1, c) for c in "abcdefgh")) | sk.throttle(3.25)
    assert await times(stream) == [(1, "a"), (4.25, "bcd"), (7.5, "efg"), (8, "h")]


@pytest.mark.parametrize("error", [None, ConnectionError("down")])
async def test_what_is_held_goes_out_before_the_end_and_before_an_error(error: Exception | None) -> None:
    got: list[tuple[float, str]] = []
    start = anyio.current_time()
    run = (timed((1, "a"), (1, "b"), (1, "c"), error=error) | sk.throttle(60)).open()
    with suppress(ConnectionError):
        async with run:
            async for item in run:
                got.append((anyio.current_time() - start, item))
    assert run.outcome.error is error
    assert got == [(1, "a"), (3, "bc")]
    assert run.outcome.kind == ("complete" if error is None else "failed")


async def test_without_trailing_text_waits_for_the_next_piece_and_is_not_dropped() -> None:
    stream = timed((0, "a"), (1, "b"), (5, "c"), (1, "d")) | sk.throttle(3, trailing=False)
    assert await times(stream) == [(0, "a"), (6, "bc"), (7, "d")]


async def test_without_leading_the_first_piece_waits() -> None:
    stream = timed((1, "a"), (1, "b"), (9, "c"), (1, "d")) | sk.throttle(3, leading=False)
    assert await times(stream) == [(4, "ab"), (12, "cd")]


async def test_a_landmark_releases_what_is_held_and_passes_at_once() -> None:
    stream = timed((0, "a"), (1, "b"), (1, Landmark()), (0, Landmark("second")), (0, "c")) | sk.throttle(60)
    assert await times(stream) == [(0, "a"), (2, "b"), (2, Landmark()), (2, Landmark("second")), (2, "c")]


async def test_after_a_landmark_text_is_spaced_out_again() -> None:
    stream = timed((0, "a"), (1, "b"), (1, Landmark()), (1, "c"), (1, "d"), (9, "e")) | sk.throttle(5)
    assert await times(stream) == [(0, "a"), (2, "b"), (2, Landmark()), (7, "cd"), (13, "e")]


async def test_where_the_stream_starts_over_is_a_landmark() -> None:
    restarted = Restarted(2, ConnectionError())
    stream = timed((0, "a"), (1, "b"), (1, restarted), (1, "c")) | sk.throttle(60)
    assert await times(stream) == [(0, "a"), (2, "b"), (2, restarted), (3, "c")]


def a_delta(text: str, index: int = 0) -> ContentBlockDelta:
    return ContentBlockDelta(index, TextDelta(text))


async def test_deltas_of_one_block_are_joined_and_no_others() -> None:
    stop = ContentBlockStop(0)
    json = ContentBlockDelta(1, InputJSONDelta("{"))
    deltas = [a_delta("a"), a_delta("b"), a_delta("c"), json, stop, a_delta("d"), a_delta("e", 1)]
    stream = timed(*((1, each) for each in deltas)) | sk.throttle(60)
    wanted = [
        (1, a_delta("a")),
        (4, a_delta("bc")),
        (5, json),
        (5, stop),
        (7, a_delta("d")),
        (7, a_delta("e", 1)),
    ]
    assert await times(stream) == wanted


class Said(NamedTuple):
    who: str
    words: str


async def test_a_pair_of_a_class_of_its_own_stays_one() -> None:
    said = [Said("ann", "a "), Said("ann", "b "), Said("ann", "c"), Said("bob", "d")]
    first, joined, last = await (sk.from_iterable(said) | sk.throttle(60)).collect()
    assert (first, joined.words, last) == (said[0], "b c", said[3])


async def test_pairs_of_one_name_are_joined_and_no_others() -> None:
    pairs: list[tuple[str, object]] = [
        ("t", "a"),
        ("t", "b"),
        ("t", "c"),
        ("u", "d"),
        ("u", "e"),
        ("n", 5),
        ("t", "f"),
    ]
    stream = timed(*((1, each) for each in pairs)) | sk.throttle(60)
    assert await times(stream) == [
        (1, ("t", "a")),
        (4, ("t", "bc")),
        (6, ("u", "de")),
        (6, ("n", 5)),
        (7, ("t", "f")),
    ]


@pytest.mark.parametrize("item", [1, 2.5, None, ["a"], (1, "a"), ("a", "b", "c"), b"bytes"], ids=repr)
async def test_for_other_items_it_wants_to_know_how_they_merge(item: object) -> None:
    got: list[object] = []
    with pytest.raises(
        TypeError, match=rf"items of type {type(item).__name__}: give merge=fn.*merge=\"latest\""
    ):
        await (timed((0, "text"), (0, item)) | sk.throttle(1) | sk.tap(got.append)).run()
    assert got == ["text"]


# -- nothing is lost, under any timing ----------------------------------------------------------------------

pieces = st.one_of(
    st.text("ab", max_size=2),
    st.tuples(st.sampled_from("xy"), st.text("cd", max_size=2)),
    st.builds(a_delta, st.text("ef", max_size=2), st.integers(0, 1)),
    st.builds(Landmark, st.sampled_from(["one", "two"])),
)
delays = st.sampled_from([0, 0, 0.5, 1, 2, 3, 7])
schedules = st.lists(st.tuples(delays, pieces), max_size=25)
edges = st.sampled_from([(True, True), (True, False), (False, True)])


def joined(items: list[Any]) -> list[Any]:
    """
    The items with everything joined that can be.
    """
    whole: list[Any] = []
    for item in items:
        match whole[-1] if whole else None, item:
            case str(a), str(b):
                whole[-1] = a + b
            case (str(name), str(a)), (str(other), str(b)) if name == other:
                whole[-1] = (name, a + b)
            case (
                ContentBlockDelta(index=i, delta=TextDelta(text=a)),
                ContentBlockDelta(index=j, delta=TextDelta(text=b)),
            ) if i == j:
                whole[-1] = a_delta(a + b, i)
            case _:
                whole.append(item)
    return whole


@on_both_backends
@given(schedules, edges, delays, st.booleans())
def test_whatever_the_timing_nothing_is_lost_and_nothing_changes_its_place(
    backend: str, schedule: list[tuple[float, Any]], edge: tuple[bool, bool], each_takes: float, fails: bool
) -> None:
    leading, trailing = edge
    error = ConnectionError("down") if fails else None
    stream = timed(*schedule, error=error) | sk.throttle(2, leading=leading, trailing=trailing)
    got: list[Any] = []

    async def read() -> None:
        run = stream.open()
        with suppress(ConnectionError):
            async with run:
                async for item in run:
                    got.append(item)
                    await anyio.sleep(each_takes)
        assert run.outcome.error is error

    run_virtual(read, backend=backend)
    assert joined(got) == joined([item for _, item in schedule])


@on_both_backends
@given(st.lists(st.tuples(delays, st.integers()), max_size=25), edges, delays)
def test_whatever_the_timing_the_items_keep_their_distance(
    backend: str, schedule: list[tuple[float, int]], edge: tuple[bool, bool], each_takes: float
) -> None:
    leading, trailing = edge
    stream = timed(*schedule) | sk.throttle(2, leading=leading, trailing=trailing, merge="latest")

    async def read() -> list[tuple[float, int]]:
        return await times(stream, each_takes=each_takes)

    got = run_virtual(read, backend=backend)
    moments = [moment for moment, _ in got]
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(moments))
    given_items = iter([item for _, item in schedule])
    assert all(any(item == each for each in given_items) for _, item in got), "in order, each at most once"
    if schedule and leading:
        assert got[0][1] == schedule[0][1]
    if schedule and trailing:
        assert got[-1][1] == schedule[-1][1]


# -- backpressure -------------------------------------------------------------------------------------------


def endless(item: Callable[[int], object], every: float) -> tuple[list[int], sk.Stream[Any]]:
    pulled: list[int] = []

    async def give() -> AsyncIterator[object]:
        while True:
            await anyio.sleep(every)
            pulled.append(len(pulled))
            yield item(len(pulled))

    return pulled, sk.from_iterable(give)


@pytest.mark.parametrize("merge", [None, "latest"])
async def test_it_stops_reading_once_what_is_due_has_not_been_taken(merge: Any) -> None:
    pulled, source = endless(str, 1)
    async with (source | sk.throttle(3.5, merge=merge)).open() as run:
        assert await anext(run) == "1"
        await anyio.sleep(1000)  # the next is due after 3.5 seconds, while the fifth is being waited for
        assert len(pulled) == 5
        assert await anext(run) == ("2345" if merge is None else "5")
        await anyio.sleep(1000)
        assert len(pulled) == 9


async def test_it_stops_reading_once_a_landmark_has_not_been_taken() -> None:
    pulled, source = endless(lambda _: Landmark(), 1)
    async with (source | sk.throttle(5)).open() as run:
        await anext(run)
        await anyio.sleep(1000)
        assert len(pulled) == 2


async def test_a_ready_source_does_not_keep_it_from_emitting() -> None:
    pulled, source = endless(str, 0)
    async with (source | sk.throttle(1, merge="latest")).open() as run:
        assert await anext(run) == "1"
    assert len(pulled) < 10


# -- ends ---------------------------------------------------------------------------------------------------


async def test_a_break_drops_what_is_held_and_closes_the_source() -> None:
    closed: list[float] = []

    async def numbers() -> AsyncIterator[str]:
        try:
            while True:
                yield "a"
                await anyio.sleep(1)
        finally:
            closed.append(anyio.current_time())

    async with (sk.from_iterable(numbers) | sk.throttle(10)).open() as run:
        async for _ in run:
            await anyio.sleep(3)
            break
    assert closed == [3]
    assert run.outcome.stopped_by == "consumer"


async def test_two_in_a_row() -> None:
    stream = timed(*((1, c) for c in "abcdefgh")) | sk.throttle(2) | sk.throttle(3)
    got = await times(stream)
    assert "".join(text for _, text in got) == "abcdefgh"


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        ((0,), {}, ValueError, "above 0, not 0"),
        ((-1,), {}, ValueError, "above 0, not -1"),
        ((float("inf"),), {}, ValueError, "above 0, not inf"),
        ((float("nan"),), {}, ValueError, "above 0, not nan"),
        (("1",), {}, TypeError, "seconds, not '1'"),
        ((True,), {}, TypeError, "seconds, not True"),
        ((1,), {"leading": False, "trailing": False}, ValueError, "would never emit"),
        ((1,), {"merge": "newest"}, TypeError, "not 'newest'"),
        ((1,), {"merge": 3}, TypeError, "not 3"),
    ],
)
def test_junk_is_refused_at_once(args: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sk.throttle(*args, **kwargs)


def test_a_coroutine_function_cannot_merge() -> None:
    async def merge(held: Any, item: Any) -> Any: ...

    with pytest.raises(TypeError, match="merge=merge without awaiting it"):
        sk.throttle(1, merge=merge)


# -- the SDK's own events ------------------------------------------------------------------------------------


def raw(index: int, text: str) -> RawContentBlockDeltaEvent:
    return RawContentBlockDeltaEvent(
        type="content_block_delta", index=index, delta=RawTextDelta(type="text_delta", text=text)
    )


async def test_the_sdks_raw_events_join_as_ours_do() -> None:
    stop = RawContentBlockStopEvent(type="content_block_stop", index=0)
    stream = timed((0, raw(0, "a")), (1, raw(0, "b")), (1, raw(0, "c")), (1, raw(1, "d")), (1, stop))
    got = await times(stream | sk.throttle(10))
    assert got == [(0, raw(0, "a")), (3, raw(0, "bc")), (4, raw(1, "d")), (4, stop)]


def test_what_is_held_is_joined_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def copied(pieces: int) -> int:
        copies = 0

        def counting(first: str, second: str) -> str:
            nonlocal copies
            copies += len(first) + len(second)
            return first + second

        monkeypatch.setattr(merged_run, "merged", counting)
        stream = sk.from_iterable(["x"] * pieces) | sk.throttle(100)
        assert sum(map(len, run_virtual(stream.collect))) == pieces
        return copies

    assert copied(16_000) < 12 * copied(2_000)
