"""
How a text is cut at lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamkit._operators.text.cut_rule import CutRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LineRule"]


class LineRule(CutRule):
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
