"""
Builds the parts of a value that a path selects, each as soon as it is there.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from streamkit._partial_json.tree import Tree

if TYPE_CHECKING:
    from streamkit._partial_json.path import Path
    from streamkit._partial_json.tree import Container

__all__ = ["SelectedParts"]


class _Place(Enum):
    """
    Where a value lies, seen from the path.
    """

    SELECTED = auto()
    AROUND = auto()  # what is selected may be in it
    OUTSIDE = auto()


class SelectedParts:
    """
    A parser's builder that keeps what is selected, and nothing else.

    Args:
        path: What to select.
        whole: Whether a string is given when it is complete. Otherwise it is given piece by piece. A path with `[*]` gives
            whole strings in any case, because the pieces of several strings could not be told apart.

    Attributes:
        found: What has been selected since somebody last took it.
    """

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        self.found: list[Any] = []
        self._path = path
        self._whole = whole or None in path
        # For each container around: the name or the index of its current value.
        self._around: list[str | int] = []
        self._outside = 0  # open containers that lie beside the path
        self._tree: Tree | None = None  # what is selected, while it is built
        self._inside = 0  # open containers of that
        self._in_pieces = False

    def begin(self, container: Container, /) -> None:
        if self._tree is not None:
            self._tree.begin(container)
            self._inside += 1
            return
        match self._next():
            case _Place.SELECTED:
                self._tree = Tree()
                self._tree.begin(container)
                self._inside = 1
            case _Place.AROUND:
                self._around.append("" if isinstance(container, dict) else -1)
            case _Place.OUTSIDE:
                self._outside += 1

    def key(self, name: str, /) -> None:
        if self._tree is not None:
            self._tree.key(name)
        elif not self._outside:
            self._around[-1] = name

    def end(self) -> None:
        if self._tree is not None:
            self._tree.end()
            self._inside -= 1
            self._give_whole()
        elif self._outside:
            self._outside -= 1
        else:
            self._around.pop()

    def scalar(self, value: object, /) -> None:
        if self._tree is not None:
            self._tree.scalar(value)
        elif self._next() is _Place.SELECTED:
            self.found.append(value)

    def begin_text(self) -> None:
        if self._tree is None and self._next() is _Place.SELECTED:
            if self._whole:
                self._tree = Tree()
            else:
                self._in_pieces = True
        if self._tree is not None:
            self._tree.begin_text()

    def text(self, more: str, /) -> None:
        if self._tree is not None:
            self._tree.text(more)
        elif self._in_pieces:
            self.found.append(more)

    def end_text(self) -> None:
        self._in_pieces = False
        self._give_whole()

    def _give_whole(self) -> None:
        if self._tree is not None and not self._inside:
            self.found.append(self._tree.top[0])
            self._tree = None

    def _next(self) -> _Place:
        """
        Where the value lies that begins now.
        """
        if self._outside:
            return _Place.OUTSIDE
        depth = len(self._around)
        if depth:
            place = self._around[-1]
            if isinstance(place, int):
                place = self._around[-1] = place + 1
            step = self._path[depth - 1]
            if step is not None and step != place:
                return _Place.OUTSIDE
        return _Place.SELECTED if depth == len(self._path) else _Place.AROUND
