"""
Finds where the JSON begins in a text that may hold prose too. Each piece of the text is read once.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

__all__ = ["ValueFinder"]

_FIRST = re.compile(r"[^ \t\r\n\ufeff]").search
_BLANKS = re.compile(r"[ \t]*").match
_NUMBER = re.compile(r"-?[0-9][-+.0-9eE]*").fullmatch
_OF_A_NUMBER = re.compile(r"[-+.0-9eE]*").match
_OF_A_WORD = re.compile(r"[a-z]*").match
_WORDS: Final = ("true", "false", "null")
_FENCE: Final = 3
"""Backticks that open a fenced block."""


class ValueFinder:
    """
    Looks for the first value in a text that comes in pieces.

    A text that is JSON from its first character on is taken as it is. Otherwise what stands before is prose, up to the first line
    that begins with `{` or `[`, or that opens a fenced block.

    Attributes:
        read: Characters of the text so far.
        passed: Those before the value.
    """

    def __init__(self) -> None:
        self.read: int = 0
        self.passed: int = 0
        self._blank = True
        self._scalar: _Scalar | None = None  # while the text may be nothing but a number or a word
        self._line = _Line()

    def feed(self, text: str) -> str | None:
        """
        The beginning of the value, once it is found; None before.
        """
        before = self.read
        self.read += len(text)
        at = 0
        if self._blank:
            if (first := _FIRST(text)) is None:
                return None
            self._blank = False
            at = first.start()
            if text[at] in '{["':
                return self._begin(text, before, at)
            self._scalar = _Scalar(before + at)
        if self._scalar is not None and not self._scalar.feed(text, at):
            self._scalar = None
        begins = self._line.feed(text, at)
        return None if begins is None else self._begin(text, before, begins)

    def begin_line(self) -> None:
        """
        Say that what follows begins a line, because another text block begins.
        """
        if not self._blank:
            self._line.begin()
            if self._scalar is not None:
                self._scalar.end_token()

    def end(self) -> str | None:
        """
        At the end of the text: the value, if it is a number or a word that is all of the text; else None.
        """
        if self._scalar is None or (value := self._scalar.value()) is None:
            return None
        self.passed = self._scalar.offset
        return value

    def _begin(self, text: str, before: int, at: int) -> str:
        self.passed = before + at
        return text[at:]


class _Place(Enum):
    """
    Where in a line of prose the text is.
    """

    BEGINNING = auto()  # nothing but blanks so far
    TICKS = auto()
    INSIDE = auto()
    IN_FENCE = auto()  # in a line that opens a fenced block
    FOUND = auto()


class _Line:
    """
    Follows lines of prose up to one that begins a value, or opens a fenced block of it.
    """

    def __init__(self) -> None:
        self._place = _Place.BEGINNING
        self._ticks = 0

    def begin(self) -> None:
        """
        The line has ended without a sign for it.
        """
        self._place = _Place.FOUND if self._place is _Place.IN_FENCE else _Place.BEGINNING

    def feed(self, text: str, at: int) -> int | None:
        """
        Read on from a place in `text`. Returns where the value begins, or None.
        """
        size = len(text)
        while at < size:
            match self._place:
                case _Place.BEGINNING:
                    found = _BLANKS(text, at)
                    at = at if found is None else found.end()
                    if at == size:
                        return None
                    if text[at] in "{[":
                        return at
                    self._ticks = 0
                    self._place = _Place.TICKS if text[at] == "`" else _Place.INSIDE
                case _Place.TICKS:
                    if text[at] != "`":
                        self._place = _Place.INSIDE
                        continue
                    at += 1
                    self._ticks += 1
                    if self._ticks == _FENCE:
                        self._place = _Place.IN_FENCE
                case _Place.INSIDE:
                    if (at := text.find("\n", at) + 1) == 0:
                        return None
                    self._place = _Place.BEGINNING
                case _Place.IN_FENCE:
                    at = text.find("\n", at) + 1
                    return at or None
                case _Place.FOUND:
                    return at
        return None


class _Scalar:
    """
    Follows a text that may be nothing but a number or a word of JSON: it cannot be told before the end.

    Attributes:
        offset: Where it begins, in characters from the beginning of the text.
    """

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._pieces: list[str] = []
        self._start: str = ""  # its first two characters
        self._ended = False

    def feed(self, text: str, at: int) -> bool:
        """
        Read on from a place in `text`. Returns whether it may still be so.
        """
        if not self._ended:
            word = (self._start or text[at : at + 1]).isalpha()
            found = (_OF_A_WORD if word else _OF_A_NUMBER)(text, at)
            end = at if found is None else found.end()
            piece, at = text[at:end], end
            if piece:
                self._pieces.append(piece)
                self._start = (self._start + piece[:2])[:2]
            if not self._may_be(word=word):
                return False
            if at == len(text):
                return True
            self._ended = True
        return text[at:].isspace() or at == len(text)

    def end_token(self) -> None:
        """
        Nothing but white space may follow.
        """
        self._ended = True

    def value(self) -> str | None:
        """
        Its text, if it is a value.
        """
        token = "".join(self._pieces)
        return token if token in _WORDS or _NUMBER(token) else None

    def _may_be(self, *, word: bool) -> bool:
        if word:
            # It has at most as many pieces as the longest word has letters: one more, and it is not one of them.
            return len(self._pieces) <= len("false") and any(
                each.startswith("".join(self._pieces)) for each in _WORDS
            )
        return self._start == "-" or (bool(self._start) and self._start.removeprefix("-")[:1].isdigit())
