"""
Read-only views of a growing value, which always show it as it is now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast, overload

from msgspec import Struct

__all__ = ["LiveArray", "LiveObject", "Partial", "view"]

V = TypeVar("V")


class LiveObject(Mapping[str, Any]):
    """
    An object as far as it has been written. It grows; what `copy()` gives does not.
    """

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment] # it changes

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def __getitem__(self, name: str) -> Any:
        return view(self._value[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return self._value == (other._value if isinstance(other, LiveObject) else other)

    def __repr__(self) -> str:
        return repr(self._value)

    def copy(self) -> dict[str, Any]:
        """
        The object as it is now, in plain dicts and lists.
        """
        return _copied(self._value)


class LiveArray(Sequence[Any]):
    """
    An array as far as it has been written. It grows; what `copy()` gives does not.
    """

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment] # it changes

    def __init__(self, value: list[Any]) -> None:
        self._value = value

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [view(each) for each in self._value[index]]
        return view(self._value[index])

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return self._value == (other._value if isinstance(other, LiveArray) else other)

    def __repr__(self) -> str:
        return repr(self._value)

    def copy(self) -> list[Any]:
        """
        The array as it is now, in plain dicts and lists.
        """
        return _copied(self._value)


class Partial(Struct, frozen=True):
    """
    A value as far as it has been written: to be shown, never to be acted on. For that there is `ToolCall`.

    Attributes:
        value: A read-only live view: it goes on growing with the text. Strings are there from their first quote on, numbers and
            words when they are complete.
        complete: Whether the whole value is there.
    """

    value: Any
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects: the value as it is now.
        """
        return {"value": self.copy().value, "complete": self.complete}

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """
        Each field with its value, as pydantic's models give them: FastAPI's encoder asks for them.
        """
        return iter(self.to_dict().items())

    def copy(self) -> Partial:
        """
        The same value as it is now, in plain dicts and lists, to be kept.
        """
        value = self.value
        return Partial(value.copy() if isinstance(value, LiveObject | LiveArray) else value, self.complete)


def view(value: Any) -> Any:
    """
    The read-only view of a dict or a list; any other value is its own.
    """
    if isinstance(value, dict):
        return LiveObject(cast("dict[str, Any]", value))
    return LiveArray(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType]


def _copied(value: V) -> V:
    # Without recursion, because a text may be nested deeper than Python's stack.
    top: list[Any] = [value]
    waiting: list[tuple[Any, Any]] = [(top, 0)]
    while waiting:
        holder, place = waiting.pop()
        copied: Any = holder[place].copy()
        holder[place] = copied
        places: Any = copied if hasattr(copied, "keys") else range(len(copied))
        waiting.extend((copied, each) for each in places if isinstance(copied[each], dict | list))
    return cast("V", top[0])
