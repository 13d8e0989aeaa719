"""
Types of the operators of time, and of those that end or thin out a stream; checked, not run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

import anyio

import streamkit as sk

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])
show: sk.Operator[int, str] = sk.map(str)


async def letters() -> AsyncIterator[str]:
    yield "a"


def length(word: str) -> int:
    return len(word)


async def they_hand_on_items_of_any_type() -> None:
    assert_type(sk.rate_limit(5), sk.Same)
    assert_type(sk.debounce(0.5), sk.Same)
    assert_type(sk.sample(0.5), sk.Same)
    assert_type(sk.timeout(idle=3), sk.Same)
    assert_type(sk.dedupe(), sk.Same)
    assert_type(sk.take_until(anyio.sleep_forever), sk.Same)

    assert_type(numbers | sk.rate_limit(5, per=60, burst=10), sk.Stream[int])
    assert_type(words | sk.rate_limit(5.5, cost=len), sk.Stream[str])
    assert_type(words | sk.rate_limit(5.5, 1, 2.5, length), sk.Stream[str])
    assert_type(numbers | sk.rate_limit(1, cost=lambda number: 0.5), sk.Stream[int])
    assert_type(numbers | sk.debounce(2, max_wait=10), sk.Stream[int])
    assert_type(words | sk.sample(1, emit_last=False), sk.Stream[str])
    assert_type(words | sk.heartbeat(15, None), sk.Stream[str | None])
    assert_type(words | sk.timeout(first=60, idle=10.5, total=300), sk.Stream[str])
    assert_type(words | sk.dedupe(length), sk.Stream[str])
    assert_type(words | sk.dedupe(key=str.lower), sk.Stream[str])


async def what_take_until_waits_for() -> None:
    event = anyio.Event()
    assert_type(numbers | sk.take_until(event.wait), sk.Stream[int])
    assert_type(numbers | sk.take_until(lambda: anyio.sleep(5)), sk.Stream[int])
    assert_type(numbers | sk.take_until(words.first), sk.Stream[int])


async def between_others() -> None:
    assert_type(sk.timeout(idle=3) | sk.rate_limit(5), sk.Same)
    assert_type(numbers | sk.timeout(idle=3) | show | sk.debounce(1), sk.Stream[str])
    assert_type(show | sk.sample(1), sk.Operator[int, str])
    assert_type(sk.dedupe()(letters()), sk.Stream[str])


async def batches() -> None:
    assert_type(numbers | sk.batch(2), sk.Stream[list[int]])
    assert_type(numbers | sk.batch(2, within=0.5), sk.Stream[list[int]])
    assert_type(words | sk.debounce(1) | sk.batch(2, 5), sk.Stream[list[str]])
    assert_type(sk.batch(2).over(["a"]), Iterator[list[str]])
    assert_type(await (numbers | sk.batch(2, within=1)).first(), list[int])
