"""
Recorded streams as files: writes cassettes, and parses cassettes and other recordings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, json

from streamkit._claude.protocol.errors import GrammarError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO
    from pathlib import Path

__all__ = ["Cassette", "End", "Read", "has_kept_events", "has_restarts", "parse_recording", "read_recording"]

T = TypeVar("T")

End: TypeAlias = Literal["closed", "dropped"]
"""
How a body ended. `"closed"`: at its end, or because its reader stopped; `"dropped"`: the connection broke.
"""

_PACE = 0.02
"""Seconds between two frames of a body that was recorded without its timing."""

_BETWEEN_FRAMES = re.compile(rb"(?<=\n\n)|(?<=\r\r)|(?<=\r\n\r\n)")

_LOOKS_RECORDED = re.compile(rb"^\s*\{|^(data|event)\b", re.MULTILINE)


_BOM = b"\xef\xbb\xbf"


class Read(NamedTuple):
    """
    One network read of a recording, or its end.

    Attributes:
        at: Seconds from the request.
        data: The bytes that were read; empty at the end.
        end: How the body ended, if this is its end; otherwise None.
    """

    at: float
    data: bytes
    end: End | None = None


class Cassette:
    """
    A cassette that is being written. Each line is in the file when the call that makes it returns.

    Args:
        file: The file, empty and unbuffered, so that closing it can neither write nor fail. The cassette closes it.
        about: More fields for the head.

    Raises:
        OSError: The file cannot be written, here and in `note_read` and `note_end`.
    """

    def __init__(self, file: FileIO, about: Mapping[str, object]) -> None:
        self._file = file
        try:
            self._write({"streamkit": "cassette", "version": 1, **about})
        except OSError:
            file.close()
            raise

    def note_read(self, at: float, data: bytes) -> None:
        """
        Note a network read.

        Args:
            at: Seconds from the request.
            data: The bytes that were read.
        """
        try:
            self._write({"at": round(at, 6), "data": data.decode()})
        except UnicodeDecodeError:  # a read may end inside a character
            self._write({"at": round(at, 6), "base64": data})

    def note_end(self, at: float, how: End) -> None:
        """
        Note the end of the body, and close the file. A body ends once: later calls do nothing.

        Args:
            at: Seconds from the request.
            how: How it ended.
        """
        if not self._file.closed:
            with self._file:
                self._write({"at": round(at, 6), "end": how})

    def _write(self, line: dict[str, Any]) -> None:
        rest = memoryview(json.encode(line) + b"\n")
        while rest:
            rest = rest[self._file.write(rest) :]


class _Head(Struct):
    streamkit: Literal["cassette"]
    version: Literal[1]


class _Line(Struct):
    at: Annotated[float, Meta(ge=0)]
    data: str | UnsetType = UNSET
    base64: bytes | UnsetType = UNSET
    end: End | UnsetType = UNSET


class _Event(Struct):
    type: str


def read_recording(path: Path) -> bytes:
    """
    The bytes of a recording, without the byte order mark that an editor may have put before them.
    """
    return path.read_bytes().removeprefix(_BOM)


def has_kept_events(data: bytes) -> bool:
    """
    Whether a recording is events that `sinks.jsonl` has kept.
    """
    head = data.partition(b"\n")[0]
    return head.lstrip().startswith(b"{") and _is_event(head)


def has_restarts(data: bytes) -> bool:
    """
    Whether the stream whose events were kept had started over.
    """
    lines = data.splitlines() if b'"restarted"' in data and has_kept_events(data) else []
    return any(
        _type_of(line) == "restarted" and _type_of(after) == "message_start"
        for line, after in pairwise(lines)
    )


def parse_recording(data: bytes) -> Iterator[Read]:
    """
    The network reads of a recording: a cassette, the raw body of a response, or events that `sinks.jsonl` has kept.

    Raises:
        GrammarError: While iterating, where a line of a cassette is wrong.
    """
    if data.strip() and not _LOOKS_RECORDED.search(data):
        raise GrammarError(
            "this is not a recording: it is neither a cassette, nor the body of a response, nor events that sinks.jsonl() has "
            "kept; put sinks.jsonl() before text() and the like, which make other things of the events"
        )
    if has_kept_events(data):
        kept = _kept_events(data.splitlines())
        yield from (Read(number * _PACE, _frame(line)) for number, line in enumerate(kept))
        return
    head, _, lines = data.partition(b"\n")
    if not head.lstrip().startswith(b"{"):
        frames = [frame for frame in re.split(_BETWEEN_FRAMES, data) if frame]
        yield from (Read(number * _PACE, frame) for number, frame in enumerate(frames))
        return
    _decoded(head, 1, _Head)
    end = None
    rest = lines.splitlines()
    if rest and not lines.endswith(b"\n") and not _is_json(rest[-1]):
        del rest[-1]  # whoever recorded was killed in the middle of it
    for number, line in enumerate(rest, 2):
        if end is not None:
            raise _wrong(number, "this comes after the end")
        read = _as_read(_decoded(line, number, _Line), number)
        end = read.end
        yield read


def _is_event(line: bytes) -> bool:
    """
    Whether a line is an event that was kept, or the beginning of one, and not the head of a cassette.
    """
    try:
        fields = json.decode(line, type=dict[str, Any])
    except ValueError:
        return b'"type"' in line and b'"streamkit"' not in line.partition(b":")[0]
    return "type" in fields and "streamkit" not in fields


def _kept_events(lines: list[bytes]) -> Iterator[bytes]:
    """
    The lines of events, without those that a killed process has left torn: the last one, and one before a run that was
    appended. What such a line would have said is missing, and the decoder says so.
    """
    lines = [line for line in lines if line.strip()]
    for line, after in zip(lines, [*lines[1:], b""], strict=True):
        torn = (not after or _type_of(after) == "message_start") and not _is_json(line)
        if not torn:
            yield line


def _is_json(line: bytes) -> bool:
    try:
        json.decode(line)
    except ValueError:
        return False
    return True


def _type_of(line: bytes) -> str:
    try:
        return json.decode(line, type=_Event).type
    except ValueError:
        return ""


def _as_read(line: _Line, number: int) -> Read:
    match line:
        case _Line(data=str(text), base64=UnsetType(), end=UnsetType()):
            return Read(line.at, text.encode("utf-8", "surrogatepass"))
        case _Line(data=UnsetType(), base64=bytes(data), end=UnsetType()):
            return Read(line.at, data)
        case _Line(data=UnsetType(), base64=UnsetType(), end="closed" | "dropped" as end):
            return Read(line.at, b"", end)
        case _:
            raise _wrong(number, "give one of `data`, `base64` and `end`")


def _decoded(line: bytes, number: int, kind: type[T]) -> T:
    try:
        return json.decode(line, type=kind)
    except ValueError as error:
        raise _wrong(number, error) from error


def _wrong(number: int, why: object) -> GrammarError:
    return GrammarError(f"this is not a cassette of version 1: line {number}: {why}")


def _frame(line: bytes) -> bytes:
    """
    The frame of an event that was kept as a line of JSON. It has the event's name, because the SDK ignores frames without.
    """
    name = _type_of(line)
    return (
        b"event: %b\ndata: %b\n\n" % (name.encode(), line) if name.isidentifier() else b"data: %b\n\n" % line
    )
