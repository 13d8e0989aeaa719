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
    from collections.abc import Iterable

    from streamkit._partial_json.selector import Selector

__all__ = ["Extractor"]


class Extractor:
    """
    Feeds one text to a parser, and hands out what there is to be shown of it.

    Args:
        selector: What is wanted of the text.
        lenient: Whether anything may follow the value.
        skips_empty: Whether an empty object does not count where another object follows it. Then it is shown at the end only.

    Attributes:
        parser: How far the text has been parsed.
    """

    def __init__(self, selector: Selector, *, lenient: bool = False, skips_empty: bool = False) -> None:
        self._selector = selector
        self._skips_empty = skips_empty
        self._ended = False
        builder = self._begin()
        self.parser: Parser = Parser(builder, lenient=lenient, renew=self._begin if skips_empty else None)

    def _begin(self) -> Tree | SelectedParts:
        selector = self._selector
        self._tree = Tree() if selector.repeats else None
        self._parts = SelectedParts(selector.path or (), whole=selector.validate is not None)
        self._view: Any = None
        return self._tree or self._parts

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
        self._ended = True
        self.parser.end()

    def take(self) -> Iterable[Any]:
        """
        What there is to be shown since the last call: a `Partial`, or the selected parts.

        Raises:
            Exception: The model's own, for a value that does not fit it.
        """
        if self._skips_empty and self.parser.empty and not self._ended:
            return []
        tree = self._tree
        if tree is None:
            return self._selected()
        if not tree.changed:
            return []
        tree.changed = False
        if self._view is None:
            self._view = view(tree.top[0])
        shown = Partial(self._view, self.parser.complete)
        if isinstance(self._view, str):
            self._view = None  # a string grows in place only while nobody else holds it
        return [shown]

    def _selected(self) -> Iterable[Any]:
        found = self._parts.found
        if not found:
            return found
        self._parts.found = []
        validate = self._selector.validate
        # One after the other, so that those before one that does not fit are shown.
        return found if validate is None else map(validate, found)
