"""
Laws that hold for any items at any time, and that every case of the semantics has its test.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.testing import run_virtual
from tests.support.backends import on_both_backends
from tests.support.sources import timed

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = 37
"""Cases of the semantics that stream libraries agree on, numbered as in the marks of the tests that show them."""

functions = st.sampled_from([str.upper, str.lower, str.swapcase, str.title, str.strip, str])
delays = st.sampled_from([0.0, 0.0, 0.1, 0.5, 2.0])
schedules = st.lists(st.tuples(delays, st.text("ab \n.é👩", max_size=6)), max_size=12)


def test_every_case_has_a_test() -> None:
    shown = [
        int(number)
        for path in Path(__file__).parent.glob("test_*.py")
        for number in re.findall(
            r"^@pytest\.mark\.case\((\d+)\)$", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert set(shown) == set(range(1, CASES + 1))


@given(st.lists(st.text()), functions, functions)
def test_maps_one_after_the_other_are_the_map_of_both(
    items: list[str], f: Callable[[str], str], g: Callable[[str], str]
) -> None:
    def both(item: str) -> str:
        return g(f(item))

    assert list((sk.map(f) | sk.map(g)).over(items)) == list(sk.map(both).over(items))


@on_both_backends
@given(
    schedules,
    st.sampled_from(
        [
            sk.throttle(0.3),
            sk.throttle(1, leading=False),
            sk.throttle(1, trailing=False),
            sk.smooth("word", max_lag=0.4),
            sk.smooth("grapheme", max_lag=3),
            sk.recut("word"),
            sk.recut("sentence"),
            sk.buffer(2),
            sk.rate_limit(3),
            sk.tee(sk.sinks.collect()) | sk.throttle(0.7) | sk.recut("line") | sk.smooth("word"),
        ]
    ),
)
def test_text_is_never_lost(
    backend: str, schedule: list[tuple[float, str]], operator: sk.Operator[Any, Any]
) -> None:
    pieces = run_virtual((timed(*schedule) | operator).collect, backend=backend)
    assert "".join(pieces) == "".join(piece for _, piece in schedule)


@on_both_backends
@given(st.lists(schedules, min_size=1, max_size=4))
def test_merging_keeps_everything_and_each_sources_order(
    backend: str, given_: list[list[tuple[float, str]]]
) -> None:
    def marked(number: int) -> sk.Stream[tuple[int, str]]:
        return timed(*given_[number]).map(lambda piece: (number, piece))

    sources = [marked(number) for number in range(len(given_))]
    items: list[Any] = run_virtual(sk.merge(*sources).collect, backend=backend)
    for number, schedule in enumerate(given_):
        assert [piece for source, piece in items if source == number] == [piece for _, piece in schedule]
