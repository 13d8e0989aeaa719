"""
How items join their neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from .protocols import Mergeable

__all__ = ["Joining", "can_wait", "is_structural", "join_foreign", "merged"]


class Joining(NamedTuple):
    """
    How items join that cannot say it themselves, for they are another library's.
    """

    can_wait: Callable[[Any], bool]
    merged: Callable[[Any, Any], Any]


_foreign: list[Joining] = []


def join_foreign(joining: Joining) -> None:
    """
    Teach `can_wait` and `merged` another library's items.
    """
    _foreign.append(joining)


def can_wait(item: object) -> bool:
    """
    Whether `item` is a piece of something longer, which may be held back to be joined by the next piece.
    """
    if isinstance(item, str):
        return True
    if _is_mergeable(item):
        return item.__mergeable__
    if _is_named(item):
        return can_wait(item[1])
    return any(foreign.can_wait(item) for foreign in _foreign)


def merged(held: Any, item: Any) -> Any:
    """
    The two as one, or None where they do not belong together.
    """
    if isinstance(held, str):
        return held + item if isinstance(item, str) else None
    if _is_mergeable(held):
        return held.__merge__(item) if _is_mergeable(item) and item.__mergeable__ else None
    if _is_named(held):
        if not _is_named(item) or held[0] != item[0]:
            return None
        value = merged(held[1], item[1])
        return None if value is None else (held[0], value)
    return next((foreign.merged(held, item) for foreign in _foreign if foreign.can_wait(held)), None)


def is_structural(item: object) -> bool:
    """
    Whether `item` is a landmark among such pieces, which passes at once: an event that has no text to join, or a restart.
    """
    return _is_mergeable(item) or isinstance(getattr(item, "type", None), str) or _is_named(item)


def _is_mergeable(item: object) -> TypeGuard[Mergeable]:
    # Not isinstance: that of a protocol with members takes 40 µs.
    return hasattr(type(item), "__merge__")


def _is_named(item: object) -> TypeGuard[tuple[str, Any]]:
    if not isinstance(item, tuple):
        return False
    pair = cast("tuple[object, ...]", item)
    return len(pair) == 2 and isinstance(pair[0], str)
