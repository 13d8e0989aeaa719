"""
Until: the text before a phrase, wherever the pieces cut it.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, strategies as st

from streamkit import map, tap  # noqa: A004 -- the field's name
from streamkit._claude.operators.text import text
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._core.from_iterable import from_iterable
from streamkit._operators.text.until import until
from streamkit.testing import reply, text as text_block
from tests.support.claude import RESTARTED

if TYPE_CHECKING:
    from collections.abc import Iterator


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[start:end] for start, end in pairwise(edges)]


def test_the_phrase_in_one_piece() -> None:
    assert list(until("STOP").over(["go on", " and STOP here", "never"])) == ["go on", " and "]


def test_the_phrase_cut_between_pieces() -> None:
    assert list(until("</answer>").over(["42</", "ans", "", "wer", ">!", "never"])) == ["42"]


def test_what_only_looked_like_the_phrase_comes_as_soon_as_that_is_clear() -> None:
    emitted = [list(until("</answer>").over(["a</ans"])), list(until("</answer>").over(["a</ans", "x", "b"]))]
    assert emitted == [["a", "</ans"], ["a", "</ansx", "b"]]


def test_no_more_is_held_back_than_may_be_the_phrase() -> None:
    assert list(until("aab").over(["aaaa", "a", "c", "aab"])) == ["aa", "a", "aac"]


def test_the_phrase_itself_on_request() -> None:
    assert list(until("STOP", inclusive=True).over(["go S", "TO", "P on", "never"])) == ["go S", "TO", "P"]
    assert list(until("STOP", inclusive=True).over(["go S", "TO"])) == ["go S", "TO"]


def test_nothing_before_the_phrase() -> None:
    assert list(until("STOP").over(["ST", "OP"])) == []


def test_no_empty_pieces() -> None:
    assert list(until("x").over(["", "a", "", "bx"])) == ["a", "b"]


def test_upstream_is_left_when_the_phrase_is_found() -> None:
    read: list[str] = []
    assert list((tap(read.append) | until("STOP")).over(["a", "STOP", "b"])) == ["a"]
    assert read == ["a", "STOP"]


@pytest.mark.parametrize("inclusive", [True, False])
@given(st.text("ab", max_size=40), st.text("ab", min_size=1, max_size=5), st.lists(st.integers(0, 40)))
@example("aabaabaaab", "aabaaa", [1, 4, 5, 6])
def test_any_cut_of_the_same_text_gives_the_same(
    inclusive: bool, whole: str, phrase: str, cuts: list[int]
) -> None:
    pieces = pieces_of(whole, cuts)
    before, found, _ = whole.partition(phrase)
    assert "".join(until(phrase, inclusive=inclusive).over(pieces)) == before + (found if inclusive else "")


@given(st.text("ab", max_size=30), st.text("ab", min_size=1, max_size=5), st.lists(st.integers(0, 30)))
def test_it_says_everything_as_early_as_it_can(whole: str, phrase: str, cuts: list[int]) -> None:
    taken, emitted = "", ""
    running: Iterator[str]

    def feeding() -> Iterator[str]:
        nonlocal taken
        for piece in pieces_of(whole, cuts):
            # Before the next piece is asked for, all is said but the longest end that may be the phrase.
            if taken:
                held = next(n for n in range(len(phrase), -1, -1) if taken.endswith(phrase[:n]))
                assert emitted == taken[: len(taken) - held]
            taken += piece
            yield piece
            if phrase in taken:
                pytest.fail("it reads on behind the phrase")

    running = until(phrase).over(feeding())
    for piece in running:
        emitted += piece


def test_the_time_is_linear_in_the_text() -> None:
    def seconds(length: int) -> float:
        phrase, pieces = "a" * length + "b", ["a"] * (2 * length)
        began = time.process_time()
        assert "".join(until(phrase).over(pieces)) == "".join(pieces)
        return time.process_time() - began

    # Ten times the phrase and the text take ten times the time; a search that starts over takes a hundred.
    assert min(seconds(40_000) for _ in range(3)) < 40 * min(seconds(4_000) for _ in range(3))


def test_a_restart_forgets_what_is_held_back() -> None:
    items: list[Any] = ["a ST", RESTARTED, "OP a ST", "OP"]
    assert list(until("STOP").over(items)) == ["a ", RESTARTED, "OP a "]


async def test_the_outcome_says_who_ended_the_run() -> None:
    events = EventDecoder().feed(reply(text_block("Hello ST", "OP you")).body)
    async with (from_iterable(events) | text() | until("STOP")).open() as run:
        assert [piece async for piece in run] == ["Hello "]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "until")


def test_what_follows_it_still_ends_properly() -> None:
    assert list((until("STOP") | map(str.upper)).over(["ab ST", "OP"])) == ["AB "]


def test_an_empty_phrase_is_refused() -> None:
    with pytest.raises(ValueError, match="give the phrase to stop at"):
        until("")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a string, not 3"):
        until(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    events: Any = EventDecoder().feed(reply(text_block("Hello")).body)
    with pytest.raises(TypeError, match=r"not MessageStart: put text\(\) before it"):
        list(until("STOP").over(events))


def test_it_reads_like_its_source() -> None:
    assert repr(until("STOP")) == "until('STOP')"
    assert repr(until("STOP", inclusive=True)) == "until('STOP', inclusive=True)"
