"""
How items join their neighbours.
"""

from __future__ import annotations

from typing import Any, TypeGuard, cast

from .protocols import Mergeable

__all__ = ["can_wait", "is_structural", "merged"]


def can_wait(item: object) -> bool:
    """
    Whether `item` is a piece of something longer, which may be held back to be joined by the next piece.
    """
    if isinstance(item, str):
        return True
    if isinstance(item, Mergeable):
        return item.__mergeable__
    return _is_named(item) and can_wait(item[1])


def merged(held: Any, item: Any) -> Any:
    """
    The two as one, or None where they do not belong together.
    """
    if isinstance(held, str):
        return held + item if isinstance(item, str) else None
    if isinstance(held, Mergeable):
        return held.__merge__(item) if isinstance(item, Mergeable) and item.__mergeable__ else None
    if _is_named(held) and _is_named(item) and held[0] == item[0]:
        value = merged(held[1], item[1])
        return None if value is None else (held[0], value)
    return None


def _is_named(item: object) -> TypeGuard[tuple[str, Any]]:
    if not isinstance(item, tuple):
        return False
    pair = cast("tuple[object, ...]", item)
    return len(pair) == 2 and isinstance(pair[0], str)


def is_structural(item: object) -> bool:
    """
    Whether `item` is a landmark among such pieces, which passes at once: an event that has no text to join, or a restart.
    """
    return isinstance(item, Mergeable) or isinstance(getattr(item, "type", None), str) or _is_named(item)
