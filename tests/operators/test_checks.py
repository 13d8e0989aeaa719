"""
Arguments that no operator can do anything with are refused where they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import pytest

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import Callable


async def upper(item: str) -> str:
    return item.upper()


HUGE: Final = 10**400


@pytest.mark.parametrize(
    "call",
    [
        lambda: sk.rate_limit(HUGE),
        lambda: sk.rate_limit(1, per=HUGE),
        lambda: sk.debounce(HUGE),
        lambda: sk.smooth(max_lag=HUGE),
        lambda: sk.RetryPolicy(base=HUGE),
        lambda: sk.RetryPolicy(jitter=cast("Any", "no")),
    ],
)
def test_what_no_clock_can_count_is_refused_where_it_stands(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"above 0|finite|True or False"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: sk.sample(1, emit_last=cast("Any", "no")),
        lambda: sk.take_while(bool, inclusive=cast("Any", 1)),
        lambda: sk.zip(sk.from_iterable("a"), strict=cast("Any", 1)),
        lambda: sk.map_async(upper, ordered=cast("Any", None)),
    ],
)
def test_a_flag_is_true_or_false(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="must be True or False"):
        call()
