"""
Reading one text: the parser, what it builds, and what is shown of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._partial_json.model import validator
from streamkit._partial_json.parser import Parser
from streamkit._partial_json.path import parse_path
from streamkit._partial_json.selection import Selection
from streamkit._partial_json.tree import Tree
from streamkit._partial_json.views import Partial, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._partial_json.path import Path

__all__ = ["Reading", "Wanted"]


class Wanted:
    """
    What is asked of a text.

    Args:
        path: The part of it; None for the whole.
        model: What complete values are made into; None for nothing.

    Raises:
        TypeError: `path` is no string, or `model` no model.
        ValueError: `path` cannot be followed.

    Attributes:
        memory: What a reading of it holds at most, in words.
        repeats: Whether it shows the same thing again as it grows, and not one thing after the other.
    """

    def __init__(self, path: str | None, model: Any) -> None:
        self.path: Path | None = None if path is None else parse_path(path)
        self.validate: Callable[[Any], Any] | None = None if model is None else validator(model)
        self.memory: str = "the value so far" if path is None else "what the path selects, one at a time"
        self.repeats: bool = path is None and model is None


class Reading:
    """
    Reads one text.

    Args:
        wanted: What is asked of it.
        lenient: Whether anything may follow the value.

    Attributes:
        parser: How far it has come.
    """

    def __init__(self, wanted: Wanted, *, lenient: bool = False) -> None:
        self._validate = wanted.validate
        self._tree = Tree() if wanted.repeats else None
        self._selection = Selection(wanted.path or (), whole=wanted.validate is not None)
        self.parser: Parser = Parser(self._tree or self._selection, lenient=lenient)
        self._view: Any = None

    def feed(self, text: str) -> None:
        """
        Read more of the text.

        Raises:
            Flaw: It is no JSON.
        """
        self.parser.feed(text)

    def end(self) -> None:
        """
        There is no more of it.

        Raises:
            Flaw: The value is not complete.
        """
        self.parser.end()

    def take(self) -> list[Any]:
        """
        What there is to be shown since the last time.

        Raises:
            Exception: What the model has against a value.
        """
        tree = self._tree
        if tree is not None:
            if not tree.changed:
                return []
            tree.changed = False
            if self._view is None or isinstance(self._view, str):
                self._view = view(tree.top[0])
            return [Partial(self._view, self.parser.complete)]
        found = self._selection.found
        if not found:
            return found
        self._selection.found = []
        return found if self._validate is None else [self._validate(value) for value in found]
