"""
What the types of the operators of time refuse: each line with `# error` is one in both checkers, and no other line is.
"""

from __future__ import annotations

import anyio

import streamkit as sk

numbers = sk.from_iterable([1, 2, 3])
shout: sk.Operator[str, str] = sk.map(str.upper)


async def price(number: int) -> int:
    return number


def times_are_numbers() -> None:
    sk.rate_limit("5")  # error
    sk.rate_limit(5, per="second")  # error
    sk.rate_limit(5, burst=None)  # error
    sk.debounce("1")  # error
    sk.debounce(None)  # error
    sk.sample("1")  # error
    sk.heartbeat("1", None)  # error
    sk.timeout(idle="1")  # error
    sk.batch(2, within="1")  # error
    sk.batch("2", within=1)  # error


def what_has_a_name_is_given_by_it() -> None:
    sk.debounce(1, 2)  # error
    sk.sample(1, False)  # error
    sk.timeout(5)  # error
    sk.timeout(each=5)  # error


def functions_are_plain_or_not() -> None:
    sk.rate_limit(5, cost=3)  # error
    sk.rate_limit(5, cost=price)  # error
    sk.rate_limit(5, cost=str)  # error
    sk.dedupe(3)  # error
    sk.take_until(anyio.sleep(5))  # error
    sk.take_until(anyio.sleep)  # error
    sk.take_until(anyio.Event())  # error
    sk.take_until(lambda: 5)  # error


def the_items_keep_their_type() -> None:
    _ = numbers | sk.rate_limit(5) | shout  # error
    _ = numbers | sk.timeout(idle=5) | shout  # error
    _ = numbers | sk.dedupe() | shout  # error
    _ = numbers | sk.batch(2, within=1) | shout  # error
