"""
The cutter: it cuts a text that comes in chunks of any size into pieces of one kind.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from streamkit._core.naming import value_text
from streamkit._operators.text.grapheme_rule import GraphemeRule
from streamkit._operators.text.line_rule import LineRule
from streamkit._operators.text.match_automaton import MatchAutomaton
from streamkit._operators.text.regex_rule import RegexRule
from streamkit._operators.text.sentence_rule import SentenceRule
from streamkit._operators.text.word_rule import WordRule
from streamkit._surrogates import WholeCharacters

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._operators.text.cut_rule import CutRule

__all__ = ["Cutter", "cut_rule"]

_RULES: Final[dict[str, Callable[[], CutRule]]] = {
    "word": WordRule,
    "sentence": SentenceRule,
    "line": LineRule,
    "grapheme": GraphemeRule,
}


def cut_rule(operator: str, by: str | re.Pattern[str]) -> Callable[[], CutRule]:
    """
    A function that makes the rule for `by`; each text needs a rule of its own.

    Args:
        operator: The name of the operator, for error messages.
        by: The kind of piece, or a regex.

    Raises:
        TypeError: `by` is neither a string nor a regex for strings.
        ValueError: `by` is neither a kind of piece nor a valid regex, or it matches the empty string.
    """
    if isinstance(by, str) and by in _RULES:
        return _RULES[by]
    pattern = _compiled(operator, by)
    if pattern.search("") is not None:
        raise ValueError(
            f"{operator}() cannot cut at {pattern.pattern!r}, because it matches the empty string"
        )
    return partial(RegexRule, pattern, MatchAutomaton(pattern, RegexRule.longest))


def _compiled(operator: str, by: str | re.Pattern[str]) -> re.Pattern[str]:
    known = ", ".join(map(repr, _RULES))
    if isinstance(by, re.Pattern) and isinstance(by.pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        return by
    if not isinstance(by, str):
        raise TypeError(f"{operator}() cuts at {known} or a regex for strings, not {value_text(by)}")
    if not by or by.isidentifier():
        # This is more likely a slip than a regex, and as a regex it would hardly match anywhere.
        raise ValueError(
            f"{operator}() cuts at {known} or a regex, not {by!r}; as a regex write re.compile({by!r})"
        )
    try:
        return re.compile(by)
    except re.error as error:
        raise ValueError(
            f"{operator}() cuts at {known} or a regex, and {by!r} is not a valid one: {error}"
        ) from None


class Cutter:
    """
    Cuts one text. The pieces in their order are the whole text, and none of them is empty.

    Attributes:
        longest: The most characters that a piece can have.
        size: How many characters are held because the end of their piece is not known yet. Half of a surrogate pair, which waits
            for the other half, does not count.
    """

    def __init__(self, rule: Callable[[], CutRule]) -> None:
        self._new_rule = rule
        self._rule = rule()
        self._held: list[str] = []
        self._whole = WholeCharacters()
        self.longest: int = self._rule.longest
        self.size: int = 0

    def feed(self, text: str) -> list[str]:
        """
        The pieces whose end is certain now that `text` has come.
        """
        if not text.isascii() or self._whole.half:
            text = self._whole.feed(text)
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
        The characters that are held, as a piece. The text may go on.
        """
        held = "".join(self._held)
        self._held.clear()
        self.size = 0
        return held

    def end(self) -> str:
        """
        All that is held, as a piece, because nothing follows. It may be empty.
        """
        return self.take() + self._whole.take()

    def restart(self) -> None:
        """
        Drop the characters that are held, because another text begins.
        """
        self._whole.take()
        self._rule = self._new_rule()
        self._held.clear()
        self.size = 0

    def _cut(self, text: str, start: int, end: int, pieces: list[str]) -> int:
        if (
            end < 0
        ):  # a rule that looked further ahead than one character, and so learned late of an end within what is held
            held = self.take()
            pieces.append(held[:end])
            self._held.append(held[end:])
            return end
        self._held.append(text[max(start, 0) : end])
        pieces.append(self.take())
        return end
