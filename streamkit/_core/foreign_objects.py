"""
What is asked of objects of other people, as items and errors are, which may answer to any name or raise.
"""

from __future__ import annotations

from typing import Any

__all__ = ["attribute_of", "type_of"]


def attribute_of(thing: object, name: str) -> Any:
    """
    An attribute; None where there is none, and where asking for it fails: a dict whose keys are its attributes may raise a
    KeyError, a value of a database that it is not loaded, and a proxy that there is nothing behind it.
    """
    try:
        return getattr(thing, name, None)
    except Exception:
        return None


def type_of(item: object) -> str | None:
    """
    What an item says that it is, as events do; None where it says nothing.
    """
    kind = attribute_of(item, "type")
    return kind if isinstance(kind, str) else None
