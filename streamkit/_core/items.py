"""
What operators ask of items: whether two of them merge, which text they carry, and whether the stream starts over at them.

An item answers by special methods of its own (`Mergeable`, `Textual`, `__aside__`, `__restart__`). Strings and `(name, value)`
pairs are known here. An item of another library is asked about at that library's adapter.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, Protocol, Self, TypeGuard, cast

from msgspec import Struct

from streamkit._core.adapters import adapter_of
from streamkit._core.foreign_objects import type_of
from streamkit._core.plain import PlainValue, error_repr, plain_error
from streamkit._surrogates import appended, cut_half, plain_text

__all__ = [
    "Mergeable",
    "Restarted",
    "Textual",
    "can_wait",
    "is_named",
    "is_restart",
    "is_structural",
    "merged",
    "stands_aside",
    "text_of",
    "with_text",
    "without_half",
]


# -- merging ------------------------------------------------------------------------------------------------


class Mergeable(Protocol):
    """
    An item that can be merged with its neighbour, as two pieces of one text can.
    """

    @property
    def __mergeable__(self) -> bool:
        """
        False for an item that has these methods by its class alone: it is structural, and never waits for others.
        """
        ...

    def __merge__(self, other: Self, /) -> Self | None:
        """
        The two as one item, or None where they do not belong together.
        """
        ...


def can_wait(item: object) -> bool:
    """
    Whether `item` is a piece of something longer, which may be held back until the next piece can be merged with it.
    """
    if isinstance(item, str):
        return True
    if _is_mergeable(item):
        return item.__mergeable__
    if is_named(item):
        return can_wait(item[1])
    adapter = adapter_of(item)
    return adapter is not None and adapter.can_wait(item)


def merged(held: Any, item: Any) -> Any:
    """
    The two as one item, or None where they do not belong together.
    """
    if isinstance(held, str):
        if not isinstance(item, str):
            return None
        if held.__class__ is not str or item.__class__ is not str:
            held, item = plain_text(held), plain_text(item)
        return held + item if item.isascii() else appended(held, item)
    if _is_mergeable(held):
        return held.__merge__(item) if _is_mergeable(item) and item.__mergeable__ else None
    if is_named(held):
        if not is_named(item) or held[0] != item[0]:
            return None
        value = merged(held[1], item[1])
        return None if value is None else _with_value(held, value)
    adapter = adapter_of(held)
    return adapter.merged(held, item) if adapter is not None and adapter.can_wait(held) else None


def is_structural(item: object) -> bool:
    """
    Whether `item` stands between such pieces and passes at once: an event without a text to merge, or a restart.
    """
    return _is_mergeable(item) or type_of(item) is not None or is_named(item)


# -- text ---------------------------------------------------------------------------------------------------


class Textual(Protocol):
    """
    An item that carries a piece of a longer text, as the deltas of a text do.
    """

    @property
    def __text__(self) -> str | None:
        """
        The piece; None for an item that has these methods by its class alone, and cannot be cut without a loss.
        """
        ...

    def __with_text__(self, text: str, /) -> Self:
        """
        The same item with another piece of that text.
        """
        ...


def text_of(item: object) -> str | None:
    """
    The piece of text that `item` is or carries, and that can be cut; None where there is none.
    """
    if isinstance(item, str):
        return item
    if _is_textual(item):
        return item.__text__
    if is_named(item):
        return text_of(item[1])
    adapter = adapter_of(item)
    return None if adapter is None else adapter.text_of(item)


def with_text(item: Any, text: str) -> Any:
    """
    `item`, which has a text, with another one. With the empty text, all items of the same text are equal.
    """
    if isinstance(item, str):
        return text
    if _is_textual(item):
        return item.__with_text__(text)
    if is_named(item):
        return _with_value(item, with_text(item[1], text))
    adapter = adapter_of(item)
    assert adapter is not None, "an item with a text"
    return adapter.with_text(item, text)


def stands_aside(item: object) -> bool:
    """
    Whether `item` may come in the middle of a text, which goes on behind it: a sign of life, or what belongs to something else.
    Its class says so by `__aside__`.
    """
    if hasattr(type(item), "__aside__"):
        return cast("Any", item).__aside__ is True
    if is_named(item):
        return stands_aside(item[1])
    adapter = adapter_of(item)
    return adapter is not None and adapter.stands_aside(item)


def without_half(item: Any) -> tuple[Any, Any]:
    """
    `item` without the first half of a surrogate pair at the end of its text, and the same item with that half alone.

    Returns:
        The two, either of which is None where there is nothing of it.
    """
    text = text_of(item)
    if text is None:
        return item, None
    whole, half = cut_half(text)
    if not half:
        return item, None
    return with_text(item, whole) if whole else None, with_text(item, half)


# -- starting over ------------------------------------------------------------------------------------------


class Restarted(PlainValue, Struct, frozen=True, tag_field="type", tag="restarted"):
    """
    The stream starts over: everything before this item is void, because the source was opened again. Of the streams of a
    `follow`, only the current one is opened again; see there.

    With Claude, the request was sent again. This item is not an event of the wire.

    Attributes:
        attempt: The number of the attempt that begins; the first was 1.
        error: What the attempt before it failed with.
    """

    type: ClassVar[Literal["restarted"]] = "restarted"
    __restart__: ClassVar[bool] = True
    attempt: int
    error: Exception

    def __repr__(self) -> str:
        return f"Restarted(attempt={self.attempt}, error={error_repr(self.error)})"

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects: of the error its class and its message. A message may quote what was said; leave it out where
        that must not go.
        """
        return {"type": self.type, "attempt": self.attempt, "error": plain_error(self.error)}


ORDINARY: Final[set[type]] = set()
"""Classes of items that were asked before, at which no stream starts over: what a loop looks an item up in before it asks it."""

_MOST_ORDINARY: Final = 256  # a program may make classes without end


def is_restart(item: object) -> bool:
    """
    Whether the stream starts over at `item`, so that everything before it is void.
    """
    # The item is asked first, which is quick, but its class decides: on the wire a field may have that name, and an item may
    # answer to any name, or raise.
    try:
        said = getattr(item, "__restart__", False)
    except Exception:
        said = True
    if getattr(type(item), "__restart__", False) is not True:
        if len(ORDINARY) < _MOST_ORDINARY:
            ORDINARY.add(type(item))
        return False
    return said is True


def _is_mergeable(item: object) -> TypeGuard[Mergeable]:
    # isinstance() with a protocol that has members takes 40 µs.
    return hasattr(type(item), "__merge__")


def _is_textual(item: object) -> TypeGuard[Textual]:
    return hasattr(type(item), "__with_text__")


def is_named(item: object) -> TypeGuard[tuple[str, Any]]:
    """
    Whether `item` is a pair of a name and a value, as `split` makes them.
    """
    if not isinstance(item, tuple):
        return False
    pair = cast("tuple[object, ...]", item)
    return len(pair) == 2 and isinstance(pair[0], str)


def _with_value(pair: tuple[str, Any], value: Any) -> tuple[str, Any]:
    """
    The same pair with another value: also one of a class of its own, as a NamedTuple is.
    """
    if pair.__class__ is tuple:
        return (pair[0], value)
    make: Any = getattr(type(pair), "_make", type(pair))
    return cast("tuple[str, Any]", make((pair[0], value)))
