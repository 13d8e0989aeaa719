"""
How a text is cut at words, also in scripts that are written without spaces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamkit._operators.text.cut_rule import CutRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WordRule"]


# White space, and the other signs that separate words: those of Tibetan and Ethiopic, and the invisible space of
# South-East Asia.
_SPACE = r"\s\u0f0b\u1361\u200b"

# The letters of scripts that are written without spaces. As in UAX #29, each of them is a word, with the marks behind it.
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
# A letter behind one of these signs is written below the letter before it, so they belong to one word.
_STACKING = r"\u1039\u17d2\u1a60"
# Unicode calls these letters, but readers see marks, so they stay with the letter before them.
_MARKS = r"\u0e33\u0eb3\u30fc\uff70\uff9e\uff9f"

_RUNS = rf"[{_UNSPACED}][{_SPACE}]*|[^{_SPACE}{_UNSPACED}]+[{_SPACE}]*|[{_SPACE}]+"
_BETWEEN = rf"[{_SPACE}][^{_SPACE}]|[^{_STACKING}][{_UNSPACED}]|[{_UNSPACED}](?![{_MARKS}])\w"


class WordRule(CutRule):
    """
    A word is a run of characters that are not white space, with the white space behind it. In scripts without spaces, each
    letter is a word.
    """

    longest = 256

    def __init__(self) -> None:
        self._runs = re.compile(_RUNS)  # with the first rule: it takes as long as importing twenty modules
        self._between = re.compile(_BETWEEN)
        self._before = ""

    def ends(self, text: str) -> Iterator[int]:
        for run in self._runs.finditer(text):
            start = run.start()
            pair = text[start - 1 : start + 1] if start else self._before + text[0]
            if self._between.match(pair):
                yield start
        self._before = text[-1]
