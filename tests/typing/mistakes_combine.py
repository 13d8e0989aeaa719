"""
What the types of combining refuse: each line with `# error` is one in both checkers, and no other line is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import streamkit as sk

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])


async def fetch(item: str) -> bytes:
    return item.encode()


def length(item: str) -> int:
    return len(item)


async def pieces(item: str) -> AsyncIterator[bytes]:
    yield item.encode()


def wants_numbers(stream: sk.Stream[int]) -> None: ...


sk.merge([1, 2])  # error
sk.concat([words, words])  # error
sk.race(words, 3)  # error
sk.zip(words, [1])  # error
sk.zip(words, numbers, strict="no")  # error
wants_numbers(sk.merge(numbers, words))  # error
wants_numbers(sk.concat(words))  # error
wants_numbers(sk.race(numbers, words))  # error

numbers | sk.map_async(fetch)  # error
words | sk.map_async(length)  # error
words | sk.map_async(pieces)  # error
sk.map_async(fetch, "4")  # error
sk.map_async(fetch, on_error="skip")  # error
wants_numbers(words | sk.map_async(fetch))  # error

words | sk.flat_map(pieces)  # error
numbers | sk.flat_map(pieces, concurrency=2)  # error
words | sk.flat_map(length, concurrency=2)  # error
words | sk.flat_map(pieces, concurrency="2")  # error
