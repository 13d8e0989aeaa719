"""
A parser of JSON (RFC 8259) that is fed with pieces of the text, cut anywhere, and never reads one twice.

It tells a builder what it finds as soon as that is certain: the text of a string at once, decoded; a number when something
follows it. An escape that is cut, and the first half of a surrogate pair, wait for the rest. Values are those of `json.loads`,
except for `NaN` and `Infinity`, which are not JSON.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, Protocol

from streamkit._surrogates import join_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Builder", "ParseError", "Parser"]

Reason = Literal["truncated", "invalid", "extra_data"]

_NOT_SPACE = re.compile(r"[^ \t\n\r]").search
# What ends a run of plain characters in a string.
_SPECIAL = re.compile(r'["\\\x00-\x1f]').search
_TOKEN_END = re.compile(r"[^-+.0-9A-Za-z]").search
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?").fullmatch
_NOT_HEX = re.compile(r"[^0-9a-fA-F]").search

_LITERALS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_ESCAPES: Final = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip


class ParseError(Exception):
    """
    Why the text is not JSON.

    Attributes:
        message: What is wrong.
        reason: `"truncated"`, `"invalid"` or `"extra_data"`.
        offset: Where, in characters from the beginning of the text.
    """

    def __init__(self, message: str, reason: Reason, offset: int) -> None:
        super().__init__(f"{message} at character {offset}")
        self.message = message
        self.reason: Reason = reason
        self.offset = offset


class Builder(Protocol):
    """
    What the parser tells about a text.
    """

    def begin(self, container: dict[str, object] | list[object], /) -> None:
        """
        An object or an array begins; it is given empty.
        """

    def key(self, name: str, /) -> None:
        """
        The name of the next value of the object.
        """

    def end(self) -> None:
        """
        The innermost object or array is complete.
        """

    def scalar(self, value: object, /) -> None:
        """
        A number, true, false or null.
        """

    def begin_text(self) -> None:
        """
        A string begins.
        """

    def text(self, more: str, /) -> None:
        """
        More of it.
        """

    def end_text(self) -> None:
        """
        It is complete.
        """


class Parser:
    """
    Reads one value.

    Args:
        builder: Told what is found.
        lenient: Whether anything may follow the value.
        renew: Gives the builder of another object that follows an empty one, which then does not count; None where that is an
            error like anything else behind the value.

    Attributes:
        begun: Whether the value has begun.
        complete: Whether it has ended; a number at the top ends with the text.
        empty: Whether it is an empty object.
        offset: Characters read so far.
    """

    def __init__(
        self, builder: Builder, *, lenient: bool = False, renew: Callable[[], Builder] | None = None
    ) -> None:
        self.begun: bool = False
        self.complete: bool = False
        self.empty: bool = False
        self.offset: int = 0
        self._builder = builder
        self._lenient = lenient
        self._renew = renew
        self._open: list[bool] = []  # the containers around, outermost first: whether each is an object
        self._state: Callable[[str, int], int] = self._value
        self._token: list[str] = []  # of a number or a literal
        self._name: list[str] | None = None  # of a key that is being read
        self._escape = ""
        self._high = ""  # the first half of a pair, from an escape
        self._cut = ""  # the same, from the text itself

    def feed(self, text: str) -> None:
        """
        Read more of the text.

        Raises:
            ParseError: It is not JSON. What came before has been told.
        """
        if self._cut:
            text = join_surrogates(self._cut + text)
            self._cut = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._cut = text[:-1], text[-1]
        self._read(text)

    def end(self) -> None:
        """
        Say that no more of the text comes.

        Raises:
            ParseError: The value is not complete.
        """
        cut, self._cut = self._cut, ""
        self._read(cut)
        if self._token and not self._open:
            self._finish_token(self.offset)
        if not self.complete:
            raise ParseError(
                "the text ends inside a value" if self.begun else "there is no value",
                "truncated",
                self.offset,
            )

    def _read(self, text: str) -> None:
        at, size = 0, len(text)
        while at < size:
            at = self._state(text, at)
        self.offset += size

    # Each state reads the text from one place on, sets the next state, and returns the place where that one goes on.

    def _value(self, text: str, at: int) -> int:
        if (found := _NOT_SPACE(text, at)) is None:
            return len(text)
        at, char = found.start(), found[0]
        self.begun = True
        if char == '"':
            self._builder.begin_text()
            self._state = self._string
        elif char in "{[":
            is_object = char == "{"
            self._open.append(is_object)
            self._builder.begin({} if is_object else [])
            self._state = self._first_key if is_object else self._first_item
        elif char.isalnum() or char == "-":
            self._state = self._in_token
            return at
        else:
            raise self._invalid("a value is due", at)
        return at + 1

    def _first_item(self, text: str, at: int) -> int:
        if (found := _NOT_SPACE(text, at)) is None:
            return len(text)
        if found[0] == "]":
            return self._close(found.start())
        self._state = self._value
        return found.start()

    def _first_key(self, text: str, at: int) -> int:
        if (found := _NOT_SPACE(text, at)) is None:
            return len(text)
        if found[0] == "}":
            self.empty = len(self._open) == 1
            return self._close(found.start())
        self._state = self._key
        return found.start()

    def _key(self, text: str, at: int) -> int:
        if (found := _NOT_SPACE(text, at)) is None:
            return len(text)
        if found[0] != '"':
            raise self._invalid("a name in quotes is due", found.start())
        self._name = []
        self._state = self._string
        return found.end()

    def _colon(self, text: str, at: int) -> int:
        if (found := _NOT_SPACE(text, at)) is None:
            return len(text)
        if found[0] != ":":
            raise self._invalid("a colon is due", found.start())
        self._state = self._value
        return found.end()

    def _after_value(self, text: str, at: int) -> int:
        if (found := _NOT_SPACE(text, at)) is None:
            return len(text)
        char, is_object = found[0], self._open[-1]
        if char == ",":
            self._state = self._key if is_object else self._value
            return found.end()
        if char == ("}" if is_object else "]"):
            return self._close(found.start())
        raise self._invalid("a comma or the end is due", found.start())

    def _rest(self, text: str, at: int) -> int:
        if self._lenient or (found := _NOT_SPACE(text, at)) is None:
            return len(text)
        if self.empty and self._renew is not None and found[0] == "{":
            self._builder = self._renew()
            self.complete = self.empty = False
            self._state = self._value
            return found.start()
        raise ParseError("something follows the value", "extra_data", self.offset + found.start())

    def _string(self, text: str, at: int) -> int:
        pieces: list[str] = []
        ended = False
        try:
            while at < len(text) and not ended:
                if self._escape or self._high:
                    at = self._in_escape(text, at, pieces)
                    continue
                found = _SPECIAL(text, at)
                end = len(text) if found is None else found.start()
                if end > at:
                    pieces.append(text[at:end])
                at = end + 1
                if found is None:
                    break
                ended = found[0] == '"'
                if found[0] == "\\":
                    if (char := _ESCAPES.get(text[at : at + 1])) is None:
                        self._escape = "\\"
                    else:
                        pieces.append(char)
                        at += 1
                elif not ended:
                    raise self._invalid("a control character in a string", end)
        finally:
            self._tell(pieces)
        if ended:
            self._end_string()
        return at

    def _in_escape(self, text: str, at: int, pieces: list[str]) -> int:
        if not self._escape:  # half of a pair waits for the other one
            if text[at] == "\\":
                self._escape = "\\"
                return at + 1
            self._decoded("", pieces)
            return at
        if self._escape == "\\":
            char = text[at]
            if char == "u":
                self._escape += char
            elif char in _ESCAPES:
                self._decoded(_ESCAPES[char], pieces)
            else:
                raise self._invalid("an unknown escape", at)
            return at + 1
        digits = text[at : at + 6 - len(self._escape)]
        if (wrong := _NOT_HEX(digits)) is not None:
            raise self._invalid("an escape needs four hexadecimal digits", at + wrong.start())
        self._escape += digits
        if len(self._escape) == 6:
            self._decoded(chr(int(self._escape[2:], 16)), pieces)
        return at + len(digits)

    def _decoded(self, char: str, pieces: list[str]) -> None:
        self._escape = ""
        if self._high and "\udc00" <= char <= "\udfff":
            char = join_surrogates(self._high + char)
            self._high = ""
        elif self._high:
            pieces.append(self._high)
            self._high = ""
        if "\ud800" <= char <= "\udbff":
            self._high = char
        elif char:
            pieces.append(char)

    def _tell(self, pieces: list[str]) -> None:
        if not pieces:
            return
        more = pieces[0] if len(pieces) == 1 else "".join(pieces)
        if self._name is None:
            self._builder.text(more)
        else:
            self._name.append(more)

    def _end_string(self) -> None:
        if self._name is None:
            self._builder.end_text()
            self._end_value()
        else:
            self._builder.key("".join(self._name))
            self._name = None
            self._state = self._colon

    def _in_token(self, text: str, at: int) -> int:
        found = _TOKEN_END(text, at)
        end = len(text) if found is None else found.start()
        self._token.append(text[at:end])
        if end < len(text):
            self._finish_token(self.offset + end)
        return end

    def _finish_token(self, end: int) -> None:
        token = "".join(self._token)
        self._token.clear()
        self._builder.scalar(_scalar(token, end - len(token)))
        self._end_value()

    def _close(self, at: int) -> int:
        self._open.pop()
        self._builder.end()
        self._end_value()
        return at + 1

    def _end_value(self) -> None:
        self.complete = not self._open
        self._state = self._rest if self.complete else self._after_value

    def _invalid(self, message: str, at: int) -> ParseError:
        return ParseError(message, "invalid", self.offset + at)


def _scalar(token: str, offset: int) -> object:
    if token in _LITERALS:
        return _LITERALS[token]
    if (number := _NUMBER(token)) is None:
        raise ParseError("a value is due", "invalid", offset)
    try:
        return int(token) if number.lastindex is None else float(token)
    except ValueError:
        raise ParseError("a number with more digits than Python reads", "invalid", offset) from None
