"""
Types of buffers, and of what mends errors.
"""

from __future__ import annotations

from typing import assert_type

import streamkit as sk
from streamkit import events

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])
show: sk.Operator[int, str] = sk.map(str)


def go_on(error: Exception) -> sk.Stream[str]:
    return words


async def clean_up() -> None: ...


def buffers(run: sk.Run[int]) -> None:
    assert_type(numbers | sk.buffer(3), sk.Stream[int])
    assert_type(sk.buffer(3, "latest"), sk.Same)
    assert_type(sk.buffer(3, overflow="drop_oldest") | sk.text(), sk.Operator[events.AnyEvent, str])
    assert_type(show | sk.buffer(3), sk.Operator[int, str])
    assert_type(run.report.buffers["buffer"], sk.BufferReport)
    assert_type(run.report.buffers["buffer"].dropped, int)


def errors() -> None:
    assert_type(words | sk.catch(go_on), sk.Stream[str])
    assert_type(numbers | sk.catch(go_on), sk.Stream[int | str])
    assert_type(words | sk.catch(lambda error: words), sk.Stream[str])
    assert_type(numbers | show | sk.catch(go_on), sk.Stream[str])
    assert_type(show | sk.catch(go_on), sk.Operator[int, str])

    assert_type(numbers | sk.retry(), sk.Stream[int])
    assert_type(sk.retry(sk.RetryPolicy(attempts=2, resume="restart")), sk.Same)

    assert_type(numbers | sk.finalize(clean_up), sk.Stream[int])
    assert_type(sk.finalize(lambda: None), sk.Same)
