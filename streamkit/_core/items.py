"""
How items join their neighbours, and how those that carry text are cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, cast

from streamkit._core.adapters import adapter_of

if TYPE_CHECKING:
    from streamkit._core.protocols import Mergeable, Textual

__all__ = ["can_wait", "is_structural", "merged", "text_of", "with_text"]


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
    adapter = adapter_of(item)
    return adapter is not None and adapter.can_wait(item)


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
    adapter = adapter_of(held)
    return adapter.merged(held, item) if adapter is not None and adapter.can_wait(held) else None


def is_structural(item: object) -> bool:
    """
    Whether `item` is a landmark among such pieces, which passes at once: an event that has no text to join, or a restart.
    """
    return _is_mergeable(item) or isinstance(getattr(item, "type", None), str) or _is_named(item)


def text_of(item: object) -> str | None:
    """
    The piece of text that `item` is or carries, and that can be cut; None where there is none.
    """
    if isinstance(item, str):
        return item
    if _is_textual(item):
        return item.__text__
    if _is_named(item):
        return text_of(item[1])
    adapter = adapter_of(item)
    return None if adapter is None else adapter.text_of(item)


def with_text(item: Any, text: str) -> Any:
    """
    The same as `item`, which has a text, with another one. With the empty text, items of one text are equal.
    """
    if isinstance(item, str):
        return text
    if _is_textual(item):
        return item.__with_text__(text)
    if _is_named(item):
        return (item[0], with_text(item[1], text))
    adapter = adapter_of(item)
    assert adapter is not None, "an item with a text"
    return adapter.with_text(item, text)


def _is_mergeable(item: object) -> TypeGuard[Mergeable]:
    # Not isinstance: that of a protocol with members takes 40 µs.
    return hasattr(type(item), "__merge__")


def _is_textual(item: object) -> TypeGuard[Textual]:
    return hasattr(type(item), "__with_text__")


def _is_named(item: object) -> TypeGuard[tuple[str, Any]]:
    if not isinstance(item, tuple):
        return False
    pair = cast("tuple[object, ...]", item)
    return len(pair) == 2 and isinstance(pair[0], str)
