"""
jsonl: a record that loses nothing.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from io import FileIO
from numbers import Integral
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import anyio
import msgspec
import pydantic
import pytest
from anthropic.types import RawContentBlockDeltaEvent

from streamkit import from_iterable, meter, tee
from streamkit._claude.protocol.events import decode
from streamkit.sinks import jsonl
from streamkit.sinks._jsonl import write_whole
from tests.support.interrupting import cancelled_once_it_waits
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path


class Word(str): ...


class Count(int): ...


class Share(float): ...


class Raw(bytes): ...


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


def lines(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n") or not text
    return [json.loads(line) for line in text.split("\n")[:-1]]


def wire(recording: Path) -> list[str]:
    text = recording.read_text(encoding="utf-8").replace("\r\n", "\n")
    return [line.removeprefix("data:").strip() for line in text.split("\n") if line.startswith("data:")]


async def written(items: Iterable[object], path: Path) -> list[Any]:
    await (from_iterable(items) | jsonl(path))
    return lines(path)


async def test_a_recorded_stream_is_on_disk_as_it_was_on_the_wire(recording: Path, tmp_path: Path) -> None:
    data = wire(recording)
    assert await written([decode(each) for each in data], tmp_path / "run.jsonl") == list(
        map(json.loads, data)
    )


async def test_what_a_run_tells_is_written_as_its_plain_form(tmp_path: Path) -> None:
    async with (from_iterable(list[Any]()) | meter()).open() as run:
        pass
    assert run.report.meter is not None
    values = [run.outcome, run.report, run.report.meter]
    assert await written(values, tmp_path / "run.jsonl") == [value.to_dict() for value in values]


async def test_the_events_of_the_sdk_are_written_as_they_came(tmp_path: Path) -> None:
    event = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "newer_than_the_sdk", "text": "x", "more": [1]},
    }
    made = RawContentBlockDeltaEvent.construct(**event)  # type: ignore[arg-type]
    assert await written([made], tmp_path / "run.jsonl") == [event]


async def test_an_unknown_event_is_written_whole(tmp_path: Path) -> None:
    event = {"type": "of_tomorrow", "to_dict": 1, "nested": {"model_dump": None}}
    assert await written([decode(json.dumps(event))], tmp_path / "run.jsonl") == [event]


@dataclass
class Point:
    x: int


class Model(pydantic.BaseModel):
    n: int = 3


class Struct(msgspec.Struct):
    s: str


class Celsius(float):
    pass


@Integral.register
class Whole:
    """
    A whole number as numpy's are.
    """

    def __repr__(self) -> str:
        return "Whole()"

    def __int__(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ("line\nbreak\u2028", "line\nbreak\u2028"),
        ({"a": [1, None, True]}, {"a": [1, None, True]}),
        (("name", 2.5), ["name", 2.5]),
        (Point(1), {"x": 1}),
        (Struct("s"), {"s": "s"}),
        (Model(), {"n": 3}),
        (MappingProxyType({"a": Point(2)}), {"a": {"x": 2}}),
        (range(2), [0, 1]),
        (ValueError("why"), {"type": "ValueError", "message": "why"}),
        ("half a \ud83d", "half a \ud83d"),
        ({"half": Point(1), "\udc00": "\udc00"}, {"half": {"x": 1}, "\udc00": "\udc00"}),
        (2**70, 2**70),
        (Word("word"), "word"),
        ({"a": Word("\udc00")}, {"a": "\udc00"}),
        ({Word("ab"): [Word("half \ud83d"), math.nan]}, {"ab": ["half \ud83d", None]}),
        (Count(3), 3),
        (Share(0.5), 0.5),
        (Raw(b"hi"), "aGk="),
        ([math.nan, "\udc00"], [None, "\udc00"]),
        ([Celsius(2), Whole()], [2.0, 3]),
    ],
    ids=repr,
)
async def test_other_items_are_json_too(item: object, line: object, tmp_path: Path) -> None:
    assert await written([item, "next"], tmp_path / "run.jsonl") == [line, "next"]


async def test_what_json_cannot_say_is_refused_by_name_after_the_lines_before(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(TypeError, match=r"jsonl\(\) cannot write object as JSON: put map\(…\) in front"):
        await written(["before", {"a": object()}, "after"], path)
    assert lines(path) == ["before"]
    with pytest.raises(TypeError, match="cannot write tuple as the key of a JSON object"):
        await written([{("a", 1): 1}], path)
    with pytest.raises(TypeError, match="cannot write MagicMock as JSON"):
        await written([MagicMock()], path)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (ENDLESS, "cannot write list as JSON: it holds itself"),
        ({(1, 2): 3}, "cannot write tuple as the key of a JSON object"),
    ],
    ids=["endless", "key"],
)
async def test_what_has_no_end_or_no_text_as_a_key_is_refused_by_name(
    item: object, said: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=said):
        await written(["before", item], tmp_path / "run.jsonl")


async def test_the_file_is_emptied_when_the_sink_begins_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await written([1, 2], path)
    sink = jsonl(path)
    assert lines(path) == [1, 2]
    await (from_iterable([3]) | sink)
    assert lines(path) == [3]


async def test_append_adds(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    for item in (1, 2):
        await (from_iterable([item]) | jsonl(str(path), append=True))
    assert lines(path) == [1, 2]


async def test_a_stream_without_items_leaves_an_empty_file(tmp_path: Path) -> None:
    assert await written([], tmp_path / "run.jsonl") == []


async def test_a_line_is_on_disk_before_the_next_item_comes(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def speak() -> AsyncIterator[int]:
        yield 1
        while not path.exists() or lines(path) != [1]:  # noqa: ASYNC110 -- the file cannot tell
            await anyio.sleep(0.001)
        yield 2

    with patience():
        await (from_iterable(speak) | jsonl(path))
    assert lines(path) == [1, 2]


@pytest.mark.parametrize("ending", ["cancel", "outer cancel", "error", "break"])
@pytest.mark.parametrize("count", [1, 500])
async def test_however_the_run_ends_every_item_before_the_end_is_on_disk(
    ending: str, count: int, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    taken = 0

    async def numbers() -> AsyncIterator[int]:
        for n in range(count):
            yield n
        if ending == "error":
            raise ConnectionError("down")
        yield -1

    with anyio.CancelScope() as outer:
        try:
            async with (from_iterable(numbers) | tee(jsonl(path))).open() as run:
                async for _ in run:
                    taken += 1
                    if taken == count and ending == "break":
                        break
                    if taken == count and ending == "cancel":
                        run.cancel()
                    elif taken == count and ending == "outer cancel":
                        outer.cancel()
        except ConnectionError:
            assert ending == "error"
    assert taken >= count
    assert lines(path)[:count] == list(range(count))


async def test_a_cancelled_job_has_written_what_its_sink_took(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    given = 0
    plenty = anyio.Event()

    async def endless() -> AsyncIterator[int]:
        nonlocal given
        while True:
            yield given
            given += 1
            if given == 1000:
                plenty.set()

    async with (from_iterable(endless) | jsonl(path)).open() as run:
        await plenty.wait()
        run.cancel()
    assert len(lines(path)) in {given, given + 1}


def test_a_missing_directory_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"create the directory .*nowhere' first"):
        jsonl(tmp_path / "nowhere" / "run.jsonl")
    with pytest.raises(FileNotFoundError, match="create the directory"):
        jsonl("nowhere/run.jsonl")


def test_a_directory_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="give the path of a file in it"):
        jsonl(tmp_path)


@pytest.mark.parametrize(
    ("args", "message"),
    [((3,), "PathLike"), ((b"run.jsonl",), "as str or Path"), (("run.jsonl", "a"), "True or False, not 'a'")],
)
def test_junk_is_refused_at_once(args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        jsonl(*args)


async def test_a_file_that_cannot_be_opened_fails_the_run(tmp_path: Path) -> None:
    directory = tmp_path / "soon gone"
    directory.mkdir()
    sink = jsonl(directory / "run.jsonl")
    directory.rmdir()
    with pytest.raises(FileNotFoundError):
        await (from_iterable([1]) | sink)


def test_it_reads_like_its_source() -> None:
    assert repr(jsonl("run.jsonl")) == "jsonl('run.jsonl')"
    assert repr(jsonl("run.jsonl", append=True)) == "jsonl('run.jsonl', append=True)"


HELLO_AGAIN = [{"type": "message_start"}, {"type": "ping"}]


@pytest.mark.parametrize("left", [b'{"whole":1}', b'{"to', b"\xff"], ids=["whole", "torn", "garbage"])
async def test_a_line_without_an_end_is_not_glued_to_the_next(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_bytes(left)
    await (from_iterable(HELLO_AGAIN) | jsonl(path, append=True))
    assert path.read_bytes() == left + b'\n{"type":"message_start"}\n{"type":"ping"}\n'


def test_a_write_that_fails_in_the_middle_is_cut_back_to_whole_lines(tmp_path: Path) -> None:
    """
    A full disk takes a part of what is written, and refuses the rest.
    """

    class FullDisk(FileIO):
        def write(self, data: Any, /) -> int:
            if room := 20 - self.tell():
                return super().write(bytes(data)[:room])
            raise OSError(28, "No space left on device")

    path = tmp_path / "kept.jsonl"
    with FullDisk(path, "w") as file, pytest.raises(OSError, match="No space"):
        write_whole(file, [b'{"a":1}\n', b'{"b":2}\n', b'{"c":3}\n'])
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n'


async def test_a_named_pipe_that_nobody_reads_is_given_up(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    await cancelled_once_it_waits(lambda: from_iterable([1]) | jsonl(pipe))
    # The thread still opens it, and closes it as soon as it can. Otherwise this read would wait for the end.
    assert await anyio.Path(pipe).read_bytes() == b""
