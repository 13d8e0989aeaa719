"""
Reads a front-end's request, which may be anything: its size, its depth, and whether it is JSON that can be sent on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.json_text import MAX_DEPTH, is_too_deep, parse, without_strings
from streamkit._serving.bad_request import BadRequest
from streamkit._surrogates import legal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_BYTES", "json_object", "parsed", "read_request"]

MOST_BYTES: Final = 32_000_000
"""The API takes no larger request (https://docs.claude.com/en/api/errors)."""

MOST_VALUES: Final = 1_000_000
"""
Bytes alone do not bound the time and the memory that a request costs: in a few millions of them there may be as many values. No
conversation that a model can read has so many.
"""

_HALVES: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""What may be half of a character, in JSON text: an escape of it, or itself, as `surrogatepass` has it."""


def read_request(body: object, most_bytes: int) -> dict[str, Any]:
    """
    The JSON object of a request.

    Args:
        body: The object, or its JSON text.
        most_bytes: The size at most.

    Raises:
        BadRequest: It is something else, too large, or nested too deeply.
    """
    if isinstance(body, str | bytes | bytearray):
        data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
        if len(data) > most_bytes:
            raise _too_large(most_bytes)
        return dict(json_object(data))
    given = json_object(body)
    return dict(_mended(given) if _has_halves(given, most_bytes) else given)


def json_object(body: object) -> Mapping[str, Any]:
    """
    The JSON object that a request is, or whose text it is.

    Raises:
        BadRequest: It is neither.
    """
    given = parsed(body) if isinstance(body, str | bytes) else body
    if not isinstance(given, Mapping):
        raise BadRequest("the request is not a JSON object")
    return cast("Mapping[str, Any]", given)


def parsed(text: str | bytes) -> Any:
    """
    What JSON text from a request says, in which half a character becomes U+FFFD, because no request can carry it.

    Raises:
        BadRequest: It is not JSON, is nested too deeply, or has too many values.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if _has_more_values(data, MOST_VALUES):
        raise _too_many()
    if is_too_deep(data):
        raise _too_deep()
    has_halves = _HALVES.search(data) is not None
    try:
        value = parse(_decoded(data) if has_halves else data)
    except (GrammarError, UnicodeDecodeError):
        raise BadRequest("the request is not JSON") from None
    return _mended(value) if has_halves else value


def _has_more_values(data: bytes, most: int) -> bool:
    """
    Whether JSON text has more values than that, or nearly; it is not decoded for this.
    """
    return _separators(data) > most and _separators(without_strings(data)) > most


def _separators(data: bytes) -> int:
    return sum(map(data.count, (b",", b":", b"[", b"{")))


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _has_halves(body: Mapping[str, Any], most_bytes: int) -> bool:
    """
    Whether there are halves of characters in it. Its size is that of its JSON text, nearly.

    Raises:
        BadRequest: It is too large, nested too deeply, or not JSON.
    """
    size, count, halves = 0, 0, False
    waiting: list[Iterator[object]] = [iter((body,))]
    while waiting:
        for value in waiting[-1]:
            size += 2
            count += 1
            if count > MOST_VALUES:
                raise _too_many()
            if size > most_bytes:
                raise _too_large(most_bytes)
            if isinstance(value, str):
                try:
                    size += len(value) if value.isascii() else len(value.encode())
                except UnicodeEncodeError:
                    size += len(value)
                    halves = True
            elif isinstance(value, Mapping | list | tuple):
                if len(waiting) > MAX_DEPTH:
                    raise _too_deep()
                waiting.append(_inside(value))  # pyright: ignore[reportUnknownArgumentType]
                break
            elif not (value is None or isinstance(value, bool | int | float)) or (
                isinstance(value, float) and not math.isfinite(value)
            ):
                raise BadRequest("the request has a value in it that is not JSON")
        else:
            waiting.pop()
    if size > most_bytes:
        raise _too_large(most_bytes)
    return halves


def _inside(value: Mapping[str, object] | list[object] | tuple[object, ...]) -> Iterator[object]:
    if not isinstance(value, Mapping):
        yield from value
        return
    for name, each in value.items():
        yield name
        yield each


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return legal(value)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {_mended(name): _mended(each) for name, each in fields.items()}
    return [_mended(each) for each in value] if isinstance(value, list | tuple) else value  # pyright: ignore[reportUnknownVariableType]


def _too_large(most_bytes: int) -> BadRequest:
    return BadRequest(f"the request is larger than {most_bytes:,} bytes", status=413)


def _too_many() -> BadRequest:
    return BadRequest(f"the request has more than {MOST_VALUES:,} values in it", status=413)


def _too_deep() -> BadRequest:
    return BadRequest(f"the request is nested more than {MAX_DEPTH} levels deep")
