"""
The types of what combines streams and of calls that take time, as both checkers infer them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import assert_type

import streamkit as sk

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])
raw = sk.from_iterable([b"a"])
flags = sk.from_iterable([True])


async def floats() -> AsyncIterator[float]:
    yield 1.0


async def fetch(item: str) -> bytes:
    return item.encode()


def lazily(item: str) -> Awaitable[int]:
    raise NotImplementedError


def letters(item: str) -> sk.Stream[bytes]:
    return sk.from_iterable([item.encode()])


async def pieces(item: str) -> AsyncIterator[bytes]:
    yield item.encode()


def plain(item: str) -> list[int]:
    return [len(item)]


# -- sources ------------------------------------------------------------------------------------------------

assert_type(sk.merge(numbers), sk.Stream[int])
assert_type(sk.merge(numbers, words), sk.Stream[int | str])
assert_type(sk.merge(numbers, words, raw), sk.Stream[int | str | bytes])
assert_type(sk.merge(numbers, words, raw, floats()), sk.Stream[int | str | bytes | float])
assert_type(sk.merge(numbers, numbers, words, words, raw, raw), sk.Stream[int | str | bytes])
assert_type(sk.merge(*[words, words]), sk.Stream[str])
assert_type(sk.concat(numbers, words), sk.Stream[int | str])
assert_type(sk.race(numbers, floats()), sk.Stream[int | float])
assert_type(sk.merge(words, words) | sk.take(1), sk.Stream[str])

assert_type(sk.zip(numbers), sk.Stream[tuple[int]])
assert_type(sk.zip(numbers, words), sk.Stream[tuple[int, str]])
assert_type(sk.zip(numbers, words, floats(), strict=False), sk.Stream[tuple[int, str, float]])
assert_type(sk.zip(numbers, words, raw, numbers), sk.Stream[tuple[int, str, bytes, int]])
assert_type(sk.zip(*[words, words]), sk.Stream[tuple[str, ...]])

# -- operators ----------------------------------------------------------------------------------------------

assert_type(words | sk.map_async(fetch), sk.Stream[bytes])
assert_type(words | sk.map_async(lazily, 4, False), sk.Stream[int])
assert_type(words | sk.map_async(fetch, concurrency=4, ordered=False, on_error="raise"), sk.Stream[bytes])
assert_type(words | sk.map_async(fetch, on_error="emit"), sk.Stream[bytes | sk.Failed[str]])
assert_type(words | sk.map_async(fetch, 4, True, "emit"), sk.Stream[bytes | sk.Failed[str]])
assert_type(sk.map_async(fetch), sk.Operator[str, bytes])

assert_type(words | sk.flat_map(plain), sk.Stream[int])
assert_type(words | sk.flat_map(plain, concurrency=2), sk.Stream[int])
assert_type(words | sk.flat_map(letters, concurrency=2), sk.Stream[bytes])
assert_type(words | sk.flat_map(pieces, concurrency=1), sk.Stream[bytes])
