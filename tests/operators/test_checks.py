"""
Arguments that no operator can do anything with are refused where they stand.
"""

from __future__ import annotations

import inspect
import re
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import Callable


async def upper(item: str) -> str:
    return item.upper()


async def kept(item: int) -> int:
    return item


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


# -- names of arguments -------------------------------------------------------------------------------------

sk_: Final[Any] = sk
"""For what its types refuse."""


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (
            lambda: sk_.timeout(5),
            "no argument without a name, and 5 needs its name: "
            "write timeout(first=5), timeout(idle=5) or timeout(total=5)",
        ),
        (
            lambda: sk_.throttle(1, False, trailing=True),
            "1 argument without a name, and False needs its name: "
            "write throttle(…, leading=False) or throttle(…, merge=False)",
        ),
        (lambda: sk_.debounce(1, 2), "write debounce(…, max_wait=2)"),
        (lambda: sk_.sample(1, True), "write sample(…, emit_last=True)"),
        (lambda: sk_.flat_map(alone, 3), "write flat_map(…, concurrency=3)"),
        (lambda: sk_.text(True), "write text(restarts=True) or text(between=True)"),
        (lambda: sk_.tool_calls("emit"), "tool_calls(broken='…')"),
        (lambda: sk_.replay("run.jsonl", 2), "write replay(…, hub=2), replay(…, id=2) or replay(…, speed=2)"),
        (lambda: sk_.branch(sk.sinks.collect(), "a", 9), "2 arguments without a name, and 9 needs"),
        (lambda: sk_.sinks.message(True), "write message(beta=True)"),
        (lambda: sk_.messages(None, "words"), "write messages(…, name='…')"),
        (lambda: sk_.debounce(1, 2, max_wait=2), "and 2 is one too many"),
    ],
)
def test_an_argument_that_needs_a_name_is_told_with_it(call: Callable[[], object], remedy: str) -> None:
    with pytest.raises(TypeError, match=re.escape(remedy)):
        call()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: sk_.timeout(seconds=5), "timeout(seconds=…): the arguments are first, idle, total"),
        (lambda: sk_.throttle(1, mrege=max), "did you mean merge?"),
        (lambda: sk_.batch(2, seconds=1), "batch(seconds=…): the arguments are n, within"),
        (lambda: sk_.tee(sk.sinks.collect(), bufer=1), "did you mean buffer?"),
        (lambda: sk_.sinks.jsonl("run.jsonl", apend=True), "did you mean append?"),
    ],
)
def test_a_name_that_is_not_known_is_told_with_those_that_are(call: Callable[[], object], told: str) -> None:
    with pytest.raises(TypeError, match=re.escape(told)):
        call()


def test_what_is_said_of_names_changes_nothing_else() -> None:
    assert repr(sk.timeout(idle=5)) == "timeout(idle=5)"
    assert str(inspect.signature(sk.sample)).startswith("(d: 'float', *, emit_last: 'bool' = True)")
    assert sk.sample.__module__ == "streamkit"


# -- numbers of other libraries -----------------------------------------------------------------------------


def alone(item: int) -> sk.Stream[int]:
    return sk.from_iterable([item])


class Int64:
    """
    A whole number as numpy's are: it has `__index__`, and is no int.
    """

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


ONE: Final[Any] = Int64(1)
TWO: Final[Any] = Int64(2)
MOMENT: Final[Any] = Fraction(1, 1000)
SECONDS: Final[Any] = Decimal(5)


@pytest.mark.parametrize(
    "operator",
    [
        sk.take(TWO),
        sk.skip(ONE),
        sk.batch(TWO),
        sk.buffer(TWO),
        sk.map_async(kept, TWO),
        sk.flat_map(alone, concurrency=TWO),
        sk.throttle(MOMENT, merge="latest"),
        sk.timeout(idle=SECONDS),
        sk.rate_limit(TWO, MOMENT, TWO),
        sk.heartbeat(SECONDS, 0),
    ],
    ids=repr,
)
async def test_a_number_of_another_library_is_a_number(operator: sk.Operator[Any, Any]) -> None:
    assert await (sk.from_iterable([1, 2, 3]) | operator).collect()


@pytest.mark.parametrize("seconds", [5e-324, 10**400, 1e308, float("inf")])
async def test_any_length_of_time_is_taken_or_refused_where_it_is_given(seconds: float) -> None:
    makers: list[Any] = [
        lambda: sk.throttle(seconds),
        lambda: sk.debounce(seconds),
        lambda: sk.sample(seconds),
        lambda: sk.timeout(idle=seconds),
        lambda: sk.timeout(total=seconds),
        lambda: sk.heartbeat(seconds, "?"),
        lambda: sk.batch(2, within=seconds),
        lambda: sk.rate_limit(5, seconds),
        lambda: sk.smooth(max_lag=seconds),
        lambda: sk.retry(sk.RetryPolicy(base=seconds, cap=seconds)),
    ]
    for make in makers:
        try:
            operator = make()
        except ValueError:
            continue
        async with (sk.from_iterable(["a", "b"]) | operator).open() as run:
            await anext(run)
    async with (sk.from_iterable(["a", "b"]) | sk.buffer(1)).open(close_timeout=seconds) as run:
        await anext(run)


NO_NUMBER: Any = Decimal("sNaN")


@pytest.mark.parametrize(
    "make",
    [lambda: sk.heartbeat(NO_NUMBER, 0), lambda: sk.smooth(max_lag=NO_NUMBER)],
    ids=["heartbeat", "smooth"],
)
def test_what_cannot_even_be_compared_is_refused_as_other_junk(make: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="needs a number of seconds"):
        make()


class Several:
    """
    An array of two numbers, as numpy has them: it has the methods of a number, and cannot be one.
    """

    def __index__(self) -> int:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")

    def __float__(self) -> float:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")

    def __eq__(self, other: object) -> Any:
        raise ValueError("the truth value of an array is ambiguous")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "array([1, 2])"


COUNTS_OR_TIMES: Final[list[Callable[[Any], object]]] = [
    sk.take,
    sk.batch,
    sk.buffer,
    sk.throttle,
    sk.rate_limit,
    lambda n: sk.map_async(kept, concurrency=n),
    lambda n: sk.from_iterable([1]).open(close_timeout=n),
    lambda n: sk.RetryPolicy(attempts=n),
    lambda n: sk.RetryPolicy(base=n),
]


@pytest.mark.parametrize("make", COUNTS_OR_TIMES)
def test_an_array_of_several_numbers_is_refused_by_its_name(make: Callable[[Any], object]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"not array\(\[1, 2\]\)"):
        make(Several())


def test_a_fraction_with_hundreds_of_digits_is_refused_like_any_other_number() -> None:
    with pytest.raises(ValueError, match="above 0"):
        sk.throttle(cast("Any", Fraction(HUGE)))
