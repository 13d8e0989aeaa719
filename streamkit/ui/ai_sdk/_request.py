"""
Reads a front-end's request, which may be anything: its size, its depth, and whether it is JSON that can be sent on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from streamkit._serving.bad_request import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_BYTES", "json_object", "read_request"]

MOST_BYTES: Final = 32_000_000
"""The API takes no larger request."""

_DEEPEST: Final = 100


def read_request(body: object, most_bytes: int) -> dict[str, Any]:
    """
    The JSON object of a request.

    Args:
        body: The object, or its JSON text.
        most_bytes: The size at most.

    Raises:
        BadRequest: It is something else, too large, or nested too deeply.
    """
    if isinstance(body, str | bytes) and len(body) > most_bytes:
        raise _too_large(most_bytes)
    given = json_object(body)
    if _needs_mending(given, most_bytes):
        given = cast("Mapping[str, Any]", _mended(given))
    return dict(given)


def json_object(body: object) -> Mapping[str, Any]:
    """
    The JSON object that a request is, or whose text it is.

    Raises:
        BadRequest: It is neither.
    """
    given = _decoded(body) if isinstance(body, str | bytes) else body
    if not isinstance(given, Mapping):
        raise BadRequest("the request is not a JSON object")
    return cast("Mapping[str, Any]", given)


def _decoded(text: str | bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BadRequest("the request is not JSON") from None


def _needs_mending(body: Mapping[str, Any], most_bytes: int) -> bool:
    """
    Whether there are halves of characters in it, which no request can carry. Its size is that of its JSON text, nearly.

    Raises:
        BadRequest: It is too large, nested too deeply, or not JSON.
    """
    size, halves = 0, False
    waiting: list[Iterator[object]] = [iter((body,))]
    while waiting:
        for value in waiting[-1]:
            size += 2
            if isinstance(value, str):
                try:
                    size += len(value) if value.isascii() else len(value.encode())
                except UnicodeEncodeError:
                    size += len(value)
                    halves = True
            elif isinstance(value, Mapping | list | tuple):
                if len(waiting) > _DEEPEST:
                    raise BadRequest(f"the request is nested more than {_DEEPEST} levels deep")
                waiting.append(_inside(value))  # pyright: ignore[reportUnknownArgumentType]
                break
            elif not (value is None or isinstance(value, bool | int | float)) or (
                isinstance(value, float) and not math.isfinite(value)
            ):
                raise BadRequest("the request has a value in it that is not JSON")
            if size > most_bytes:
                raise _too_large(most_bytes)
        else:
            waiting.pop()
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
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {_mended(name): _mended(each) for name, each in fields.items()}
    return [_mended(each) for each in value] if isinstance(value, list | tuple) else value  # pyright: ignore[reportUnknownVariableType]


def _too_large(most_bytes: int) -> BadRequest:
    return BadRequest(f"the request is larger than {most_bytes} bytes", status=413)
