"""
What a continuation repeats of the text that it goes on from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from streamkit._claude.exchange.seam import LONGEST, SHORTEST, regained_space, repeated_tail

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "The river forgets each name that it was given, and sings all of them to the stones below."


def repeated(before: str, after: str) -> int | None:
    return repeated_tail(before, after, final=True)


@pytest.mark.parametrize("size", [0, SHORTEST, 13, 27, LONGEST])
def test_a_repeated_tail_is_found(size: int) -> None:
    cut = 57
    assert repeated(TEXT[:cut], TEXT[cut - size :]) == size


@pytest.mark.parametrize("size", [1, SHORTEST - 1, LONGEST + 1, 57])
def test_what_is_shorter_or_longer_than_a_repetition_stays(size: int) -> None:
    assert repeated(TEXT[:57], TEXT[57 - size :]) == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("She laughed: ha ha ha ", "ha ha and went."),
        ("ha ha ha ha ha ha ", "ha ha ha ha ha!"),
        ("ha ha ha h", "a ha ha ha!"),
        ("Buffalo buffalo buffalo ", "buffalo buffalo buffalo."),
        ("| --- | --- | ---", " | --- | --- | --- |\n"),
        ("==========", "==========\n"),
        ("    }\n    }\n    }\n", "    }\n    }\n}\n"),
        ("tick tock\ntick tock\n", "tick tock\ntick tock\n"),
        ("head\n| 0 | 0 |\n", "| 0 | 0 |\n| 0 | 0 |\n"),
        ("head\n| 0 | 0 |\n| 0 ", "| 0 |\n| 0 | 0 |\ntail"),
        ("if x:\n    return None\n    ret", "urn None\n    return None\n"),
    ],
)
def test_what_repeated_itself_already_goes_on_doing_so(before: str, after: str) -> None:
    assert repeated(before, after) == 0


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ("She laughed: ha ha ha ", "laughed: ha ha ha and went.", "laughed: ha ha ha "),
        ("so he said: no, no, no, ", "said: no, no, no, no!", "said: no, no, no, "),
        ("x tick tock\n", "tick tock\ntock", "tick tock\n"),
        ("ha ha ha ha h", "ha ha ha h and went.", "ha ha ha h"),  # out of step with itself
        ("It said: ha ha ha ha", "ha ha ha ha!", "ha ha ha"),  # the last one may be meant
    ],
)
def test_a_repetition_beside_one_that_is_meant(before: str, after: str, again: str) -> None:
    assert repeated(before, after) == len(again)


@pytest.mark.parametrize(
    "row", ["| 0 | 0 |\n", "    return None\n", "<td></td>", "0123456789abcdefghijklmnopqrstuvwxyzABC"]
)
@pytest.mark.parametrize("times", [3, 4, 5])
def test_a_phrase_that_stands_there_three_times_is_kept_wherever_it_is_cut(row: str, times: int) -> None:
    text = f"head: {row * times}: tail"
    for cut in range(len(text)):
        assert repeated(text[:cut], text[cut:]) == 0


def test_the_longest_repetition_counts() -> None:
    assert repeated("one two three, one two three", "one two three, one two three, four") == len(
        "one two three, one two three"
    )


def test_it_waits_only_while_it_can_still_be_a_repetition() -> None:
    before = TEXT[:57]
    assert repeated_tail(before, "", final=False) is None
    assert repeated_tail(before, before[-20:-5], final=False) is None
    assert repeated_tail(before, before[-20:], final=False) is None  # it might go on in step
    assert repeated_tail(before, before[-20:], final=True) == 20
    assert repeated_tail(before, before[-20:] + "!", final=False) == 20
    assert repeated_tail(before, "Quite another", final=False) == 0
    assert repeated_tail("short", "", final=False) == 0


TEXTS = st.text(st.sampled_from("ab \n"), max_size=60) | st.text(max_size=60)


@given(before=TEXTS, after=TEXTS, space=st.booleans())
def test_once_decided_it_stays_so(before: str, after: str, space: bool) -> None:
    decide: Callable[[str, bool], int | None] = (
        (lambda begun, final: regained_space(before, begun, final=final))
        if space
        else (lambda begun, final: repeated_tail(before, begun, final=final))
    )
    last = decide(after, True)
    assert last is not None
    assert after[:last] == (before[:last] if space else before[len(before) - last :])
    for end in range(len(after)):
        known = decide(after[:end], False)
        assert known is None or known == last, "said too early"


@pytest.mark.parametrize(
    ("trimmed", "after", "again"),
    [
        (" ", " world", 1),
        (" ", "world", 0),
        ("\n\n", "\n\nNext", 2),
        ("\n\n", "\nNext", 1),
        (" \n", "\n", 0),
        ("", " world", 0),
        ("  ", "", 0),
    ],
)
def test_white_space_that_was_trimmed_comes_back_once(trimmed: str, after: str, again: int) -> None:
    assert regained_space(trimmed, after, final=True) == again


def test_white_space_waits_until_it_differs() -> None:
    assert regained_space("\n\n", "\n", final=False) is None
    assert regained_space("\n\n", "\nx", final=False) == 1
