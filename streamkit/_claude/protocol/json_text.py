"""
JSON text that others have written: read strictly, in bounded depth, and with errors that quote nothing of it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final, NoReturn

import msgspec

from streamkit._claude.protocol.errors import GrammarError

__all__ = ["MAX_DEPTH", "is_too_deep", "parse", "without_strings"]

MAX_DEPTH: Final = 200
"""
How deeply JSON may be nested. A few times as much would use up the stack of whoever walks through it, and where that happens
would depend on the caller.
"""

# A string that does not end goes to the end: to look for another one behind each quote in it would take the square of the time.
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]").finditer


def without_strings(text: bytes) -> bytes:
    """
    JSON without the strings in it, so that what is left are its own brackets and commas.
    """
    return _STRINGS.sub(b"", text)


def is_too_deep(data: bytes | str) -> bool:
    """
    Whether JSON is nested more deeply than `MAX_DEPTH`.
    """
    text = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKETS(without_strings(text)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def parse(data: bytes | str, *, any_number: bool = False) -> object:
    """
    Decode JSON into plain objects; also what msgspec refuses, such as a lone surrogate.

    Args:
        data: The JSON text.
        any_number: Whether `NaN`, `Infinity` and numbers beyond what a float holds are read as Python reads them, and an integer
            with too many digits for that as a float.

    Raises:
        GrammarError: It is not JSON, not UTF-8, nested too deeply, or has a number beyond what a float holds.
    """
    if is_too_deep(data):
        raise GrammarError("nested too deeply")
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if any_number:
            return json.loads(text, parse_int=_any_int)
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        at = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
        reason = f"not JSON at byte {at}: {error.msg}"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason = str(error)
    # Outside the handlers, because json's exceptions keep the whole document, and that is what somebody said.
    raise GrammarError(reason)


def _any_int(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return float(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number
