"""
An item that could not be worked on, handed on in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

__all__ = ["Failed", "OnError"]

A_co = TypeVar("A_co", covariant=True)

OnError = Literal["raise", "emit"]
"""What happens where an item fails: the stream does, or a `Failed` is handed on in its place."""


@dataclass(frozen=True, slots=True)
class Failed(Generic[A_co]):
    """
    An item with which something has failed, and the error.

    Attributes:
        item: The item as it came.
        error: What it has failed with.
    """

    item: A_co
    error: Exception
