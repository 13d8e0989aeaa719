"""
Finds where the JSON begins in a text that may hold prose too.
"""

from __future__ import annotations

import re

__all__ = ["ValueFinder"]

_FIRST = re.compile(r"[^ \t\r\n\ufeff]").search
# A number or a word may be all of the text, or begin a sentence.
_SCALAR = re.compile(r"(?:-?[0-9][-+.0-9eE]*|true|false|null)\s*").fullmatch
_MAYBE_SCALAR = re.compile(
    r"-?(?:[0-9][-+.0-9eE]*)?|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?"
).fullmatch
_LINE = re.compile(r"^[ \t]*(?:(?=[{\[])|```[^\n]*\n)", re.MULTILINE).search
# What may still become such a line: its beginning, or that of a line that opens a fenced block.
_MAYBE_LINE = re.compile(r"[ \t]*`{0,2}").fullmatch
_FENCE = re.compile(r"[ \t]*```[^\n]*").fullmatch


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
        self._held = ""
        self._in_prose = False

    def feed(self, text: str) -> str | None:
        """
        The beginning of the value, once it is found; None before.
        """
        self.read += len(text)
        self._held += text
        if not self._in_prose:
            if (first := _FIRST(self._held)) is None:
                self._keep("")
                return None
            if first[0] in '{["':
                return self._begin(first.start())
            rest = self._held[first.start() :]
            if _SCALAR(rest) or _MAYBE_SCALAR(rest):
                return None
            self._in_prose = True
        if (line := _LINE(self._held)) is not None:
            return self._begin(line.end())
        self._forget()
        return None

    def end(self) -> str | None:
        """
        At the end of the text: the value, if it is a number or a word that is all of the text; else None.
        """
        first = None if self._in_prose else _FIRST(self._held)
        return (
            None if first is None or not _SCALAR(self._held[first.start() :]) else self._begin(first.start())
        )

    def _begin(self, at: int) -> str:
        self.passed += at
        return self._held[at:]

    def _forget(self) -> None:
        """
        Drop prose: only its last line matters, and of that only how it begins.
        """
        line = self._held[self._held.rfind("\n") + 1 :]
        self._keep(line if _MAYBE_LINE(line) else "```" if _FENCE(line) else "x")

    def _keep(self, text: str) -> None:
        self.passed += len(self._held) - len(text)
        self._held = text
