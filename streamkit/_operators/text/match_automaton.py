"""
An automaton that tells where the matches of a regex can end, without running the regex.

`recut` and `smooth` must know after each character of a stream whether a match has ended. Running the regex each time costs
the square or the cube of the text's length, and nearly always finds nothing. The automaton reads each character once, and
says where running it is worth while.

It is built from what the standard library's own regex parser makes of the pattern, because a second parser would have to
agree with `re` in every detail, now and in later versions of Python. That parser is private (`re._parser`), so a later Python
may change it. Nothing depends on it but speed: where it is missing, or gives something that is not known here, `understood` is
False, and the regex is run at each character. A test on each supported Python checks that its parser is understood.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MatchAutomaton"]


def _private(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


_parser = _private("re._parser")
_compiler = _private("re._compiler")

_Part = tuple[bool, int, int]
"""What is known of a part of a regex: whether it can be empty, and its first and its last characters as bits."""

_KINDS_OF_TEXT = re.ASCII | re.LOCALE | re.UNICODE


class MatchAutomaton:
    """
    The position automaton (Glushkov's) of a regex.

    It may report an end where a match cannot end, but never misses one: it does not count how often a part repeats, takes it
    that look-ahead and look-behind hold, and takes a back-reference for any text.

    A state is the set of the regex's characters at which a match in progress can be, as the bits of an integer.

    Args:
        pattern: The regex.
        longest: The most characters of text that it is shown at once.

    Attributes:
        understood: Whether this Python's parser could be read. Otherwise `empty` is true: a match may end anywhere.
        last: The bits of the characters with which a match can end.
        empty: Whether a match can be empty, and so end anywhere.
        ahead: How many characters behind its end can decide whether there is a match.
    """

    def __init__(self, pattern: re.Pattern[str], longest: int) -> None:
        self._longest = longest
        self.ahead: int = 0
        self._tests: list[Callable[[str], object]] = []
        self._follow: list[int] = []
        self._parts: dict[str, Callable[[Any, Any, int], _Part]] = {
            "LITERAL": self._character,
            "NOT_LITERAL": self._character,
            "IN": self._character,
            "ANY": self._character,
            "BRANCH": self._branch,
            "SUBPATTERN": self._group,
            "MAX_REPEAT": self._repeat,
            "MIN_REPEAT": self._repeat,
            "POSSESSIVE_REPEAT": self._possessive_repeat,
            "ATOMIC_GROUP": self._atomic_group,
            "GROUPREF": self._back_reference,
            "GROUPREF_EXISTS": self._conditional,
            "AT": self._anchor,
            "ASSERT": self._assertion,
            "ASSERT_NOT": self._assertion,
            "FAILURE": self._nothing,
        }
        try:
            flags = pattern.flags & ~re.DEBUG
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # whoever compiled the pattern has seen them
                parsed = _parser.parse(pattern.pattern, flags)
            self.empty, self._first, self.last = self._sequence(parsed, flags)
            self.understood: bool = True
        except (
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ):  # a version of Python that parses otherwise
            self.empty, self._first, self.last, self.ahead = True, 0, 0, self._longest
            self.understood = False
        # Both are pure functions, and are called with few different arguments.
        self.after = lru_cache(1024)(self._after)
        self.at = lru_cache(1024)(self._at)

    def _after(self, state: int) -> int:
        """
        The characters of the regex that can come next, in a match or at its beginning.
        """
        reached = self._first
        for position, follow in enumerate(self._follow):
            if state >> position & 1:
                reached |= follow
        return reached

    def _at(self, character: str) -> int:
        """
        The characters of the regex that a character of the text fits.
        """
        return sum(1 << position for position, test in enumerate(self._tests) if test(character))

    # -- parts of a regex: each method gets the code, the value and the flags of a node of the parser's tree --------------

    def _sequence(self, nodes: Iterable[tuple[Any, Any]], flags: int) -> _Part:
        empty, first, last = True, 0, 0
        for code, value in nodes:
            also_empty, begins, finishes = self._parts[str(code)](code, value, flags)
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

    def _branch(self, code: Any, value: Any, flags: int) -> _Part:
        return self._either(value[1], flags)

    def _group(self, code: Any, value: Any, flags: int) -> _Part:
        _, added, removed, nodes = value
        replaced = _KINDS_OF_TEXT if added & _KINDS_OF_TEXT else 0
        return self._sequence(nodes, (flags & ~replaced | added) & ~removed)

    def _repeat(self, code: Any, value: Any, flags: int) -> _Part:
        least, most, nodes = value
        empty, first, last = self._sequence(nodes, flags)
        if most > 1:
            self._link(last, first)
        return empty or not least, first, last

    def _possessive_repeat(self, code: Any, value: Any, flags: int) -> _Part:
        self.ahead = self._longest
        return self._repeat(code, value, flags)

    def _atomic_group(self, code: Any, value: Any, flags: int) -> _Part:
        self.ahead = self._longest
        return self._sequence(value, flags)

    def _conditional(self, code: Any, value: Any, flags: int) -> _Part:
        return self._either([value[1], value[2] or ()], flags)

    def _anchor(self, code: Any, value: Any, flags: int) -> _Part:
        self.ahead += 2  # `$` also matches before the last newline
        return True, 0, 0

    def _assertion(self, code: Any, value: Any, flags: int) -> _Part:
        direction, nodes = value
        self.ahead += nodes.getwidth()[1] if direction > 0 else 0
        self._sequence(nodes, flags)  # it may look ahead itself
        return True, 0, 0

    def _nothing(self, code: Any, value: Any, flags: int) -> _Part:
        return True, 0, 0

    def _back_reference(self, code: Any, value: Any, flags: int) -> _Part:
        _, first, last = self._position(bool)
        self._link(last, first)
        return True, first, last

    def _character(self, code: Any, value: Any, flags: int) -> _Part:
        return self._position(_one_character(code, value, flags))

    def _position(self, test: Callable[[str], object]) -> _Part:
        self._tests.append(test)
        self._follow.append(0)
        position = 1 << len(self._follow) - 1
        return False, position, position

    def _link(self, last: int, first: int) -> None:
        for position in range(last.bit_length()):
            if last >> position & 1:
                self._follow[position] |= first


def _one_character(code: Any, value: Any, flags: int) -> Callable[[str], object]:
    """
    A test for one character, compiled from one node of the parser's tree.
    """
    state = _parser.State()
    state.flags = flags
    compiled: re.Pattern[str] = _compiler.compile(_parser.SubPattern(state, [(code, value)]), flags)
    return compiled.match
