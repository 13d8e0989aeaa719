"""
How a text is cut at graphemes: characters as a person sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._operators.text.cut_rule import CutRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GraphemeRule"]


class GraphemeRule(CutRule):
    """
    An extended grapheme cluster of Unicode (UAX #29).
    """

    longest = 64

    def __init__(self) -> None:
        from wcwidth import iter_graphemes  # its tables take 15 ms, and few pipelines need them

        self._clusters = iter_graphemes
        self._cluster = ""

    def ends(self, text: str) -> Iterator[int]:
        before = len(self._cluster)
        text = self._cluster + text
        start = 0
        # Each cluster is looked for in a window of its own, so that none gets longer than allowed.
        while window := text[start : start + self.longest]:
            length = len(next(iter(self._clusters(window))))
            if length == len(window) < self.longest:
                break
            start += length
            yield start - before
        self._cluster = window
