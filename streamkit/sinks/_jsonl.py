"""
`jsonl`: a sink that writes items to a file as lines of JSON.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamkit._core.algebra import Sink
from streamkit._core.items import merged, text_of, with_text, without_half
from streamkit._core.json_text import JSONText
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.plain import plain_error
from streamkit._core.runtime.blocking_thread import BlockingThread
from streamkit.sinks._spool import spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["json_line", "jsonl", "write_whole"]


@keyword_hints
def jsonl(path: str | os.PathLike[str], append: bool = False) -> Sink[object, None]:
    """
    A sink that writes one line of JSON for each item.

    Events are written as they were on the wire, without a loss; unknown events and the SDK's own too. Other
    items may be values that JSON has, tuples, dataclasses, structs and pydantic models. The file is written in
    a worker thread. After the run, however it ended, it holds every item that the sink took. Where a write fails, as on a
    full disk, the file is cut back to whole lines.

    A character that two pieces of one text share, half in each, stands in the line of the second.

    Args:
        path: The file, in UTF-8. It is created, or emptied, when the sink begins.
        append: Whether to add to the file instead of emptying it. Behind a last line without an end, as a process that was
            killed leaves it, a new line begins.

    Raises:
        TypeError: `path` is not a path; while running, an item cannot be written as JSON.
        FileNotFoundError: The directory does not exist.
        IsADirectoryError: `path` is a directory.
    """
    name = os.fspath(path)
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"jsonl() needs a path as str or Path, not {path!r}")
    if not isinstance(append, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"jsonl(append=…) is True or False, not {append!r}")
    # Checked here and not when the file is opened: the request may have been sent by then, and paid for.
    if not (parent := Path(name).absolute().parent).is_dir():
        raise FileNotFoundError(f"jsonl({name!r}): create the directory {str(parent)!r} first")
    if Path(name).is_dir():
        raise IsADirectoryError(f"jsonl({name!r}): this is a directory; give the path of a file in it")
    return Sink("jsonl", _write_lines, (name,), {"append": True} if append else {})


async def _write_lines(items: AsyncIterator[object], name: str, *, append: bool = False) -> None:
    # The file is unbuffered: a line is in it once it is written, and closing it neither writes nor waits.
    with await _open(name, append) as file:
        lines = _Lines()
        await spool(items, lines.encode, partial(write_whole, file), lines.take)


async def _open(name: str, append: bool) -> FileIO:
    """
    Open the file in a thread that can be given up, because a named pipe opens only when somebody reads it.
    """
    thread = BlockingThread("opens a sink's file")
    try:
        return await thread.run(partial(_opened, name, append), undo=FileIO.close)
    finally:
        thread.close()


def _opened(name: str, append: bool) -> FileIO:
    file = FileIO(name, "a" if append else "w")
    try:
        if append and _ends_inside_a_line(name):
            write_whole(file, [b"\n"])
    except BaseException:
        file.close()
        raise
    return file


def _ends_inside_a_line(name: str) -> bool:
    """
    Whether a file's last line has no end, because whoever wrote it was killed, or is an editor that writes none.
    """
    try:
        with FileIO(name) as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # it is empty, or a pipe, or may not be read
        return False


def write_whole(file: FileIO, lines: list[bytes]) -> None:
    data = b"".join(lines)
    written = 0
    try:
        while written < len(data):
            written += file.write(memoryview(data)[written:])
    except OSError:
        _cut_back(file, written - (data.rfind(b"\n", 0, written) + 1))
        raise


def _cut_back(file: FileIO, torn: int) -> None:
    """
    Take the part of a line that a failed write has left off the end of the file.

    Args:
        file: The file.
        torn: How many bytes that is.
    """
    with suppress(OSError):  # a pipe keeps what it has
        end = file.tell()
        if torn and os.fstat(file.fileno()).st_size == end:  # nobody else has written behind it
            file.truncate(end - torn)


_NOTHING: Any = object()


class _Lines:
    """
    Makes a line of each item. One that ends in half of a surrogate pair waits for the next, which may begin with the other half.
    """

    def __init__(self) -> None:
        self._waiting: Any = _NOTHING

    def encode(self, item: Any) -> bytes:
        """
        The lines that are certain now that `item` has come.
        """
        if self._waiting is not _NOTHING:
            return self._after_half(item)
        try:
            return _JSON.strict(item) + b"\n"
        except UnicodeEncodeError:
            if without_half(item)[1] is None:
                return json_line(item)
        except RecursionError:
            return json_line(item)  # which says what is wrong
        self._waiting = item
        return b""

    def take(self) -> bytes:
        """
        The line of what waits; empty without any.
        """
        waiting, self._waiting = self._waiting, _NOTHING
        return b"" if waiting is _NOTHING else json_line(waiting)

    def _after_half(self, item: Any) -> bytes:
        waiting, self._waiting = self._waiting, _NOTHING
        whole, half = without_half(waiting)
        begins_with_half = "\udc00" <= (text_of(item) or "")[:1] <= "\udfff"
        if not begins_with_half or (joined := merged(half, item)) is None:
            return json_line(waiting) + self.encode(item)
        return json_line(with_text(waiting, "") if whole is None else whole) + self.encode(joined)


def json_line(item: object) -> bytes:
    """
    `item` as one line of JSON.

    Raises:
        TypeError: `item` holds something that JSON does not have.
    """
    return _JSON.encode(item) + b"\n"


_JSON = JSONText("jsonl()", plain_error)
