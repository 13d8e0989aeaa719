"""
Cutting: a text that comes in chunks of any size, in pieces of one kind.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from streamkit._core.naming import value_text
from streamkit._operators.text.grapheme_rule import Graphemes
from streamkit._operators.text.match_automaton import Endings
from streamkit._operators.text.word_rule import Lines, Matches, Sentences, Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._operators.text.word_rule import Rule

__all__ = ["Cutter", "rule"]

_RULES: Final[dict[str, Callable[[], Rule]]] = {
    "word": Words,
    "sentence": Sentences,
    "line": Lines,
    "grapheme": Graphemes,
}


def rule(operator: str, by: str | re.Pattern[str]) -> Callable[[], Rule]:
    """
    What makes the rule that `by` asks for, for each text anew.

    Raises:
        TypeError: `by` is neither a string nor a regex for strings.
        ValueError: It names no kind of piece, is no regex, or one that matches the empty string.
    """
    if isinstance(by, str) and by in _RULES:
        return _RULES[by]
    pattern = _compiled(operator, by)
    if pattern.search("") is not None:
        raise ValueError(f"{operator}() cannot cut at {pattern.pattern!r}, for it matches the empty string")
    return partial(Matches, pattern, Endings(pattern, Matches.longest))


def _compiled(operator: str, by: str | re.Pattern[str]) -> re.Pattern[str]:
    known = ", ".join(map(repr, _RULES))
    if isinstance(by, re.Pattern) and isinstance(by.pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        return by
    if not isinstance(by, str):
        raise TypeError(f"{operator}() cuts at {known} or a regex for strings, not {value_text(by)}")
    if not by or by.isidentifier():
        # More likely a slip than a regex, and one that would find no end anywhere.
        raise ValueError(
            f"{operator}() cuts at {known} or a regex, not {by!r}; as a regex write re.compile({by!r})"
        )
    try:
        return re.compile(by)
    except re.error as error:
        raise ValueError(f"{operator}() cuts at {known} or a regex, and {by!r} is none: {error}") from None


class Cutter:
    """
    One text. Its pieces, one after another, are the text, and none of them is empty.

    Attributes:
        longest: Characters that a piece has at most.
        size: Characters held, because where their piece ends is not known yet.
    """

    def __init__(self, rule: Callable[[], Rule]) -> None:
        self._new_rule = rule
        self._rule = rule()
        self._held: list[str] = []
        self.longest: int = self._rule.longest
        self.size: int = 0

    def feed(self, text: str) -> list[str]:
        """
        The pieces whose end is certain now.
        """
        if not text:
            return []
        pieces: list[str] = []
        longest = self.longest
        start = -self.size
        for end in self._rule.ends(text):
            while end - start > longest:
                start = self._cut(text, start, start + longest, pieces)
            if end > start:
                start = self._cut(text, start, end, pieces)
        while len(text) - start >= longest:
            start = self._cut(text, start, start + longest, pieces)
        self._held.append(text[max(start, 0) :])
        self.size = len(text) - start
        return pieces

    def take(self) -> str:
        """
        What is held, as a piece; the text may go on.
        """
        held = "".join(self._held)
        self._held.clear()
        self.size = 0
        return held

    def restart(self) -> None:
        """
        Drop what is held: another text begins.
        """
        self._rule = self._new_rule()
        self._held.clear()
        self.size = 0

    def _cut(self, text: str, start: int, end: int, pieces: list[str]) -> int:
        self._held.append(text[max(start, 0) : end])
        pieces.append(self.take())
        return end
