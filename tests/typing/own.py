"""
Types of one's own operators, sinks and sources, and of other libraries'; checked, not run.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sized
from typing import Generic, TypeVar, assert_type

from aiostream import pipe, stream as aiostream_stream

import streamkit as sk
from streamkit.sinks import collect

A = TypeVar("A")

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])


@sk.operator
async def shout(items: AsyncIterator[str], mark: str = "!", *, twice: bool = False) -> AsyncIterator[str]:
    async for item in items:
        yield item + mark * (1 + twice)


@sk.operator
async def sizes(items: AsyncIterator[str]) -> AsyncIterator[int]:
    async for item in items:
        yield len(item)


@sk.passthrough
async def every(items: AsyncIterator[A], n: int) -> AsyncIterator[A]:
    async for item in items:
        yield item


@sk.sink
async def total(items: AsyncIterator[int], start: int = 0) -> int:
    async for item in items:
        start += item
    return start


@sk.sink
async def count(items: AsyncIterator[object]) -> int:
    return len([item async for item in items])


@sk.source
async def ticks(n: int, *, step: int = 1) -> AsyncIterator[int]:
    for tick in range(0, n, step):
        yield tick


@sk.source(task=True, buffer=4)
async def tocks(n: int) -> AsyncIterator[str]:
    yield str(n)


async def decorated() -> None:
    assert_type(shout(), sk.Operator[str, str])
    assert_type(shout("?", twice=True), sk.Operator[str, str])
    assert_type(words | shout(mark="?") | sizes(), sk.Stream[int])
    assert_type(every(2), sk.Same)
    assert_type(words | every(n=2), sk.Stream[str])
    assert_type(every(2) | sizes(), sk.Operator[str, int])
    assert_type(words | in_lists, sk.Stream[list[str]])
    assert_type(sizes() | in_lists, sk.Operator[str, list[int]])

    assert_type(total(), sk.Sink[int, int])
    assert_type(await (numbers | total(start=1)), int)
    assert_type(await (words | sizes() | total()), int)
    assert_type(await (words | count()), int)
    assert_type(sizes() | total(1), sk.Sink[str, int])
    assert_type(total().then(str), sk.Sink[int, str])

    assert_type(ticks(3), sk.Stream[int])
    assert_type(ticks(n=3, step=2) | sk.take(1), sk.Stream[int])
    assert_type(tocks(3), sk.Stream[str])


async def in_lists(items: AsyncIterable[A]) -> AsyncIterator[list[A]]:
    # Not decorated: behind | a checker finds out the type of a function, but not that of the call of one.
    async for item in items:
        yield [item]


class Pairs(sk.Transducer[A, tuple[A, A]], Generic[A]):
    def __init__(self) -> None:
        self.waiting: list[A] = []

    def feed(self, item: A) -> Iterable[tuple[A, A]]:
        yield item, item


class Lengths(sk.Transducer[str, int]):
    def __init__(self, least: int = 0) -> None:
        self.least = least

    def feed(self, item: str) -> Iterable[int]:
        return (len(item),) if len(item) >= self.least else ()


def transducers() -> None:
    assert_type(words | Lengths(), sk.Stream[int])
    assert_type(Lengths(2) | sk.take(1), sk.Operator[str, int])
    assert_type(numbers | Pairs[int](), sk.Stream[tuple[int, int]])
    assert_type(Lengths() | Pairs[int](), sk.Operator[str, tuple[int, int]])
    assert_type(list(Lengths().over(["a"])), list[int])


def operators() -> None:
    assert_type(sk.map(len), sk.Operator[Sized, int])
    assert_type(words | sk.map(len), sk.Stream[int])
    assert_type(words | sk.map(str.upper), sk.Stream[str])
    assert_type(words | sk.filter(str.isupper), sk.Stream[str])
    assert_type(words | sk.tap(first_letter), sk.Stream[str])
    # What is done with any object leaves the type of the items as it is.
    assert_type(words | sk.filter(bool) | sk.tap(print) | sk.take_while(bool), sk.Stream[str])
    assert_type(sk.filter(bool) | sk.tap(print), sk.Same)
    assert_type(words.filter(bool).tap(print), sk.Stream[str])
    assert_type(words | sk.filter_map(first_letter), sk.Stream[str])
    assert_type(numbers | sk.flat_map(range), sk.Stream[int])
    assert_type(numbers | sk.scan(add, 0.0), sk.Stream[float])
    assert_type(numbers | sk.take_while(int.bit_length, inclusive=True), sk.Stream[int])
    assert_type(numbers | sk.take(1) | sk.skip(1), sk.Stream[int])
    assert_type(numbers | sk.throttle(0.1, merge="latest"), sk.Stream[int])
    assert_type(numbers | sk.throttle(0.1, merge=max), sk.Stream[int])
    assert_type(numbers | sk.tee(collect()), sk.Stream[int])


def first_letter(word: str) -> str | None:
    return word[0] if word else None


def add(total: float, item: int) -> float:
    return total + item


def sources() -> None:
    async def slow() -> AsyncIterator[int]:
        yield 1

    def fast() -> list[str]:
        return []

    assert_type(sk.from_iterable([1]), sk.Stream[int])
    assert_type(sk.from_iterable(iter(["a"])), sk.Stream[str])
    assert_type(sk.from_iterable({"a": 1}), sk.Stream[str])
    assert_type(sk.from_iterable(slow()), sk.Stream[int])
    assert_type(sk.from_iterable(slow), sk.Stream[int])
    assert_type(sk.from_iterable(fast), sk.Stream[str])
    assert_type(sk.from_iterable(numbers), sk.Stream[int])


async def again(outcome: sk.Outcome) -> sk.Stream[int] | None:
    return None


def follow() -> None:
    assert_type(sk.follow(numbers, again), sk.Stream[int])


def other_libraries() -> None:
    # In mypy aiostream's own types leave an Any in some of its pipes.
    chunks: sk.Stream[list[str]] = words | pipe.chunks(5)
    assert_type(chunks | sk.take(1), sk.Stream[list[str]])
    chunked: sk.Operator[int, list[str]] = sk.map(str) | pipe.chunks(5)
    assert_type(numbers | chunked, sk.Stream[list[str]])
    assert_type(words | pipe.filter(str.isupper), sk.Stream[str])
    assert_type(shout() | pipe.filter(str.isupper), sk.Operator[str, str])

    assert_type(aiostream_stream.iterate([1]) | sk.take(1), sk.Stream[int])
    assert_type(aiostream_stream.iterate(["a"]) | sizes(), sk.Stream[int])
    assert_type(aiostream_stream.iterate([1]) | collect(), sk.Job[list[int]])
    assert_type(sk.take(1)(aiostream_stream.iterate([1])), sk.Stream[int])
    assert_type(sizes()(aiostream_stream.just("a")), sk.Stream[int])
    assert_type(sk.from_iterable(aiostream_stream.merge(words, words)), sk.Stream[str])


def an_operator_is_a_function_of_a_stream() -> None:
    made: list[sk.Stream[str]] = [operator(numbers) for operator in (sk.map(str), sk.map(repr))]
    assert_type(made[0], sk.Stream[str])
