"""
When a policy tries again, and after how long.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import streamkit as sk
from streamkit._core.adapters import RetryAdvice


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attempts": 0}, r"attempts=…\) must be a whole number of at least 1, not 0"),
        ({"attempts": 1.5}, "not 1.5"),
        ({"attempts": "continue"}, "not 'continue'; resume='continue' says how to go on"),
        ({"base": "1"}, "must be seconds, not '1'"),
        ({"base": -1}, "must be finite seconds from 0 on, not -1"),
        ({"base": float("nan")}, "not nan"),
        ({"cap": float("inf")}, "not 0.5, inf"),
        ({"resume": "someday"}, "not 'someday'"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sk.RetryPolicy(**settings)


def test_waits_double_up_to_the_cap() -> None:
    policy = sk.RetryPolicy(base=0.5, cap=5, jitter=False)
    assert [policy.wait(attempt) for attempt in range(1, 7)] == [0.5, 1, 2, 4, 5, 5]
    assert policy.wait(1_000_000) == 5
    assert sk.RetryPolicy(base=0).wait(3) == 0


def test_jitter_spreads_a_wait_over_its_upper_half() -> None:
    waits = {sk.RetryPolicy(base=8).wait(1) for _ in range(200)}
    assert 4 <= min(waits) < 5
    assert 7 < max(waits) <= 8


def test_what_the_server_says_takes_the_place_of_a_wait_up_to_the_cap() -> None:
    policy = sk.RetryPolicy(base=8, cap=30)
    said = [RetryAdvice(True, after) for after in (0, 12.5, 30)]
    assert [policy.again(3, each) for each in said] == [0, 12.5, 30]


def test_where_the_server_asks_for_more_than_the_cap_there_is_no_other_try() -> None:
    assert sk.RetryPolicy(cap=30).again(1, RetryAdvice(True, 30.5)) is None


def test_numbers_of_other_libraries_are_kept_as_plain_ones() -> None:
    class Int64:
        def __index__(self) -> int:
            return 3

    given: Any = {"attempts": Int64(), "base": Fraction(1, 4), "cap": Decimal(8)}
    assert sk.RetryPolicy(**given) == sk.RetryPolicy(attempts=3, base=0.25, cap=8)
    assert repr(sk.RetryPolicy(**given)).startswith("RetryPolicy(attempts=3, base=0.25, cap=8.0")
