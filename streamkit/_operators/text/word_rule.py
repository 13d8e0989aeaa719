"""
Rules: where the words, sentences and lines of a text end, and the matches of a regex.

A rule reads the text chunk by chunk, each character once (a regex: what it holds), and says where pieces end as soon as
that is certain: what it says never depends on where the chunks were cut.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamkit._operators.text.match_automaton import Endings

__all__ = ["Lines", "Matches", "Rule", "Sentences", "Words"]


class Rule(ABC):
    """
    Where pieces of one kind end, in one text.
    """

    longest: ClassVar[int]
    """Characters that a piece has at most; a longer one is cut there."""

    @abstractmethod
    def ends(self, text: str) -> Iterator[int]:
        """
        The places in the next chunk at which a piece ends, in order; 0 is the end of the chunk before. To be read whole.
        """


# White space, and what stands between words in scripts that have another sign for it: Tibetan, Ethiopic, and the
# invisible space of South-East Asia.
_SPACE = r"\s\u0f0b\u1361\u200b"

# The letters of scripts written without spaces: as in UAX #29, each is a word of its own, with the marks behind it.
_UNSPACED = (
    r"\u0e01-\u0e30\u0e32\u0e40-\u0e46"  # Thai
    r"\u0e81-\u0eb0\u0eb2\u0ebd-\u0ec6\u0edc-\u0edf"  # Lao
    r"\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e"  # Myanmar
    r"\ua9e0-\ua9e4\ua9e6-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa76\uaa7a\uaa7e\uaa7f"  # its extensions
    r"\u1780-\u17b3\u17d7\u17dc"  # Khmer
    r"\u1950-\u19ab\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5\uaab6\uaab9-\uaabd\uaac0\uaac2"  # Tai
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303c"  # Han: radicals, signs, numerals
    r"\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d"  # kana
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003fffd"  # Han, old kana
)
# Behind these a letter is written below the one before.
_STACKING = r"\u1039\u17d2\u1a60"
# Letters to Unicode, and marks to a reader: they stay with the letter before.
_MARKS = r"\u0e33\u0eb3\u30fc\uff70\uff9e\uff9f"


class Words(Rule):
    """
    A word is a run of characters that are no white space, with the white space behind it; a letter of a script without
    spaces is one too.
    """

    longest = 256

    _RUNS = re.compile(rf"[{_UNSPACED}][{_SPACE}]*|[^{_SPACE}{_UNSPACED}]+[{_SPACE}]*|[{_SPACE}]+")
    _BETWEEN = re.compile(rf"[{_SPACE}][^{_SPACE}]|[^{_STACKING}][{_UNSPACED}]|[{_UNSPACED}](?![{_MARKS}])\w")

    def __init__(self) -> None:
        self._before = ""

    def ends(self, text: str) -> Iterator[int]:
        for run in self._RUNS.finditer(text):
            start = run.start()
            pair = text[start - 1 : start + 1] if start else self._before + text[0]
            if self._BETWEEN.match(pair):
                yield start
        self._before = text[-1]


_STOPS = ".!?…"
_FULL_STOPS = "。！？｡"
_CLOSERS = "\"'”’»›)]}」』）】》〉*_"  # noqa: RUF001 -- the typographic signs are meant; * and _ are Markdown's


class Sentences(Rule):
    """
    A sentence ends behind one of `.!?…`, what closes quotes and brackets, and white space; behind `。！？` the white
    space may be missing. A blank line ends it too.
    """

    longest = 4096

    _RUNS = re.compile(
        rf"(?P<stop>[{_STOPS}]+)|(?P<full_stop>[{_FULL_STOPS}]+)|(?P<closer>[{re.escape(_CLOSERS)}]+)|(?P<space>\s+)"
        rf"|[^\s{_STOPS}{_FULL_STOPS}{re.escape(_CLOSERS)}]+"
    )

    def __init__(self) -> None:
        self._state = "inside"  # then "stop" or "full_stop", then "over"
        self._newlines = 0

    def ends(self, text: str) -> Iterator[int]:
        for run in self._RUNS.finditer(text):
            kind = run.lastgroup
            if kind == "space":
                self._newlines += run.group().count("\n")
                if self._state != "inside" or self._newlines > 1:
                    self._state = "over"
                continue
            self._newlines = 0
            if self._state == "over" or (self._state == "full_stop" and kind is None):
                yield run.start()
                self._state = "inside"
            if kind == "full_stop" or (kind == "stop" and self._state != "full_stop"):
                self._state = kind
            elif kind is None:
                self._state = "inside"


class Lines(Rule):
    r"""
    A line ends behind its `\n`, `\r\n` or `\r`.
    """

    longest = 65_536

    _TERMINATORS = re.compile(r"\r\n?|\n")

    def __init__(self) -> None:
        self._return_waits = False

    def ends(self, text: str) -> Iterator[int]:
        if self._return_waits and text[0] != "\n":
            yield 0
        self._return_waits = text[-1] == "\r"
        for terminator in self._TERMINATORS.finditer(text):
            end = terminator.end()
            if end < len(text) or not self._return_waits:
                yield end


class Matches(Rule):
    """
    A piece ends behind the first match in it that the next character does not change any more.

    That is asked anew at each character, as if the text came one by one: what a chunk has more would change which match
    is found. The regex itself is only run where `Endings` says that the answer can be new. It sees one piece, from its
    beginning on, and matches that are empty where the piece begins do not count.
    """

    longest = 16_384

    def __init__(self, pattern: re.Pattern[str], endings: Endings) -> None:
        self._pattern = pattern
        self._endings = endings
        self._piece = ""
        self._begin()

    def ends(self, text: str) -> Iterator[int]:
        before = known = len(self._piece)
        text = self._piece + text
        start = 0
        while length := self._length(text[start : start + self.longest], known):
            start += length
            known = 0
            self._begin()
            yield start - before
        self._piece = text[start:]

    def _begin(self) -> None:
        self._state = 0
        self._alive = 0  # where the first match can begin that is not known yet
        self._alive_next = 0  # the same, once what ended before it has seen all that it looks ahead to
        self._ask = 0  # for how many characters more, the next one the first

    def _length(self, window: str, known: int) -> int:
        """
        The length of the piece with which `window` begins, of which `known` characters were seen before; 0 if unknown.
        """
        endings = self._endings
        after, at, last = endings.after, endings.at, endings.last
        state, ask = self._state, self._ask
        for arrived in range(known + 1, len(window) + 1):
            state = after(state) & at(window[arrived - 1])
            if state & last or endings.empty:
                ask = endings.ahead + 1
            if ask:
                end = self._end(window, arrived)
                if end is not None and end < arrived:
                    return end
                ask = ask - 1 if end is None else max(ask - 1, 1)
            if arrived >= self._alive_next + endings.ahead:
                self._alive = self._alive_next
                if not state:
                    self._alive_next = arrived
        self._state, self._ask = state, ask
        return len(window) if len(window) == self.longest else 0

    def _end(self, window: str, arrived: int) -> int | None:
        match = self._pattern.search(window, self._alive, arrived)
        if match is not None and not match.end():
            match = self._pattern.search(window, 1, arrived)
        return None if match is None else match.end()
