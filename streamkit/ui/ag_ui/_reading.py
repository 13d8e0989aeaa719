"""
Reads a front-end's request, which may be anything, and says what is wrong with it in one line that quotes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec

from streamkit._claude.protocol.codec import MAX_DEPTH
from streamkit._claude.protocol.reading import as_list
from streamkit._serving.bad_request import BadRequest
from streamkit.ui.ag_ui._wire import as_wire, legal

__all__ = ["encodable", "field", "listed", "object_at", "request", "wrong"]

T = TypeVar("T")

_NAMES: dict[type, str] = {str: "a string", list: "a list"}


def request(run_input: object, limit: int) -> dict[str, Any]:
    """
    A request as a JSON object.

    Args:
        run_input: A model, a mapping, or the JSON text.
        limit: Bytes that it may have.

    Raises:
        BadRequest: It is too large, or it is not JSON.
        TypeError: It is something else.
    """
    if isinstance(run_input, str | bytes | bytearray):
        if len(run_input) > limit:
            raise _too_large(limit)
        run_input = object_at(_parsed(run_input), "the request")
    given = as_wire(run_input)
    if given is None and (run_input is None or isinstance(run_input, list | int | float)):
        raise wrong("the request", "has to be an object")
    if given is None:
        raise TypeError(
            f"params() needs the request as a RunAgentInput, a dict or JSON text, not {type(run_input).__name__}"
        )
    _check_size(given, limit)
    return given


def field(thing: Mapping[str, Any], name: str, kind: type[T], place: str) -> T | None:
    """
    The value of a field that may be left out.

    Raises:
        BadRequest: It is of another type.
    """
    value = thing.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise wrong(f"{place}.{name}" if place else name, f"has to be {_NAMES[kind]}")


def listed(thing: Mapping[str, Any], name: str, place: str = "") -> list[tuple[str, dict[str, Any]]]:
    """
    The objects in a list that may be left out, each with its place.

    Raises:
        BadRequest: It is something else.
    """
    name_of_it = f"{place}.{name}" if place else name
    given: object = thing.get(name)
    values: list[object] | None = [] if given is None else as_list(given)
    if values is None:
        raise wrong(name_of_it, "has to be a list")
    return [(where := f"{name_of_it}[{n}]", object_at(value, where)) for n, value in enumerate(values)]


def object_at(value: object, place: str) -> dict[str, Any]:
    """
    A value that has to be an object.

    Raises:
        BadRequest: It is something else.
    """
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise wrong(place, "has to be an object")


def encodable(made: dict[str, Any]) -> dict[str, Any]:
    """
    Parameters that can be sent. Half of a character, which a client may send, is none that UTF-8 has.
    """
    try:
        msgspec.json.encode(made)
    except UnicodeEncodeError:
        return cast("dict[str, Any]", _mended(made))
    return made


def _mended(value: object) -> object:
    if isinstance(value, str):
        return legal(value)
    if isinstance(value, dict):
        return {_mended(name): _mended(each) for name, each in cast("dict[str, object]", value).items()}
    return value if (values := as_list(value)) is None else [_mended(each) for each in values]


def wrong(place: str, what: str) -> BadRequest:
    """
    What is wrong with a request, and where.
    """
    return BadRequest(f"{place} {what}")


def _parsed(text: str | bytes | bytearray) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("the request is not JSON") from None


def _too_large(limit: int) -> BadRequest:
    return BadRequest(f"the request is larger than {limit:,} bytes", status=413)


def _check_size(value: object, limit: int) -> None:
    """
    Count about how many bytes of text there are in a value, and how deeply it is nested.

    Raises:
        BadRequest: That is too much.
    """
    size = 0
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, str):
            size += len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
            if size > limit:
                raise _too_large(limit)
            continue
        if isinstance(part, Mapping):
            fields = cast("Mapping[object, object]", part)
            inside = [*fields.keys(), *fields.values()]
        else:
            inside = as_list(part) or []
        if depth >= MAX_DEPTH and inside:
            raise BadRequest(f"the request is nested more than {MAX_DEPTH} levels deep")
        size += 2 * len(inside)
        waiting.extend((each, depth + 1) for each in inside)
