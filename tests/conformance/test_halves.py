"""
A character of which one piece has the first half and the next the other: no operator and no sink takes it apart.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

import streamkit as sk
from streamkit._core.items import merged, without_half
from streamkit._surrogates import WholeCharacters, appended, cut_half
from streamkit.events import ContentBlockDelta, InputJSONDelta, TextDelta, ThinkingDelta, from_dict
from streamkit.testing import event, reply, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

WAVE: Final = "\U0001f30a"
HIGH, LOW = "\ud83c", "\udf0a"
PIECES: Final = ["One ", f"t{HIGH}", f"{LOW}wo {HIGH}", LOW, HIGH, f"{LOW} three"]
WHOLE: Final = f"One t{WAVE}wo {WAVE}{WAVE} three"


def as_text(piece: str) -> ContentBlockDelta:
    return ContentBlockDelta(0, TextDelta(piece))


def as_thinking(piece: str) -> ContentBlockDelta:
    return ContentBlockDelta(0, ThinkingDelta(piece))


def as_pair(piece: str) -> tuple[str, str]:
    return ("name", piece)


def itself(piece: str) -> str:
    return piece


def text_in(item: Any) -> str:
    match item:
        case str():
            return item
        case (_, str(piece)):
            return piece
        case (
            ContentBlockDelta(delta=TextDelta(text=piece))
            | ContentBlockDelta(delta=ThinkingDelta(thinking=piece))
        ):
            return piece
        case _:
            raise AssertionError(item)


KINDS: Final = [itself, as_pair, as_text, as_thinking]
Kind = Any


def encodes(pieces: list[str]) -> bool:
    """
    Whether each piece is made of whole characters.
    """
    for piece in pieces:
        piece.encode()
    return True


# -- the one place ---------------------------------------------------------------------------------------------


def test_texts_are_joined_within_a_character() -> None:
    assert appended(f"a{HIGH}", f"{LOW}b") == f"a{WAVE}b"
    assert appended("a", f"{LOW}b") == f"a{LOW}b"
    assert appended(HIGH, "b") == f"{HIGH}b"
    assert cut_half(f"a{HIGH}") == ("a", HIGH)
    assert cut_half("") == ("", "")
    assert cut_half(LOW) == (LOW, "")


def test_a_piece_ends_with_a_whole_character() -> None:
    characters = WholeCharacters()
    assert [characters.feed(piece) for piece in (f"a{HIGH}", HIGH, f"{LOW}b", "c")] == [
        "a",
        HIGH,
        f"{WAVE}b",
        "c",
    ]
    assert characters.take() == ""
    characters.feed(HIGH)
    assert (characters.take(), characters.take()) == (HIGH, "")


@pytest.mark.parametrize("kind", KINDS)
def test_items_are_joined_and_cut_there_alike(kind: Kind) -> None:
    assert merged(kind(f"a{HIGH}"), kind(f"{LOW}b")) == kind(f"a{WAVE}b")
    assert without_half(kind(f"a{HIGH}")) == (kind("a"), kind(HIGH))
    assert without_half(kind(HIGH)) == (None, kind(HIGH))
    assert without_half(kind("a")) == (kind("a"), None)
    raw = ContentBlockDelta(0, InputJSONDelta(HIGH))
    assert merged(raw, ContentBlockDelta(0, InputJSONDelta(LOW))) == ContentBlockDelta(
        0, InputJSONDelta(WAVE)
    )
    assert without_half(raw) == (raw, None)


# -- operators -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["word", "sentence", "line", "grapheme", ";"])
def test_recut(by: str) -> None:
    pieces = list(sk.recut(by).over(PIECES))
    assert encodes(pieces)
    assert "".join(pieces) == WHOLE
    assert list(sk.recut(by).over([WHOLE])) == pieces
    assert "".join(sk.recut(by).over(["a ", HIGH])) == f"a {HIGH}"


@pytest.mark.parametrize("phrase", [WAVE, f"{WAVE}wo", "three", f" {WAVE}{WAVE}"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_until(phrase: str, inclusive: bool) -> None:
    before = WHOLE[: WHOLE.index(phrase) + len(phrase) * inclusive]
    pieces = list(sk.until(phrase, inclusive=inclusive).over(PIECES))
    assert encodes(pieces)
    assert "".join(pieces) == before
    assert "".join(sk.until("END", inclusive=inclusive).over(["a E", HIGH])) == f"a E{HIGH}"


async def spaced(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item
        await anyio.sleep(1)


TIMED: Final[dict[str, Callable[[], Any]]] = {
    "throttle": lambda: sk.throttle(0.5),
    "throttle longer": lambda: sk.throttle(1.5),
    "throttle without leading": lambda: sk.throttle(1.5, leading=False),
    "throttle without trailing": lambda: sk.throttle(1.5, trailing=False),
    "smooth": lambda: sk.smooth("word", max_lag=0.4),
    "smooth at graphemes": lambda: sk.smooth("grapheme", max_lag=3),
}


@pytest.mark.virtual_time
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("timed", TIMED)
async def test_what_waits_for_its_time(timed: str, kind: Kind) -> None:
    items = await (
        sk.from_iterable(lambda: spaced([kind(each) for each in PIECES])) | TIMED[timed]()
    ).collect()
    pieces = [text_in(item) for item in items]
    assert encodes(pieces)
    assert "".join(pieces) == WHOLE
    assert all(pieces)


@pytest.mark.virtual_time
@pytest.mark.parametrize("timed", TIMED)
async def test_a_half_goes_out_where_nothing_can_complete_it(timed: str) -> None:
    end = from_dict({"type": "content_block_stop", "index": 0})
    given = [as_text("a"), as_text(HIGH), end, as_text("b"), as_text(HIGH)]
    items = await (sk.from_iterable(lambda: spaced(given)) | TIMED[timed]()).collect()
    assert [item.type for item in items].count("content_block_stop") == 1
    at = next(i for i, item in enumerate(items) if item.type == "content_block_stop")
    assert "".join(map(text_in, items[:at])) == f"a{HIGH}"
    assert "".join(map(text_in, items[at + 1 :])) == f"b{HIGH}"


@pytest.mark.virtual_time
async def test_throttle_keeps_its_distance_when_a_half_has_waited() -> None:
    times: list[tuple[float, str]] = []

    async def source() -> AsyncIterator[str]:
        for wait, piece in ((0, f"a{HIGH}"), (0.5, f"{LOW}b"), (2, "c")):
            await anyio.sleep(wait)
            yield piece

    began = anyio.current_time()
    async with (sk.from_iterable(source) | sk.throttle(1)).open() as run:
        async for piece in run:
            times.append((round(anyio.current_time() - began, 3), piece))
    assert times == [(0, "a"), (1, f"{WAVE}b"), (2.5, "c")]


# -- sinks -----------------------------------------------------------------------------------------------------


async def test_join() -> None:
    assert await (sk.from_iterable(PIECES) | sk.sinks.join()) == WHOLE
    assert await (sk.from_iterable(PIECES) | sk.sinks.join("|")) == f"One |t|{WAVE}wo |{WAVE}|{WAVE} three"
    assert await (sk.from_iterable(["a", "", HIGH]) | sk.sinks.join("|")) == f"a||{HIGH}"


async def test_write_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "said.txt"
    with path.open("w", encoding="utf-8") as file:
        await (sk.from_iterable(PIECES) | sk.sinks.write(file))
    assert path.read_text(encoding="utf-8") == WHOLE
    with path.open("w", encoding="utf-8") as file:
        await (sk.from_iterable(["a", HIGH, "b", HIGH]) | sk.sinks.write(file))
    assert path.read_text(encoding="utf-8") == "a\ufffdb\ufffd"


async def test_write_to_memory() -> None:
    file = io.StringIO()
    await (sk.from_iterable([*PIECES, HIGH]) | sk.sinks.write(file))
    assert file.getvalue() == WHOLE + HIGH


async def test_what_a_file_does_not_know_is_refused_as_before(tmp_path: Path) -> None:
    with (tmp_path / "said.txt").open("w", encoding="ascii") as file, pytest.raises(UnicodeEncodeError):
        await (sk.from_iterable(["\xfc"]) | sk.sinks.write(file))


@pytest.mark.parametrize("kind", KINDS)
async def test_jsonl(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await (sk.from_iterable([kind(each) for each in PIECES]) | sk.sinks.jsonl(path))
    lines: list[Any] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(PIECES)
    pieces = [piece_in_line(line) for line in lines]
    assert encodes(pieces)
    assert "".join(pieces) == WHOLE


def piece_in_line(line: Any) -> str:
    if hasattr(line, "keys"):
        return text_in(from_dict(line))
    return line if isinstance(line, str) else str(line[1])


async def test_jsonl_writes_a_half_that_nothing_completes_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    stop = {"type": "content_block_stop", "index": 0}

    async def source() -> AsyncIterator[Any]:
        for item in (as_text(HIGH), from_dict(stop), as_text("a"), as_text(HIGH)):
            yield item
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await (sk.from_iterable(source) | sk.sinks.jsonl(path))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["type"] == "content_block_stop" or line["delta"]["text"] for line in lines] == [
        HIGH,
        True,
        "a",
        HIGH,
    ]


async def test_what_jsonl_has_kept_is_the_same_text_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    body = b"".join(map(event, reply(text("X", "Y")).events))
    body = body.replace(b'"X"', b'"\\ud83c"').replace(b'"Y"', b'"\\udf0a"')
    await (sk.from_sse([body]) | sk.sinks.jsonl(path))
    assert await (sk.replay(path) | sk.text() | sk.sinks.join()) == WAVE
