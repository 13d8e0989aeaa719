"""
Types of the operators on text; checked, not run.
"""

from __future__ import annotations

import re
from typing import assert_type

import streamkit as sk
from streamkit.events import Event
from streamkit.sinks import join

words = sk.from_iterable(["a", "b"])
events = sk.from_sse([b""])


async def recut() -> None:
    assert_type(sk.recut("word"), sk.Operator[str, str])
    assert_type(sk.recut(re.compile(r"[,;]\s*")), sk.Operator[str, str])
    assert_type(words | sk.recut(r"[,;]\s*"), sk.Stream[str])
    assert_type(events | sk.text() | sk.recut("sentence"), sk.Stream[str])
    assert_type(await (words | sk.recut("line") | join()), str)


async def check(piece: str, so_far: str) -> bool | str | tuple[bool, str]:
    return True


async def gate() -> None:
    assert_type(sk.gate(check), sk.Same)
    assert_type(sk.gate(check, "word", 4, names={"said", "thought"}), sk.Same)
    assert_type(words | sk.gate(check, names="said"), sk.Stream[str])
    assert_type(events | sk.gate(check), sk.Stream[Event])


async def smooth() -> None:
    assert_type(sk.smooth(), sk.Same)
    assert_type(sk.smooth("grapheme", max_lag=1), sk.Same)
    assert_type(sk.smooth(re.compile(",")), sk.Same)
    assert_type(words | sk.smooth(), sk.Stream[str])
    assert_type(events | sk.smooth("word"), sk.Stream[Event])
    assert_type(sk.text() | sk.smooth("word"), sk.Operator[sk.events.AnyEvent, str])
    assert_type(sk.smooth() | sk.take(3), sk.Same)
    assert_type(await (words | sk.smooth() | join()), str)
