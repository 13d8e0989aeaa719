"""
The bases of the structs that mirror the wire: JSON objects, with and without a `type`.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct

__all__ = ["ABSENT", "TaggedObject", "WireObject"]

# The default of a field that the API always sends: its annotation says that it is required, so that nobody has to check
# for UNSET.
ABSENT: Any = UNSET


class WireObject(Struct, frozen=True, forbid_unknown_fields=True, repr_omit_defaults=True):
    """
    A JSON object whose place on the wire says what it is.

    A field that the wire may leave out is `UNSET` when it did, and `None` when it said null. Unknown fields are refused here,
    so that `codec.Reader` meets them and keeps them.
    """


class TaggedObject(WireObject, frozen=True, tag_field="type"):
    """
    A JSON object whose `type` says what it is.
    """
