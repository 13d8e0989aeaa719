"""
What the types of the operators on text refuse: each line with `# error` is one in both checkers, and no other line is.
"""

from __future__ import annotations

import re

import streamkit as sk

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])
events = sk.from_sse([b""])

sk.recut()  # error
sk.recut(3)  # error
sk.recut(re.compile(b","))  # error
numbers | sk.recut("word")  # error
events | sk.recut("word")  # error


async def check(piece: str, so_far: str) -> bool:
    return True


def plain(piece: str, so_far: str) -> bool:
    return True


async def says_nothing(piece: str, so_far: str) -> None: ...


async def of_one(piece: str) -> bool:
    return True


sk.gate()  # error
sk.gate(plain)  # error
sk.gate(says_nothing)  # error
sk.gate(of_one)  # error
sk.gate(check, 3)  # error
sk.gate(check, names=[3])  # error

sk.smooth(3)  # error
sk.smooth(max_lag="1")  # error
sk.smooth("word", 0.5)  # error
length: sk.Stream[int] = words | sk.smooth()  # error
