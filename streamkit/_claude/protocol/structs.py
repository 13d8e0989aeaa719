"""
The bases of the structs that mirror the wire: JSON objects, with and without a `type`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct

from streamkit._core.plain import PlainValue

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ABSENT", "PlainStruct", "TaggedObject", "WireObject"]

# The default of a field that the API always sends: its annotation says that it is required, so that nobody has to check
# for UNSET.
ABSENT: Any = UNSET


class PlainStruct(PlainValue, Struct, frozen=True):
    """
    A struct that other programs can make JSON of: by `to_dict`, and by `dict(...)`, as FastAPI's encoder does.
    """

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects, which `json.dumps` takes.
        """
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """
        Each field with its value, as pydantic's models give them.
        """
        return iter(PlainStruct.to_dict(self).items())


class WireObject(PlainStruct, frozen=True, forbid_unknown_fields=True, repr_omit_defaults=True):
    """
    A JSON object whose place on the wire says what it is.

    A field that the wire may leave out is `UNSET` when it did, and `None` when it said null. Unknown fields are refused here,
    so that `codec.Reader` meets them and keeps them.
    """


class TaggedObject(WireObject, frozen=True, tag_field="type"):
    """
    A JSON object whose `type` says what it is.
    """
