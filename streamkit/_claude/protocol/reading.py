"""
Reads the fields of events and their parts, which may lack a field or have any JSON value in it.

Everything here goes by name, never by class: the SDK's own raw events are read like this library's. What does not fit says
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from streamkit._core.foreign_objects import attribute_of

__all__ = [
    "Places",
    "as_list",
    "as_object",
    "index_of",
    "input_text",
    "is_input_unread",
    "json_text",
    "list_in",
    "plain",
    "text_of_field",
    "type_of",
]


def type_of(part: object) -> str:
    """
    The type of an event, a delta or a block; empty if it does not tell one.
    """
    kind: object = getattr(part, "type", None)
    return kind if isinstance(kind, str) else ""


def text_of_field(part: object, name: str) -> str:
    """
    The text in a field; empty if there is none.
    """
    value: object = attribute_of(part, name)
    return value if isinstance(value, str) else ""


def input_text(delta: object) -> str:
    """
    The JSON text of a tool's input in a delta; empty if there is none.
    """
    return json_text(getattr(delta, "partial_json", None))


def is_input_unread(delta: object) -> bool:
    """
    Whether a delta of a tool's input says something, but not in the field where that is read.
    """
    if not isinstance(delta, Mapping) or "partial_json" in delta:
        return False
    fields = cast("Mapping[str, object]", delta)
    return any(value is not None for name, value in fields.items() if name != "type")


def json_text(value: object) -> str:
    """
    A piece of JSON text. A gateway may send what the text says instead, and to leave that out would make it another input.
    """
    if isinstance(value, str):
        return value
    if value is None or value is msgspec.UNSET:
        return ""
    given = plain(value)
    try:
        return msgspec.json.encode(given).decode()
    except UnicodeEncodeError:  # half of a character, which the standard library escapes
        return json.dumps(given)


def list_in(part: object, name: str) -> list[Any]:
    """
    The list in a field; empty if there is none.
    """
    return as_list(attribute_of(part, name)) or []


def as_list(value: object) -> list[Any] | None:
    """
    The value if it is a JSON array.
    """
    return cast("list[Any]", cast("object", value)) if isinstance(value, list) else None


def as_object(value: object) -> dict[str, Any] | None:
    """
    The value if it is a JSON object.
    """
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def index_of(event: object) -> int | None:
    """
    The index of the block that an event speaks of; None if it cannot be read.
    """
    index: object = getattr(event, "index", None)
    if type(index) is int:  # nearly always
        return index
    if isinstance(index, float) and index.is_integer():
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def plain(value: Any) -> Any:
    """
    A part of an event as plain JSON objects, whatever it is.
    """
    if isinstance(value, (Struct, Mapping)):  # a union would be made anew at each call
        return msgspec.to_builtins(value)  # in which `to_dict` may be a field on the wire
    to_dict = getattr(value, "to_dict", None)
    return msgspec.to_builtins(value) if to_dict is None else to_dict(mode="json", warnings=False)


class Places:
    """
    Tells which block each event of a message speaks of.

    Blocks come one after another. So an event whose index cannot be read begins the next block, or speaks of the last one.
    """

    __slots__ = ("_last", "_next")

    def __init__(self) -> None:
        self._last: int | None = None
        self._next = 0

    def begin(self, event: object) -> int:
        """
        The index of the block that begins with this event.
        """
        index = index_of(event)
        return self.take(self._next if index is None else index)

    def begin_untold(self, event: object) -> int:
        """
        The index of a block that begins with its delta. It does not count for the next one without an index, because not all
        that read a stream look at each delta.
        """
        index = index_of(event)
        self._last = self._next if index is None else index
        return self._last

    def take(self, index: int) -> int:
        """
        Note that a block begins at this index.
        """
        self._last = index
        self._next = max(self._next, index + 1)
        return index

    def of(self, event: object) -> int | None:
        """
        The index of the block that has begun and that this event speaks of; None if nobody can tell.
        """
        index = index_of(event)
        return self._last if index is None else index
