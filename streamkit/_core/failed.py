"""
An item that could not be worked on, handed on in its place.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from streamkit._core.foreign_objects import attribute_of
from streamkit._core.plain import PlainValue, error_repr, plain_error

__all__ = ["Failed", "OnError"]

A_co = TypeVar("A_co", covariant=True)

OnError = Literal["raise", "emit"]
"""What happens where an item fails: the stream does, or a `Failed` is handed on in its place."""


class Failed(PlainValue, Struct, Generic[A_co], frozen=True):
    """
    An item with which something has failed, and the error.

    Attributes:
        item: The item as it came.
        error: What it has failed with.
    """

    item: A_co
    error: Exception

    def __repr__(self) -> str:
        return f"Failed(item={self.item!r}, error={error_repr(self.error)})"

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects, if the item is one or has a `to_dict`: of the error its class and its message, which may quote
        the item.
        """
        to_dict = attribute_of(self.item, "to_dict")
        return {
            "item": to_dict() if callable(to_dict) else self.item,
            "error": plain_error(self.error),
        }
