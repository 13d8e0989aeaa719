"""
Meter: the figures of a stream, in virtual time.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import pytest
from anyio import sleep
from hypothesis import given, strategies as st

from streamkit._claude.operators.meter import meter
from streamkit._claude.operators.text import text
from streamkit._claude.protocol.figures import Gaps, Meter
from streamkit._claude.protocol.timeline import Timeline
from streamkit._core.decorators import source
from streamkit._core.from_iterable import from_iterable
from streamkit.testing import reply, text as text_block, tool_use
from tests.support.claude import RESTARTED, decoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._claude.protocol.events import Event
    from streamkit._core.algebra import Stream


@source
async def paced(events: list[Event], *waits: float) -> AsyncIterator[Event]:
    """
    The events, each after its wait; the last wait is that of all that follow.
    """
    for number, event in enumerate(events):
        await sleep(waits[min(number, len(waits) - 1)])
        yield event


async def measured(stream: Stream[Any]) -> Meter:
    async with (stream | meter()).open() as run:
        async for _ in run:
            pass
    assert run.report.meter is not None
    return run.report.meter


EVENTS = decoded(reply(text_block("Hel", "lo ", "you"), output_tokens=12))  # 8 events, text in 2, 3 and 4


@pytest.mark.virtual_time
async def test_the_times_count_from_the_opening_of_the_run() -> None:
    figures = await measured(paced(EVENTS, 2.0, 0.5, 0.25))
    assert figures.time_to_first_event == pytest.approx(2.0)
    assert figures.time_to_first_text == pytest.approx(2.75)
    assert figures.duration == pytest.approx(4.0)
    assert figures.streaming == pytest.approx(2.0)
    assert figures.output_tokens == 12
    assert figures.tokens_per_second == pytest.approx(6.0)
    assert (figures.pieces, figures.characters) == (3, 9)


@pytest.mark.virtual_time
async def test_gaps_are_between_pieces_of_text() -> None:
    figures = await measured(paced(EVENTS, 5, 5, 5, 0.1, 0.3, 5))
    assert figures.gaps.count == 2
    assert figures.gaps.p50 == pytest.approx(0.1, rel=0.01)
    assert figures.gaps.p95 == pytest.approx(0.3, rel=0.01)
    assert figures.gaps.p99 == figures.gaps.p95


@pytest.mark.virtual_time
async def test_what_lies_between_two_messages_is_no_gap_and_no_streaming() -> None:
    figures = await measured(paced([*EVENTS, *EVENTS], *[0.5] * 8, 100.0, 0.5))
    assert figures.output_tokens == 24
    assert figures.streaming == pytest.approx(7.0)
    assert figures.duration == pytest.approx(107.5)
    assert figures.gaps.count == 4
    assert figures.gaps.p99 == pytest.approx(0.5, rel=0.01)


@pytest.mark.virtual_time
async def test_a_restart_is_no_gap() -> None:
    figures = await measured(paced([*EVENTS[:4], RESTARTED, *EVENTS], 1.0))
    assert figures.gaps.count == 3
    assert figures.gaps.p99 == pytest.approx(1.0, rel=0.01)
    assert figures.time_to_first_text == pytest.approx(3.0)
    assert figures.output_tokens == 1 + 12
    assert figures.pieces == 5


@pytest.mark.virtual_time
async def test_the_figures_are_there_while_the_stream_runs() -> None:
    async with (paced(EVENTS, 1.0) | meter() | text()).open() as run:
        figures = run.report.meter
        assert figures is not None
        assert figures.time_to_first_event is None
        assert figures.tokens_per_second is None
        assert await anext(aiter(run)) == "Hel"
        assert figures.time_to_first_text == pytest.approx(3.0)
    assert figures.pieces == 1


async def test_without_text_there_are_no_gaps() -> None:
    figures = await measured(from_iterable(decoded(reply(tool_use("look", {"a": 1})))))
    assert figures.time_to_first_event is not None
    assert figures.time_to_first_text is None
    assert (figures.gaps.p50, figures.gaps.p95, figures.gaps.p99) == (None, None, None)
    assert (figures.pieces, figures.characters) == (0, 0)


async def test_without_events_there_are_no_figures() -> None:
    assert (await measured(from_iterable(list[Any]()))).time_to_first_event is None


async def test_a_run_without_a_meter() -> None:
    async with from_iterable(EVENTS).open() as run:
        pass
    assert run.report.meter is None


async def test_each_run_has_figures_of_its_own() -> None:
    stream = from_iterable(EVENTS) | meter()
    async with stream.open() as first, stream.open() as second:
        assert [event async for event in first] == EVENTS
        assert second.report.meter is not first.report.meter
        assert second.report.meter is not None
        assert second.report.meter.pieces == 0


def test_outside_of_a_run_the_events_pass() -> None:
    passed = list(meter().over([*EVENTS, RESTARTED, *EVENTS]))
    assert passed == [*EVENTS, RESTARTED, *EVENTS]


@given(
    st.lists(st.floats(1e-6, 1e5), min_size=1, max_size=200),
    st.integers(1, 100),
)
def test_a_percentile_is_within_one_percent(gaps: list[float], percent: int) -> None:
    histogram = Gaps()
    for gap in gaps:
        histogram.add(gap)
    exact = sorted(gaps)[math.ceil(len(gaps) * percent / 100) - 1]
    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.0101)


def test_gaps_of_no_time() -> None:
    histogram = Gaps()
    for gap in (0.0, 0.0, 1e-9, 1.0):
        histogram.add(gap)
    assert histogram.p50 == 0.0
    assert histogram.p99 == pytest.approx(1.0, rel=0.01)


@pytest.mark.virtual_time
async def test_the_timeline_has_what_a_plot_needs() -> None:
    figures = await measured(paced(EVENTS, 0, 0, 0.5, 0.25))
    rows = [row for row in figures.timeline if row["seconds"] in {0.5, 0.5625, 0.8125, 1.0625}]
    assert rows == [
        {"seconds": 0.5, "pieces": 0, "characters": 0, "tokens": 0},
        {"seconds": 0.5625, "pieces": 1, "characters": 3, "tokens": 4},
        {"seconds": 0.8125, "pieces": 2, "characters": 6, "tokens": 8},
        {"seconds": 1.0625, "pieces": 3, "characters": 9, "tokens": 12},
    ]
    assert figures.timeline[-1] == rows[-1]


async def test_without_text_there_is_nothing_to_plot() -> None:
    figures = await measured(from_iterable(decoded(reply(tool_use("look", {"a": 1})))))
    assert figures.timeline == []


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 9)), max_size=50))
def test_a_timeline_loses_nothing_and_is_bounded(pieces: list[tuple[float, int]]) -> None:
    timeline = Timeline()
    for seconds, characters in sorted(pieces):
        timeline.add(seconds, characters)
    assert len(timeline.intervals) <= 256
    assert sum(count for count, _ in timeline.intervals) == len(pieces)
    for end in range(len(timeline.intervals)):
        until = (end + 1) * timeline.width
        wanted = sum(characters for seconds, characters in pieces if seconds < until)
        assert sum(characters for _, characters in timeline.intervals[: end + 1]) == wanted


def test_the_memory_does_not_grow_with_the_stream() -> None:
    histogram, draw = Gaps(), random.Random(7)
    for _ in range(100_000):
        histogram.add(draw.lognormvariate(-4, 3))
    assert histogram.count == 100_000
    assert len(histogram._buckets) < 1_400  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("wrong", [0, -1, 101, math.nan])
def test_a_percentile_that_is_none(wrong: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 100"):
        Gaps().percentile(wrong)
