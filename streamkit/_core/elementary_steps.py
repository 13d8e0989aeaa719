"""
The six elementary pure steps, which streams and operators offer as methods: map, filter, filter_map, tap, scan and flat_map.

All but `Scan` are one plain function call for each item, so the generated loop calls the function itself.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._core.checks import check_plain
from streamkit._core.items import is_restart
from streamkit._core.naming import name_of
from streamkit._core.runtime.loop_spec import LoopSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import Form

__all__ = ["Filter", "FilterMap", "FlatMap", "Map", "Scan", "Tap"]


class _OneCall:
    """
    A step that is one function call for each item.

    Attributes:
        form: How the loop uses what the function gives.
        expands: Whether several items may come out for one.
        passes_restarts: Whether an item that says "start over" is handed on past the function; False where the output is of
            another kind.
        restart_remedy: What to write in its place where the stream may start over, if there is such a thing.
    """

    form: ClassVar[Form]
    expands: ClassVar[bool] = False
    passes_restarts: ClassVar[bool] = True
    restart_remedy: ClassVar[str] = ""

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        check_plain(fn)
        self.fn = fn

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        return LoopSpec(
            name,
            self.form,
            self.call(),
            expands=self.expands,
            takes_restarts=not self.passes_restarts,
            hides_restarts=not self.passes_restarts,
            restart_remedy=self.restart_remedy,
        )

    def call(self) -> Callable[[Any], Any]:
        """
        What the loop calls.
        """
        return self.fn


class Map(_OneCall):
    """
    What the function gives takes the item's place.
    """

    form: ClassVar[Form] = "map"


class Filter(_OneCall):
    """
    Items for which the function gives something false are dropped.
    """

    form: ClassVar[Form] = "filter"


class FilterMap(_OneCall):
    """
    What the function gives takes the item's place, unless it is None.
    """

    form: ClassVar[Form] = "filter_map"


class Tap(_OneCall):
    """
    The function sees the item, which goes on as it is.
    """

    form: ClassVar[Form] = "tap"


class FlatMap(_OneCall):
    """
    The items of the iterable that the function gives take the item's place.
    """

    form: ClassVar[Form] = "feed"
    expands: ClassVar[bool] = True

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        if inspect.isasyncgenfunction(fn):
            raise _gives_streams(fn)
        super().__init__(fn)

    def call(self) -> Callable[[Any], Any]:
        return self._read

    def _read(self, item: Any) -> Iterable[Any]:
        made: Iterable[Any] = self.fn(item)
        if not hasattr(made, "__iter__") and hasattr(made, "__aiter__"):
            raise _gives_streams(self.fn)
        return made


def _gives_streams(fn: object) -> TypeError:
    name = name_of(fn)
    return TypeError(
        f"{name} gives async iterables, and flat_map() reads plain ones: write flat_map({name}, concurrency=…)"
    )


class Scan:
    """
    The running value takes the item's place.
    """

    def __init__(self, fn: Callable[[Any, Any], Any], initial: Any) -> None:
        check_plain(fn)
        self.fn = fn
        self.initial = initial
        self.value = initial

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        return LoopSpec(name, "map", self._next_value, takes_restarts=True, memory="the running value")

    def _next_value(self, item: Any) -> Any:
        if is_restart(item):
            self.value = self.initial
            return item
        self.value = value = self.fn(self.value, item)
        return value
