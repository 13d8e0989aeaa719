"""
The head of a response, as ASGI has it. Its status and headers are the application's own, and are checked where they are given:
a server would fail over them in the middle of the response, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from streamkit._core.checks import as_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["checked_headers", "checked_status"]

_WITHOUT_BODY: Final = frozenset({204, 205, 304})

_OF_THE_SERVER: Final = frozenset({"connection", "content-length", "transfer-encoding"})

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
"""https://www.rfc-editor.org/rfc/rfc9110#name-field-values"""


def checked_status(name: str, status: object) -> int:
    """
    `status`, if it is one whose response has a body.

    Args:
        name: What it was given to.
        status: The status.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is not such a status.
    """
    code = as_whole(status)
    if code is None:
        raise TypeError(f"{name}() needs a whole number for status_code, not {status!r}")
    if not 200 <= code <= 599 or code in _WITHOUT_BODY:
        raise ValueError(f"{name}() needs a status_code with a body, such as 200 or 201, not {code}")
    return code


def checked_headers(name: str, headers: object) -> dict[str, str]:
    """
    Headers, by their names in lower case. Of two that differ only in that the last one counts.

    Args:
        name: What they were given to.
        headers: The headers; None for none.

    Raises:
        TypeError: They are not a mapping of text to text.
        ValueError: One cannot be sent, or is the server's own.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise TypeError(
            f"{name}() needs a mapping for headers, such as {{'x-answer': '1'}}, not {type(headers).__name__}"
        )
    return dict(_checked(name, cast("Mapping[object, object]", headers)))


def _checked(name: str, headers: Mapping[object, object]) -> Iterator[tuple[str, str]]:
    for header, value in headers.items():
        if not (isinstance(header, str) and isinstance(value, str)):
            raise TypeError(f"{name}() needs text for the header {header!r}, not {type(value).__name__}")
        if not _NAME.fullmatch(header):
            raise ValueError(f"{name}() cannot send a header named {header!r}")
        if header.lower() in _OF_THE_SERVER:
            raise ValueError(
                f"{name}() cannot send the header {header!r}: the server does, for a body without a known end"
            )
        if not _VALUE.fullmatch(value) or not _is_latin(value):
            raise ValueError(
                f"{name}() cannot send the header {header!r}: its value may have no line breaks, control characters, or "
                "characters beyond Latin-1; quote it first, such as by urllib.parse.quote"
            )
        yield header.lower(), value


def _is_latin(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"
