"""
smooth: an even pace, a bounded lag, and nothing lost.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
import pytest
from anthropic.types import (
    RawContentBlockDeltaEvent,
    RawContentBlockStopEvent,
    TextDelta as RawTextDelta,
    ThinkingDelta as RawThinkingDelta,
)
from anthropic.types.beta import BetaRawContentBlockDeltaEvent, BetaThinkingDelta
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit._operators.text.piece_schedule import PieceSchedule
from streamkit.events import (
    ContentBlockDelta,
    ContentBlockStop,
    InputJSONDelta,
    Restarted,
    TextDelta,
    ThinkingDelta,
    from_dict,
)
from streamkit.testing import run_virtual
from tests.support.backends import on_both_backends
from tests.support.sources import timed, times

pytestmark = pytest.mark.virtual_time

PLANNED = 7 / 8
"""The part of max_lag that is used: the rest is for timers that fire late."""


def gaps(got: list[tuple[float, Any]]) -> list[float]:
    return [later - earlier for (earlier, _), (later, _) in itertools.pairwise(got)]


# -- the pace -----------------------------------------------------------------------------------------------


async def test_a_burst_is_spread_out_evenly() -> None:
    got = await times(timed((3, "word " * 101), (60, "end")) | sk.smooth(max_lag=8))
    words = got[:101]
    assert [text for _, text in words] == ["word "] * 101
    assert words[0][0] == 3
    assert words[-1][0] == pytest.approx(3 + 8 * PLANNED)
    assert gaps(words) == pytest.approx([8 * PLANNED / 100] * 100)


async def test_after_a_silence_the_first_piece_goes_out_at_once() -> None:
    got = await times(timed((0, "a b c "), (50, "d e f "), (50, "g")) | sk.smooth(max_lag=1))
    assert {0, 50} < {moment for moment, _ in got}


async def test_at_an_even_rate_each_piece_passes_with_the_arrivals() -> None:
    got = await times(timed(*[(0.25, " word")] * 40) | sk.smooth(max_lag=2))
    settled = [each for each in got if 3 < each[0] < 10]
    assert gaps(settled) == [0.25] * (len(settled) - 1)
    # A word is complete when the next one comes, and goes out before the one after that.
    assert len([text for moment, text in got if moment <= 8]) >= 8 / 0.25 - 2


@pytest.mark.parametrize("every", [0.125, 0.25, 0.5])
async def test_chunks_at_an_even_rate_become_an_even_flow_with_the_lag_of_one_chunk(every: float) -> None:
    got = await times(timed(*[(every, "a b c d e ")] * 60) | sk.smooth(max_lag=1))
    settled = [each for each in got if 12 * every < each[0] < 59 * every]
    assert gaps(settled) == pytest.approx([every / 5] * (len(settled) - 1), rel=0.1)
    arrived = len([each for each in got if each[0] <= 40 * every])
    assert arrived >= 5 * 39 - 1


async def test_uneven_arrivals_become_more_even() -> None:
    # What a network does to tokens: chunks of 1 to 7 words, 40 to 200 ms apart.
    sizes, delays = itertools.cycle([3, 1, 7, 2, 5]), itertools.cycle([0.04, 0.2, 0.1, 0.16, 0.06, 0.12])
    schedule = [(next(delays), "word " * next(sizes)) for _ in range(120)]
    got = await times(timed(*schedule) | sk.smooth())
    settled = gaps([each for each in got if 1 < each[0] < 13])
    mean = sum(settled) / len(settled)
    assert max(settled) < 2.5 * mean, "in the arrivals it is 6 times as long"
    assert min(settled) > 0.3 * mean, "in the arrivals it is 0"


async def test_a_stall_shorter_than_the_chunks_before_is_not_seen() -> None:
    chunks = [(0.25, "a b c d e ")] * 12
    got = await times(timed(*chunks, (0.25, "x"), (9, "")) | sk.smooth(max_lag=2))
    assert max(gaps([each for each in got if each[0] <= 13 * 0.25])) < 0.5


# -- the lag ------------------------------------------------------------------------------------------------


async def test_a_backlog_stays_even_when_more_comes() -> None:
    # The second chunk gives time only to itself: what was there before keeps its deadline.
    got = await times(timed((0, "word " * 20), (4, "and "), (60, "")) | sk.smooth(max_lag=8))
    assert got[19][0] <= 8 * PLANNED
    assert min(gaps(got[:20])) > 0.3


async def test_a_word_in_several_chunks_has_the_deadline_of_its_beginning() -> None:
    chunks = [(0, "word " * 20 + "He"), (6.5, "ll"), (0.25, "o you"), (60, "")]
    got = await times(timed(*chunks) | sk.smooth(max_lag=8))
    assert got[20][1] == "Hello "
    assert 6.75 < got[20][0] <= 8 * PLANNED


async def test_an_unfinished_word_goes_out_when_its_lag_is_over() -> None:
    got = await times(timed((1, "Hel"), (2, "lo wor"), (30, "ld")) | sk.smooth(max_lag=8))
    assert got == [(3, "Hello "), (3 + 8 * PLANNED, "wor"), (33, "ld")]


async def test_a_word_that_went_out_unfinished_ends_where_it_would_have_ended() -> None:
    got = await times(timed((0, "Hel"), (10, "lo world"), (30, "")) | sk.smooth(max_lag=1))
    assert [text for _, text in got] == ["Hel", "lo ", "world"]


async def test_a_sentence_that_takes_longer_than_the_lag_goes_out_unfinished() -> None:
    words = [(0.5, word) for word in "It takes a long time. Then".replace(" ", " |").split("|")]
    in_time = await times(timed(*words, (9, "")) | sk.smooth("sentence", max_lag=4))
    assert [text for _, text in in_time] == ["It takes a long time. ", "Then"]
    too_long = await times(timed(*words, (9, "")) | sk.smooth("sentence", max_lag=1))
    assert too_long[0] == (0.5 + PLANNED, "It takes ")
    assert "".join(text for _, text in too_long) == "It takes a long time. Then"


kinds = st.sampled_from(["word", "sentence", "line", "grapheme", r"[,;]\s*"])
chunks = st.text(
    st.sampled_from([*"ab ,.\n", "你", "é", "\u0301"]), min_size=1, max_size=12
) | st.sampled_from(["word " * 50, "x" * 300])
delays = st.sampled_from([0.0, 0.0, 0.001, 0.03, 0.1, 0.2, 0.499, 0.5, 0.7, 3.0])
lags = st.sampled_from([0.05, 0.5, 0.7, 2.0])


@on_both_backends
@given(kinds, lags, st.lists(st.tuples(delays, chunks), max_size=30))
def test_the_lag_of_every_piece_is_bounded(
    backend: str, by: str, max_lag: float, schedule: list[tuple[float, str]]
) -> None:
    arrivals: list[float] = []
    got: list[tuple[float, str]] = []

    async def play() -> AsyncIterator[str]:
        for delay, chunk in schedule:
            if delay:
                await anyio.sleep(delay)
            arrivals.extend([anyio.current_time()] * len(chunk))
            yield chunk

    async def read() -> None:
        async with (sk.from_iterable(play) | sk.smooth(by, max_lag=max_lag)).open() as run:
            async for piece in run:
                got.append((anyio.current_time(), piece))

    run_virtual(read, backend=backend)
    position = 0
    for moment, piece in got:
        assert piece
        assert moment - arrivals[position] <= max_lag, "of its first character, and so of every one"
        position += len(piece)
        assert moment >= arrivals[position - 1]
    assert "".join(piece for _, piece in got) == "".join(chunk for _, chunk in schedule)


def test_coarse_timers_make_no_piece_late() -> None:
    # 10,000 pieces in less than half a second, and a timer that fires once a millisecond.
    pace = PieceSchedule(0.5)
    pace.arrived(0)
    pace.add(10_000, 0)
    at_once: Counter[float] = Counter()
    now = 0.0
    while pace.waiting:
        now = max(now, math.ceil(pace.due(now, math.inf) * 1000) / 1000)
        pace.emitted(now)
        at_once[now] += 1
    assert now <= 0.5
    assert max(at_once.values()) < 40, "about 23 a millisecond, and not all that are left at the end"


async def test_after_a_pause_of_the_consumer_what_waits_is_not_dumped() -> None:
    got: list[float] = []
    async with (timed((0, "word " * 41), (60, "")) | sk.smooth(max_lag=8)).open() as run:
        start = anyio.current_time()
        async for _ in run:
            got.append(anyio.current_time() - start)
            if len(got) == 20:
                await anyio.sleep(2)
            if len(got) == 41:
                break
    assert got[-1] <= 8
    after = [later - earlier for earlier, later in itertools.pairwise(got[20:])]
    assert min(after[1:]) > 0.08, "at most what a timer can be late is caught up with at once"


async def test_the_number_of_deadlines_is_bounded() -> None:
    pace = PieceSchedule(1.0)
    for arrival in range(10_000):
        pace.arrived(arrival / 10_000)
        pace.add(3, arrival / 10_000)
        pace.add(1, arrival / 10_000 - 0.01)
    assert len(pace._groups) <= 20  # pyright: ignore[reportPrivateUsage]
    assert pace.waiting == 40_000


# -- what is no text ----------------------------------------------------------------------------------------


def a_delta(text: str, index: int = 0) -> ContentBlockDelta:
    return ContentBlockDelta(index, TextDelta(text))


def a_thought(text: str, index: int = 0) -> ContentBlockDelta:
    return ContentBlockDelta(index, ThinkingDelta(text))


STOP = ContentBlockStop(0)
JSON = ContentBlockDelta(1, InputJSONDelta('{"a b": "c d'))
CALL = sk.ToolCall("tool_1", "look", {"a": 1}, 1)


async def test_deltas_are_cut_into_deltas_of_the_same_block() -> None:
    got = await times(
        timed((1, a_delta("Hello wor", 3)), (1, a_delta("ld!", 3)), (0, STOP)) | sk.smooth(max_lag=8)
    )
    assert got == [(1, a_delta("Hello ", 3)), (2, a_delta("world!", 3)), (2, STOP)]


@pytest.mark.parametrize(
    "barrier", [STOP, JSON, CALL, 3, None, b"bytes", {"type": "ping"}, ("name", 3), (1, "text")]
)
async def test_anything_else_passes_at_once_behind_what_is_held(barrier: object) -> None:
    got = await times(timed((1, "a b c d"), (1, barrier), (0, "e f"), (1, barrier)) | sk.smooth(max_lag=64))
    assert got[0] == (1, "a ")
    assert got[1:] == [(2, "b "), (2, "c "), (2, "d"), (2, barrier), *got[5:]]
    assert [item for _, item in got[5:]] == ["e ", "f", barrier]
    assert got[-1][0] == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (a_delta("one t"), a_delta("wo three", 1)),
        (a_delta("one t"), a_thought("wo three")),
        (a_thought("one t"), a_thought("wo three", 2)),
        (("a", "one t"), ("b", "wo three")),
        (("a", "one t"), "wo three"),
        (("a", a_delta("one t")), ("a", a_delta("wo three", 1))),
        ("one t", a_delta("wo three")),
    ],
)
async def test_text_of_another_block_or_name_is_not_mixed(first: Any, second: Any) -> None:
    got = await times(timed((0, first), (1, second), (99, 0)) | sk.smooth(max_lag=64))
    assert [
        str(item).count(word) for (_, item), word in zip(got, ["one ", "t", "wo ", "three", "0"], strict=True)
    ]
    assert got[1][0] == 1
    for (_, item), like in zip(got[:-1], [first, first, second, second], strict=True):
        assert type(item) is type(like)


async def test_pairs_are_cut_into_pairs() -> None:
    pairs = timed((0, ("say", "a b")), (0, ("say", "c d")), (0, ("do", CALL)))
    got = [item for _, item in await times(pairs | sk.smooth())]
    assert got == [("say", "a "), ("say", "bc "), ("say", "d"), ("do", CALL)]


async def test_pairs_of_events_are_cut_too() -> None:
    got = await times(timed((0, ("x", a_delta("a b"))), (0, ("x", STOP))) | sk.smooth())
    assert [item for _, item in got] == [("x", a_delta("a ")), ("x", a_delta("b")), ("x", STOP)]


async def test_what_is_held_is_dropped_where_the_stream_starts_over() -> None:
    again = Restarted(2, ConnectionError())
    got = await times(timed((0, "a b c"), (1, again), (0, "d e"), (99, "")) | sk.smooth(max_lag=64))
    assert [item for _, item in got] == ["a ", again, "d ", "e"]
    assert got[1][0] == 1


async def test_a_delta_that_cannot_be_cut_without_a_loss_passes_whole() -> None:
    counted = ContentBlockDelta(0, ThinkingDelta("so many tokens", 3))
    null = ContentBlockDelta(0, ThinkingDelta("a b", None))
    unknown = from_dict(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a b", "new": 1}}
    )
    other = from_dict(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "text": "a b"}}
    )
    around = from_dict(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a b"}, "new": 1}
    )
    got = await times(timed(*((0, each) for each in (counted, unknown, other, around, null))) | sk.smooth())
    halves = [ContentBlockDelta(0, ThinkingDelta(text, None)) for text in ("a ", "b")]
    assert [item for _, item in got] == [counted, unknown, other, around, *halves]


async def test_behind_a_barrier_another_text_begins() -> None:
    got = await times(timed((0, a_delta("One.")), (0, STOP), (0, a_delta(" two. x"))) | sk.smooth("sentence"))
    assert [item for _, item in got] == [a_delta("One."), STOP, a_delta(" two. "), a_delta("x")]


async def test_text_without_a_character_is_nothing() -> None:
    assert await times(timed((0, ""), (0, a_delta("")), (0, "a"), (0, "")) | sk.smooth()) == [(0, "a")]


# -- ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [None, ConnectionError("down")])
async def test_what_is_held_goes_out_before_the_end_and_before_an_error(error: Exception | None) -> None:
    got: list[tuple[float, str]] = []
    start = anyio.current_time()
    run = (timed((1, "a b c"), (1, "d e"), error=error) | sk.smooth(max_lag=64)).open()
    with suppress(ConnectionError):
        async with run:
            async for item in run:
                got.append((anyio.current_time() - start, item))
    assert run.outcome.error is error
    assert run.outcome.kind == ("complete" if error is None else "failed")
    assert got == [(1, "a "), (2, "b "), (2, "cd "), (2, "e")]


async def test_a_break_drops_what_is_held_and_closes_the_source() -> None:
    closed: list[float] = []

    async def words() -> AsyncIterator[str]:
        try:
            while True:
                yield "a b c "
                await anyio.sleep(1)
        finally:
            closed.append(anyio.current_time())

    async with (sk.from_iterable(words) | sk.smooth(max_lag=10)).open() as run:
        async for _ in run:
            await anyio.sleep(0.5)
            break
    assert closed == [0.5]
    assert run.outcome.stopped_by == "consumer"


def whole(items: list[Any]) -> list[Any]:
    """
    The items with all text joined that belongs together.
    """
    joined: list[Any] = []
    for item in items:
        match joined[-1] if joined else None, item:
            case str(a), str(b):
                joined[-1] = a + b
            case (str(name), str(a)), (str(other), str(b)) if name == other:
                joined[-1] = (name, a + b)
            case (
                ContentBlockDelta(index=i, delta=TextDelta(text=a)),
                ContentBlockDelta(index=j, delta=TextDelta(text=b)),
            ) if i == j:
                joined[-1] = a_delta(a + b, i)
            case _:
                joined.append(item)
    return joined


some_text = st.text(st.sampled_from([*"ab .\n", "你"]), min_size=1, max_size=15)
items: st.SearchStrategy[Any] = (
    some_text
    | st.builds(a_delta, some_text, st.integers(0, 1))
    | st.tuples(st.sampled_from(["x", "y"]), some_text)
    | st.sampled_from([STOP, JSON, CALL, 3])
)


@on_both_backends
@given(kinds, st.lists(st.tuples(delays, items), max_size=25), delays, st.booleans())
def test_whatever_the_timing_nothing_is_lost_and_nothing_changes_its_place(
    backend: str, by: str, schedule: list[tuple[float, Any]], each_takes: float, fails: bool
) -> None:
    error = ConnectionError("down") if fails else None
    got: list[Any] = []

    async def read() -> None:
        run = (timed(*schedule, error=error) | sk.smooth(by)).open()
        with suppress(ConnectionError):
            async with run:
                async for item in run:
                    got.append(item)
                    if each_takes:
                        await anyio.sleep(each_takes)
        assert run.outcome.error is error

    run_virtual(read, backend=backend)
    assert whole(got) == whole([item for _, item in schedule])


# -- backpressure -------------------------------------------------------------------------------------------


def endless(text: str, every: float) -> tuple[list[float], sk.Stream[str]]:
    pulled: list[float] = []

    async def give() -> AsyncIterator[str]:
        while True:
            await anyio.sleep(every)
            pulled.append(anyio.current_time())
            yield text

    return pulled, sk.from_iterable(give)


async def test_reading_goes_on_while_pieces_wait_and_stops_when_one_that_is_due_is_not_taken() -> None:
    pulled, source = endless("word " * 4, 1)
    async with (source | sk.smooth(max_lag=16)).open() as run:
        assert await anext(run) == "word "
        await anyio.sleep(1000)
        # Of 4 pieces in 14 seconds the second is due after less than 5, while the next chunk is being waited for.
        assert len(pulled) <= 6
        before = len(pulled)
        assert await anext(run) == "word "
        await anyio.sleep(1000)
        assert len(pulled) <= before + 1


async def test_the_upstream_is_not_slowed_while_pieces_wait() -> None:
    pulled, source = endless("word " * 10, 0.25)
    async with (source | sk.smooth(max_lag=4)).open() as run:
        async for _ in run:
            if anyio.current_time() >= 20:
                break
    assert pulled == pytest.approx([pulled[0] + 0.25 * number for number in range(len(pulled))])
    assert len(pulled) >= 79


async def test_a_ready_source_does_not_keep_it_from_emitting() -> None:
    pulled, source = endless("a b ", 0)
    async with (source | sk.smooth(max_lag=1)).open() as run:
        assert await anext(run) == "a "
    assert len(pulled) < 10


async def test_a_slow_consumer_gets_everything() -> None:
    got = await times(timed(*[(0.1, "a b c ")] * 20) | sk.smooth(), each_takes=1)
    assert "".join(text for _, text in got) == "a b c " * 20


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_lag", "error", "message"),
    [
        (0, ValueError, "above 0"),
        (-1, ValueError, "above 0"),
        (float("inf"), ValueError, "inf"),
        (float("nan"), ValueError, "nan"),
        ("1", TypeError, "'1'"),
        (True, TypeError, "True"),
        (None, TypeError, "None"),
    ],
)
def test_junk_is_refused_at_once(max_lag: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sk.smooth(max_lag=max_lag)


def test_it_reads_like_the_source() -> None:
    assert repr(sk.smooth()) == repr(sk.smooth("word", max_lag=0.5)) == "smooth()"
    assert repr(sk.smooth("line", max_lag=2)) == "smooth('line', max_lag=2)"


def test_it_needs_a_run() -> None:
    with pytest.raises(TypeError, match=r"smooth\(\) is concurrent"):
        sk.smooth().over(["a"])


# -- the SDK's own events ------------------------------------------------------------------------------------


def raw(text: str, index: int = 0) -> RawContentBlockDeltaEvent:
    return RawContentBlockDeltaEvent(
        type="content_block_delta", index=index, delta=RawTextDelta(type="text_delta", text=text)
    )


def raw_thought(text: str) -> RawContentBlockDeltaEvent:
    return RawContentBlockDeltaEvent(
        type="content_block_delta", index=0, delta=RawThinkingDelta(type="thinking_delta", thinking=text)
    )


def beta_thought(text: str, estimate: int | None) -> BetaRawContentBlockDeltaEvent:
    delta = BetaThinkingDelta(type="thinking_delta", thinking=text, estimated_tokens=estimate)
    return BetaRawContentBlockDeltaEvent(type="content_block_delta", index=0, delta=delta)


async def test_the_sdks_raw_events_are_cut_as_ours_are() -> None:
    stop = RawContentBlockStopEvent(type="content_block_stop", index=0)
    schedule = [raw_thought("a b"), raw("c d"), raw("e", 0), raw("f g", 1), stop]
    got = [item for _, item in await times(timed(*((0, each) for each in schedule)) | sk.smooth())]
    wanted = [raw_thought("a "), raw_thought("b"), raw("c "), raw("de"), raw("f ", 1), raw("g", 1), stop]
    assert got == wanted


async def test_a_raw_event_that_cannot_be_cut_without_a_loss_passes_whole() -> None:
    new = RawContentBlockDeltaEvent.model_validate(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a b", "new": 1}}
    )
    schedule = [beta_thought("a b", 7), new, beta_thought("c d", None)]
    got = [item for _, item in await times(timed(*((0, each) for each in schedule)) | sk.smooth())]
    assert got == [beta_thought("a b", 7), new, beta_thought("c ", None), beta_thought("d", None)]
