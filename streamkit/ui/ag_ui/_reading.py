"""
Reads a front-end's request, which may be anything, and says what is wrong with it in one line that quotes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from streamkit._claude.protocol.reading import as_list
from streamkit._serving.bad_request import BadRequest
from streamkit._serving.request import read_request
from streamkit.ui.ag_ui._wire import as_wire

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["field", "listed", "object_at", "request", "wrong"]

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
        return read_request(run_input, limit)
    if (given := as_wire(run_input)) is not None:
        return read_request(given, limit)
    if run_input is None or isinstance(run_input, list | int | float):  # JSON, but no request
        raise BadRequest("the request is not a JSON object")
    raise TypeError(
        f"params() needs the request as a RunAgentInput, a dict or JSON text, not {type(run_input).__name__}"
    )


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


def wrong(place: str, what: str) -> BadRequest:
    """
    What is wrong with a request, and where.
    """
    return BadRequest(f"{place} {what}")
