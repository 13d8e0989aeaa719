"""
Endings: where the matches of a regex can end, known without running it.

A regex that is asked again at each character of a stream costs the square or the cube of the text's length, and the answer is
nearly always no. This says where it is worth asking.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Endings"]


def _private(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


# What parses regexes in the standard library has no public name. Without it every character is worth asking at, which costs
# speed only.
_parser = _private("re._parser")
_compiler = _private("re._compiler")

_Part = tuple[bool, int, int]


class Endings:
    """
    Where matches of a regex can end: its position automaton (Glushkov's), which reads each character once.

    It may say yes too often, never too seldom: how often a part repeats is not counted, what looks around is taken to
    hold, and a back-reference is anything. What it does not know at all, it takes for anything, too.

    A state is the set of the regex' characters at which a match in progress can be, as the bits of an integer.

    Args:
        pattern: The regex.
        longest: Characters of text that it is shown at most.

    Attributes:
        last: The state's bits with which a match can end.
        empty: A match can be empty, so it can end anywhere.
        ahead: On how many characters behind its end it can depend whether there is a match.
    """

    def __init__(self, pattern: re.Pattern[str], longest: int) -> None:
        self._longest = longest
        self.ahead: int = 0
        self._tests: list[Callable[[str], object]] = []
        self._follow: list[int] = []
        try:
            flags = pattern.flags & ~re.DEBUG
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # whoever compiled it has seen them
                parsed = _parser.parse(pattern.pattern, flags)
            self.empty, self._first, self.last = self._sequence(parsed, flags)
        except (AttributeError, TypeError, ValueError):  # a version of Python that parses otherwise
            self.empty, self._first, self.last, self.ahead = True, 0, 0, self._longest
        # Both are pure and have few different arguments.
        self.after = lru_cache(1024)(self._after)
        self.at = lru_cache(1024)(self._at)

    def _after(self, state: int) -> int:
        """
        The characters of the regex that can come next, at the beginning of a match or in it.
        """
        reached = self._first
        for position, follow in enumerate(self._follow):
            if state >> position & 1:
                reached |= follow
        return reached

    def _at(self, character: str) -> int:
        return sum(1 << position for position, test in enumerate(self._tests) if test(character))

    # Of a part of the regex: whether it can be empty, and its first and its last characters.

    def _sequence(self, nodes: Iterable[tuple[Any, Any]], flags: int) -> _Part:
        empty, first, last = True, 0, 0
        for name, value in nodes:
            also_empty, begins, finishes = self._node(str(name), name, value, flags)
            self._link(last, begins)
            first |= begins if empty else 0
            last = finishes | (last if also_empty else 0)
            empty = empty and also_empty
        return empty, first, last

    def _either(self, branches: Iterable[Any], flags: int) -> _Part:
        empty, first, last = False, 0, 0
        for branch in branches:
            also_empty, begins, finishes = self._sequence(branch, flags)
            empty, first, last = empty or also_empty, first | begins, last | finishes
        return empty, first, last

    def _node(self, name: str, code: Any, value: Any, flags: int) -> _Part:
        match name:
            case "LITERAL" | "NOT_LITERAL" | "IN" | "ANY":
                return self._character(_one_character(code, value, flags))
            case "BRANCH":
                return self._either(value[1], flags)
            case "SUBPATTERN":
                _, added, removed, nodes = value
                kinds = re.ASCII | re.LOCALE | re.UNICODE
                return self._sequence(nodes, (flags & ~(kinds if added & kinds else 0) | added) & ~removed)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                if name == "POSSESSIVE_REPEAT":
                    self.ahead = self._longest
                least, most, nodes = value
                empty, first, last = self._sequence(nodes, flags)
                if most > 1:
                    self._link(last, first)
                return empty or not least, first, last
            case "ATOMIC_GROUP":
                self.ahead = self._longest
                return self._sequence(value, flags)
            case "GROUPREF_EXISTS":
                return self._either([value[1], value[2] or ()], flags)
            case "AT":
                self.ahead += 2  # as `$` before the last newline
                return True, 0, 0
            case "ASSERT" | "ASSERT_NOT":
                direction, nodes = value
                self.ahead += nodes.getwidth()[1] if direction > 0 else 0
                self._sequence(nodes, flags)  # for what looks ahead in it
                return True, 0, 0
            case "FAILURE":
                return True, 0, 0
            case "GROUPREF":
                _, first, last = self._character(bool)
                self._link(last, first)
                return True, first, last
            case _:
                raise ValueError(name)

    def _character(self, test: Callable[[str], object]) -> _Part:
        self._tests.append(test)
        self._follow.append(0)
        position = 1 << len(self._follow) - 1
        return False, position, position

    def _link(self, last: int, first: int) -> None:
        for position in range(last.bit_length()):
            if last >> position & 1:
                self._follow[position] |= first


def _one_character(code: Any, value: Any, flags: int) -> Callable[[str], object]:
    state = _parser.State()
    state.flags = flags
    compiled: re.Pattern[str] = _compiler.compile(_parser.SubPattern(state, [(code, value)]), flags)
    return compiled.match
