"""
Text in whole messages: smoothed or not, a consumer ends up with the same.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.events import ContentBlockDelta, TextDelta, ThinkingDelta, to_dict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.virtual_time

CUTS = [
    sk.smooth(),
    sk.smooth("sentence", max_lag=2),
    sk.smooth("grapheme"),
    sk.smooth(r"[,;:]\s*", max_lag=0.1),
]


def paced(path: Path) -> sk.Stream[Any]:
    """
    The events of a recording, in uneven time.
    """

    async def play() -> AsyncIterator[Any]:
        try:
            async with sk.replay(path).open() as run:
                events = [event async for event in run]
        except sk.StreamError:
            pytest.skip("a recording that ends in an error has no message")
        for number, event in enumerate(events):
            await anyio.sleep((number % 7) * 0.02)
            yield event

    return sk.from_iterable(play)


def landmarks(events: list[Any]) -> list[Any]:
    """
    The events with the texts in between joined.
    """
    found: list[Any] = []
    for event in events:
        match found[-1] if found else None, event:
            case (
                ContentBlockDelta(index=i, delta=TextDelta(text=a)),
                ContentBlockDelta(index=j, delta=TextDelta(text=b)),
            ) if i == j:
                found[-1] = ContentBlockDelta(i, TextDelta(a + b))
            case (
                ContentBlockDelta(index=i, delta=ThinkingDelta(thinking=a)),
                ContentBlockDelta(index=j, delta=ThinkingDelta(thinking=b)),
            ) if i == j:
                found[-1] = ContentBlockDelta(i, ThinkingDelta(a + b))
            case _:
                found.append(event)
    return found


async def test_a_recorded_stream_is_the_same_message(recording: Path) -> None:
    stream = paced(recording)
    smooth = CUTS[zlib.crc32(recording.name.encode()) % len(CUTS)]
    plain = await stream.collect()
    smoothed = await (stream | smooth).collect()
    # A delta without text says nothing.
    empty = (ContentBlockDelta(0, TextDelta("")).delta, ContentBlockDelta(0, ThinkingDelta("")).delta)
    wanted = [to_dict(event) for event in landmarks(plain) if getattr(event, "delta", None) not in empty]
    assert [to_dict(event) for event in landmarks(smoothed)] == wanted
    # Legal still, however it is cut.
    assert await (sk.from_iterable(smoothed) | sk.validate()).collect() == smoothed
    whole = [await (sk.from_iterable(events) | sk.sinks.message()) for events in (plain, smoothed)]
    assert whole[0] == whole[1]


@pytest.mark.parametrize("by", ["word", "sentence", "line", "grapheme", r",\s*"])
async def test_smooth_emits_the_pieces_of_recut_where_nothing_is_late(by: str) -> None:
    text = "Rivers, they say, remember. 你好。\r\nWhat else? 👩‍🚀 A stone, café…\n\nEnd"

    async def play() -> AsyncIterator[str]:
        for start in range(0, len(text), 3):
            await anyio.sleep(0.01)
            yield text[start : start + 3]

    stream = sk.from_iterable(play)
    assert await (stream | sk.smooth(by)).collect() == await (stream | sk.recut(by)).collect()


async def test_smooth_behind_text_and_behind_split() -> None:
    events = [
        ContentBlockDelta(0, ThinkingDelta("think hard")),
        ContentBlockDelta(1, TextDelta("some words")),
        ContentBlockDelta(1, TextDelta(" more")),
    ]
    source = sk.from_iterable(events)
    assert await (source | sk.text() | sk.smooth()).collect() == ["some ", "words ", "more"]
    pairs = source | sk.split(thinking=sk.thinking(), text=sk.text()) | sk.smooth()
    assert await pairs.collect() == [
        ("thinking", "think "),
        ("thinking", "hard"),
        ("text", "some "),
        ("text", "words "),
        ("text", "more"),
    ]


async def test_smooth_behind_recut_keeps_its_pieces() -> None:
    source = sk.from_iterable(["a b", " c d"])
    assert await (source | sk.recut("word") | sk.smooth()).collect() == ["a ", "b ", "c ", "d"]


async def test_two_in_a_row() -> None:
    source = sk.from_iterable(["a b. c", " d. e"])
    assert await (source | sk.smooth("sentence") | sk.smooth()).collect() == ["a ", "b. ", "c ", "d. ", "e"]


# -- strings that are more than strings ---------------------------------------------------------------------


class Escaping(str):
    """
    Changes what is added to it, as strings do that escape markup.
    """

    __slots__ = ()

    def __add__(self, other: str) -> Escaping:
        return Escaping(str(self) + other.replace("<", "&lt;"))

    def __radd__(self, other: str) -> Escaping:
        return Escaping(other.replace("<", "&lt;") + str(self))

    def __getitem__(self, key: Any) -> Escaping:
        return Escaping(super().__getitem__(key))


@pytest.mark.parametrize(
    "operator",
    [
        sk.recut("word"),
        sk.recut("grapheme"),
        sk.recut(re.compile(";")),
        sk.smooth(),
        sk.until("<end>"),
        sk.throttle(1e-3),
    ],
    ids=repr,
)
async def test_text_of_a_subclass_is_handed_on_character_by_character(
    operator: sk.Operator[Any, str],
) -> None:
    said = [Escaping("<b>"), "a<b", Escaping(" <e"), Escaping("n</b> <"), "c ; <"]
    got = await (sk.from_iterable(said) | operator).collect()
    assert "".join(got) == "".join(said)
