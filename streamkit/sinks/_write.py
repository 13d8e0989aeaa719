"""
`write`: a sink that writes text to a terminal or an open file as it comes.
"""

from __future__ import annotations

import codecs
import inspect
import io
import re
import sys
from typing import TYPE_CHECKING, Protocol

from streamkit._core.algebra import Sink
from streamkit._surrogates import WholeCharacters
from streamkit.sinks._piece import piece_of
from streamkit.sinks._spool import spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit.sinks._piece import Piece

__all__ = ["TextFile", "write"]


_SURROGATES = re.compile("[\ud800-\udfff]")
_BINARY: tuple[type, ...] = (io.RawIOBase, io.BufferedIOBase)
_ENCODING: tuple[type, ...] = (codecs.StreamWriter, codecs.StreamReaderWriter)
"""Those of `codecs`, which take text and have the mode of the binary file below."""


class TextFile(Protocol):
    """
    An open text file, such as `open(path, "w")`, `sys.stderr` or `io.StringIO()`.
    """

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def write(file: TextFile | None = None) -> Sink[Piece, None]:
    """
    A sink that writes each piece of text as it comes, and flushes the file.

    A file of the operating system is written in a worker thread, so that a full pipe does not stop the event
    loop. A file in memory is written directly. Where the stream starts over (`Restarted`), a new line begins.

    A character that two pieces share is written with the second. Half of one that nothing completes is written as U+FFFD where
    the file's encoding does not know it.

    Args:
        file: An open text file, which stays open. The default is `sys.stdout` at the time when the sink begins. Where a program
            has none, as one without a console on Windows, nothing is written, as by `print`.

    Raises:
        TypeError: `file` is not an open text file; while running, an item is not a `str`.
    """
    if file is None:
        return Sink("write", _write)
    if not all(callable(getattr(file, name, None)) for name in ("write", "flush")):
        raise TypeError(f"write() needs an open text file, such as sys.stderr or open(…, 'a'), not {file!r}")
    if inspect.iscoroutinefunction(file.write):
        raise TypeError(f"write() needs a plain text file, not an asynchronous one: {file!r}")
    if isinstance(file, _BINARY) or (
        not isinstance(file, _ENCODING) and "b" in str(getattr(file, "mode", ""))
    ):
        raise TypeError(f"write() needs a file in text mode, not in binary mode: {file!r}")
    return Sink("write", _write, (file,))


async def _write(items: AsyncIterator[Piece], file: TextFile | None = None) -> None:
    target = _standard_output() if file is None else file
    characters = WholeCharacters()

    def text(item: Piece) -> str:
        piece = piece_of("write", item)
        if piece is None:
            characters.take()
            return "\n"
        return piece if piece.isascii() and not characters.half else characters.feed(piece)

    def put(pieces: list[str]) -> None:
        try:
            target.write("".join(pieces))
        except UnicodeEncodeError:
            # Nothing of it has been written. The file knows all of it but the halves, or it raises again, at the piece that it
            # does not know.
            try:
                for piece in pieces:
                    target.write(_SURROGATES.sub("\ufffd", piece))
            finally:
                target.flush()
        target.flush()

    if _may_block(target):
        await spool(items, text, put, characters.take)
    else:
        try:
            async for item in items:
                put([text(item)])
        finally:
            if half := characters.take():
                put([half])


class _Nowhere:
    def write(self, text: str, /) -> None: ...
    def flush(self) -> None: ...


def _standard_output() -> TextFile:
    stdout: TextFile | None = sys.stdout  # None in a program without a console
    return _Nowhere() if stdout is None else stdout


def _may_block(file: TextFile) -> bool:
    fileno = getattr(file, "fileno", None)
    if fileno is None:
        return False
    try:
        fileno()
    except OSError:  # io.UnsupportedOperation: a file in memory
        return False
    return True
