"""
How a text is cut at sentences.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamkit._operators.text.cut_rule import CutRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SentenceRule"]

_STOPS = ".!?…"
_FULL_STOPS = "。！？｡"
_CLOSERS = "\"'”’»›)]}」』）】》〉*_"  # noqa: RUF001 -- the typographic signs are meant; * and _ are Markdown's


class SentenceRule(CutRule):
    """
    A sentence ends behind one of `.!?…`, any closing quotes and brackets, and white space. Behind `。！？` the white space
    may be missing. A blank line ends a sentence too.
    """

    longest = 4096

    _RUNS = re.compile(
        rf"(?P<stop>[{_STOPS}]+)|(?P<full_stop>[{_FULL_STOPS}]+)|(?P<closer>[{re.escape(_CLOSERS)}]+)|(?P<space>\s+)"
        rf"|[^\s{_STOPS}{_FULL_STOPS}{re.escape(_CLOSERS)}]+"
    )

    def __init__(self) -> None:
        self._state = "inside"  # becomes "stop" or "full_stop", then "over"
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
