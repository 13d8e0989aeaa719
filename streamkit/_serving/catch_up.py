"""
What a viewer gets who comes in the middle: what was told before as few items, and then the rest as it comes.

Pieces of one text are joined, and everything else stays as it is. So what is made of the items has the same parts, the open ones
open, each with all of its text in one piece.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from streamkit._core.algebra import Transducer
from streamkit._core.items import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from streamkit._core.runtime.loop_spec import LoopSpec

__all__ = ["CatchUp", "StoredItem", "ToldAlready", "joined", "joining", "number_of"]


class StoredItem(Protocol):
    """
    A record of a hub: an item, and its id, which begins with its number.
    """

    @property
    def id(self) -> str: ...
    @property
    def data(self) -> Any: ...


def joined(items: Iterable[Any], join: Callable[[Any, Any], Any] = merged) -> list[Any]:
    """
    The items, with neighbours that belong together as one.

    Args:
        items: The items.
        join: Gives two items as one; None where they do not belong together.
    """
    # Pairs, and then pairs of these: to add piece after piece to a text would copy it each time.
    before, after = -1, list(items)
    while len(after) != before:
        before = len(after)
        after = list(_pairs(after, join))
    return after


def _pairs(items: list[Any], join: Callable[[Any, Any], Any]) -> Iterator[Any]:
    waiting = iter(items)
    for first in waiting:
        held = first
        for second in waiting:
            pair = join(held, second)
            if pair is not None:
                held = pair
                break
            yield held
            held = second
        yield held


def joining(fields: Mapping[str, str]) -> Callable[[Any, Any], Any]:
    """
    A `join` that knows JSON objects too which are pieces of a text: of one type, and equal but for the piece.

    Args:
        fields: The field with the piece, by the type of such objects.
    """

    def join(first: Any, second: Any) -> Any:
        if first.__class__ is not dict or second.__class__ is not dict:
            return merged(first, second)
        field = fields.get(str(first.get("type")))
        if field is None or {**first, field: ""} != {**second, field: ""}:
            return None
        return {**first, field: merged(first[field], second[field])}

    return join


class ToldAlready:
    """
    Makes what a page reads of each item, unless the items are that already: then they pass.

    Args:
        first: The type with which what a page reads begins.
        spec: The step that makes it.
    """

    def __init__(self, first: str, spec: LoopSpec) -> None:
        self._first = first
        self._spec = spec
        self._passes: bool | None = None

    def feed(self, item: Any) -> Iterable[Any]:
        """
        What a page reads of one item.
        """
        if self._passes is None:
            self._passes = item.__class__ is dict and item.get("type") == self._first
        return (item,) if self._passes else cast("Iterable[Any]", self._spec.call(item))

    def step(self) -> LoopSpec:
        """
        The step that does it in a run.
        """
        flush, rescue = self._spec.flush, self._spec.rescue
        return replace(
            self._spec,
            call=self.feed,
            flush=None if flush is None else lambda: () if self._passes else flush(),
            rescue=None if rescue is None else lambda: () if self._passes else rescue(),
        )


class CatchUp(Transducer[StoredItem, Any]):
    """
    The items of records: those up to a number joined, and those behind it one by one.

    Args:
        until: The number of the last record that was there when the viewer came.
        join: As for `joined`.
    """

    flushes_on_error = True
    memory = "the text so far"

    def __init__(self, until: int, join: Callable[[Any, Any], Any] = merged) -> None:
        self._until = until
        self._join = join
        self._held: list[Any] | None = [] if until else None

    def feed(self, item: StoredItem) -> Iterable[Any]:
        if self._held is None:
            return (item.data,)
        self._held.append(item.data)
        return self.flush() if number_of(item.id) >= self._until else ()

    def flush(self) -> Iterable[Any]:
        held, self._held = self._held, None
        return joined(held or (), self._join)


def number_of(record_id: str) -> int:
    """
    The number of a record, of its id.
    """
    return int(record_id.partition("-")[0])
