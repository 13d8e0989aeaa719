"""
`until`: the text before a phrase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.algebra import Operator, Transducer
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure
from streamkit._surrogates import WholeCharacters, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["until"]


@keyword_hints
def until(text: str, /, *, inclusive: bool = False) -> Operator[str, str]:
    """
    The text before a phrase. The phrase is found however the pieces cut it; then upstream is closed.

    Only what may be the beginning of the phrase is held back, until it is clear whether it is.

        -a-b-c-d|
        until("bc")
        -a---|

    Args:
        text: The phrase, matched exactly.
        inclusive: Whether the phrase itself is handed on too; then nothing needs to be held back.

    Raises:
        TypeError: `text` is not a string; while running, an item is not.
        ValueError: `text` is empty.

    Emits: a string for each piece, without what is held back; never an empty one.
    Backpressure: none of its own.
    Completes: when the phrase is found, after closing upstream; else with its upstream, after what is held back.
    Fails: with its upstream, after what is held back.
    Cancels: at once.
    Memory: the phrase.
    """
    return Operator(pure("until", Until, text, inclusive=True) if inclusive else pure("until", Until, text))


class Until(Transducer[str, str]):
    """
    The search of Knuth, Morris and Pratt. What is held back always reads like the beginning of the phrase, so only the
    length of the match needs to be remembered.
    """

    expands = False
    flushes_on_error = True
    memory = "the phrase"

    def __init__(self, phrase: str, *, inclusive: bool = False) -> None:
        if not isinstance(phrase, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"until() needs a string, not {phrase!r}")
        if not phrase:
            raise ValueError('until("") would end before it begins: give the phrase to stop at')
        self.phrase = phrase
        self.inclusive = inclusive
        self.borders: list[int] = _borders(phrase)
        self.matched: int = 0
        self.whole: WholeCharacters = WholeCharacters()

    def feed(self, item: str) -> Iterable[str]:
        if item.__class__ is not str:
            if not isinstance(item, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"until() searches strings, not {type(item).__name__}: put text() before it")
            item = plain_text(item)
        if not item.isascii() or self.whole.half:
            item = self.whole.feed(item)
        before = self.matched
        if not before and self.phrase[0] not in item:
            return (item,) if item else ()
        read = self._search(item)
        found = self.matched == len(self.phrase)
        if self.inclusive:
            piece = item[:read]
        else:
            # What was held back and what was read, without what is held back now or is the phrase.
            length = before + read - self.matched
            piece = self.phrase[: min(length, before)] + item[: max(length - before, 0)]
        if found:
            self.done = True
            self.reset()
        return (piece,) if piece else ()

    def flush(self) -> Iterable[str]:
        # With `inclusive` the beginning of the phrase has been handed on.
        held = ("" if self.inclusive else self.phrase[: self.matched]) + self.whole.take()
        self.matched = 0
        return (held,) if held else ()

    def reset(self) -> None:
        self.matched = 0
        self.whole.take()

    def _search(self, piece: str) -> int:
        """
        Continue the search through `piece`. Returns how many characters were read: all of them, unless the phrase ends
        earlier.
        """
        phrase, borders, matched = self.phrase, self.borders, self.matched
        position, end, whole = 0, len(piece), len(phrase)
        while position < end and matched < whole:
            if not matched:
                position = piece.find(phrase[0], position)
                if position < 0:
                    position = end
                    break
            if piece[position] == phrase[matched]:
                position += 1
                matched += 1
            else:
                matched = borders[matched - 1]
        self.matched = matched
        return position


def _borders(phrase: str) -> list[int]:
    """
    For each beginning of the phrase, the length of the longest shorter one that it ends with.
    """
    borders = [0]
    length = 0
    for character in phrase[1:]:
        while length and character != phrase[length]:
            length = borders[length - 1]
        length += character == phrase[length]
        borders.append(length)
    return borders
