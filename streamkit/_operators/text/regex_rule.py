"""
How a text is cut at the matches of a regex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._operators.text.cut_rule import CutRule

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from streamkit._operators.text.match_automaton import MatchAutomaton

__all__ = ["RegexRule"]


class RegexRule(CutRule):
    """
    A piece ends behind the first match in it that the next character cannot change any more.

    The rule behaves as if the characters came one by one and it searched again at each of them, because a search through a
    whole chunk could find another match. It runs the regex only where the automaton says that a match can have ended. The
    regex sees one piece, from its beginning on; an empty match where the piece begins does not count.
    """

    longest = 16_384

    def __init__(self, pattern: re.Pattern[str], automaton: MatchAutomaton) -> None:
        self._pattern = pattern
        self._automaton = automaton
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
        self._alive = 0  # where the first match that is not known yet can begin
        self._alive_next = 0  # the same, once the matches before it have seen all that they look ahead to
        self._ask = 0  # for how many more characters the regex is run, beginning with the next one

    def _length(self, window: str, known: int) -> int:
        """
        The length of the piece at the beginning of `window`, of which `known` characters were seen before; 0 if unknown.
        """
        automaton = self._automaton
        after, at, last = automaton.after, automaton.at, automaton.last
        state, ask = self._state, self._ask
        for arrived in range(known + 1, len(window) + 1):
            state = after(state) & at(window[arrived - 1])
            if state & last or automaton.empty:
                ask = automaton.ahead + 1
            if ask:
                end = self._end(window, arrived)
                if end is not None and end < arrived:
                    return end
                ask = ask - 1 if end is None else max(ask - 1, 1)
            if arrived >= self._alive_next + automaton.ahead:
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
