"""
`recut`: the same text in other pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.algebra import Operator, Transducer
from streamkit._core.stage import pure
from streamkit._operators.text.cutter import Cutter, cut_rule
from streamkit._surrogates import plain_text

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

__all__ = ["recut"]


def recut(by: str | re.Pattern[str], /) -> Operator[str, str]:
    r"""
    The same text in other pieces: word by word, line by line, … The pieces do not depend on how the text was cut before.

    * `"word"`: a run of characters that are not white space, with the white space behind it; in scripts without spaces
      (Chinese, Japanese, Thai, …) a letter. White space at the beginning is a piece of its own. At most 256 characters.
    * `"sentence"`: up to one of `.!?…` with closing quotes and brackets, if white space follows; up to `。！？` in any case; up
      to a blank line. Abbreviations are not known: `Dr. No` is cut, `3.14` is not. At most 4,096 characters.
    * `"line"`: up to `\n`, `\r\n` or `\r`, with it. At most 65,536 characters.
    * `"grapheme"`: what a person sees as one character: a letter with its accents, an emoji with its skin tone, a flag. At
      most 64 characters as Python counts them.
    * a regex: up to a match, with it. At most 16,384 characters.

    A piece that would be longer is cut at that length.

    A match of a regex that reaches the end of what has arrived may still grow, so it waits for the next character. Text
    behind that character cannot change the match any more, so a look-ahead sees one character. The regex is shown one piece
    at a time, and nothing of the piece before. It is run where a match can end, not at each character. A regex that is slow
    on a whole text, such as `(a+)+b`, is slow here too.

        -ab,cd-|
        recut(",")
        ----A--(B|)

        A = 'ab,'
        B = 'cd'

    Args:
        by: The kind of piece, or a regex: a string that is not a plain name, or what `re.compile` returns.

    Raises:
        TypeError: `by` is neither a string nor a regex for strings; while running, an item is not a string.
        ValueError: `by` is neither a kind of piece nor a valid regex, or it matches the empty string.

    Emits: each piece as soon as its end is certain, which is often at the first character behind it; never an empty one.
    Backpressure: none of its own.
    Completes: with its upstream, after what is held.
    Fails: with its upstream, after what is held.
    Cancels: at once.
    Memory: one piece.
    """
    return Operator(pure("recut", Recut, by))


class Recut(Transducer[str, str]):
    flushes_on_error = True

    def __init__(self, by: str | re.Pattern[str]) -> None:
        make = cut_rule("recut", by)
        self.cutter: Cutter = Cutter(make)
        self.memory: str = f"one piece, of at most {self.cutter.longest:,} characters"

    def feed(self, item: str) -> Iterable[str]:
        if item.__class__ is not str:
            if not isinstance(item, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"recut() cuts strings, not {type(item).__name__}: put text() before it")
            item = plain_text(item)
        return self.cutter.feed(item)

    def flush(self) -> Iterable[str]:
        held = self.cutter.end()
        return (held,) if held else ()

    def reset(self) -> None:
        self.cutter.restart()
