"""
Takes out of one text what a selector wants, while the text is being written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._partial_json.parser import Parser
from streamkit._partial_json.selected_parts import SelectedParts
from streamkit._partial_json.tree import Tree
from streamkit._partial_json.views import Partial, view

if TYPE_CHECKING:
    from streamkit._partial_json.selector import Selector

__all__ = ["Extractor"]


class Extractor:
    """
    Feeds one text to a parser, and hands out what there is to be shown of it.

    Args:
        selector: What is wanted of the text.
        lenient: Whether anything may follow the value.

    Attributes:
        parser: How far the text has been parsed.
    """

    def __init__(self, selector: Selector, *, lenient: bool = False) -> None:
        self._validate = selector.validate
        self._tree = Tree() if selector.repeats else None
        self._parts = SelectedParts(selector.path or (), whole=selector.validate is not None)
        self.parser: Parser = Parser(self._tree or self._parts, lenient=lenient)
        self._view: Any = None

    def feed(self, text: str) -> None:
        """
        Read more of the text.

        Raises:
            ParseError: It is not JSON.
        """
        self.parser.feed(text)

    def end(self) -> None:
        """
        Say that no more of the text comes.

        Raises:
            ParseError: The value is not complete.
        """
        self.parser.end()

    def take(self) -> list[Any]:
        """
        What there is to be shown since the last call: a `Partial`, or the selected parts.

        Raises:
            Exception: The model's own, for a value that does not fit it.
        """
        return self._selected() if self._tree is None else self._grown(self._tree)

    def _grown(self, tree: Tree) -> list[Any]:
        if not tree.changed:
            return []
        tree.changed = False
        if self._view is None or isinstance(self._view, str):
            self._view = view(tree.top[0])
        return [Partial(self._view, self.parser.complete)]

    def _selected(self) -> list[Any]:
        found = self._parts.found
        if not found:
            return found
        self._parts.found = []
        return found if self._validate is None else [self._validate(value) for value in found]
