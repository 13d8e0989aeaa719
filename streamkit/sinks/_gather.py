"""
`collect` and `join`: sinks that return all items as a list or as one text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from streamkit._core.algebra import GenericSink, Sink
from streamkit._surrogates import WholeCharacters
from streamkit.sinks._piece import piece_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from streamkit._core.algebra import Job
    from streamkit.sinks._piece import Piece

__all__ = ["Collect", "collect", "join"]

T = TypeVar("T")


class Collect(GenericSink):
    """
    The type of `collect`: a sink of items of any type that returns a list of them.
    """

    def __call__(self, source: AsyncIterable[T], /) -> Job[list[T]]:
        return super().__call__(source)


def collect() -> Collect:
    """
    A sink that returns the list of all items, in order.
    """
    return Collect("collect", _collect)


async def _collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def join(separator: str = "") -> Sink[Piece, str]:
    """
    A sink that joins the pieces of text into one.

    Where the stream starts over (`Restarted`), the text starts over too. A character that two pieces share stands in the second.

    Args:
        separator: The text between two pieces.

    Raises:
        TypeError: `separator` is not a `str`; while running, an item is not.
    """
    if not isinstance(separator, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"join() needs a str between the pieces, not {separator!r}")
    return Sink("join", _join, (separator,) if separator else ())


async def _join(items: AsyncIterator[Piece], separator: str = "") -> str:
    pieces: list[str] = []
    characters = WholeCharacters()
    async for item in items:
        piece = piece_of("join", item)
        if piece is None:
            pieces.clear()
            characters.take()
        elif piece.isascii() and not characters.half:
            pieces.append(piece)
        elif (whole := characters.feed(piece)) or not characters.half:
            pieces.append(whole)
    if half := characters.take():
        pieces.append(half)
    return separator.join(pieces)
