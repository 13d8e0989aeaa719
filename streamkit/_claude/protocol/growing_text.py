"""
A text that comes in many small pieces, and takes little more memory than its characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GrowingText"]

_MOST_PIECES: Final = 256
"""Pieces that are kept as they are. Each takes about 50 bytes more than its characters."""


class GrowingText:
    """
    Joins pieces as they come. An `io.StringIO` keeps up to 100,000 of them.
    """

    __slots__ = ("_joined", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._joined: list[str] = []  # the text before them, each of so many pieces

    def write(self, piece: str) -> None:
        """
        Add a piece.
        """
        pieces = self._pieces
        pieces.append(piece)
        if len(pieces) > _MOST_PIECES:
            self._join()

    def writer(self) -> Callable[[str], None]:
        """
        What adds pieces with less work for each, where many come at once. They are joined when it is asked for again.
        """
        if len(self._pieces) > _MOST_PIECES:
            self._join()
        return self._pieces.append

    def getvalue(self) -> str:
        """
        The text so far.
        """
        if self._pieces:
            self._join()
        if len(self._joined) > 1:
            self._joined = ["".join(self._joined)]
        return self._joined[0] if self._joined else ""

    def take(self) -> str:
        """
        The text so far, of which nothing is kept.
        """
        text, self._joined = self.getvalue(), []
        return text

    def _join(self) -> None:
        self._joined.append("".join(self._pieces))
        self._pieces.clear()  # it stays the same list, which a `writer` adds to
