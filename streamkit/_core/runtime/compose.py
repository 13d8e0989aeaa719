"""
Composition: several pure stages as one transducer, fed one item at a time.

Fusion compiles a loop that asks its source for items. Where items are pushed instead, because several
pipelines share them, this does the same in plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.restart import is_restart
from streamkit._core.transducer import Transducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streamkit._core.runtime.context import Context
    from streamkit._core.stage import PureStage

__all__ = ["Composed", "compose", "outputs"]


def compose(stages: Sequence[PureStage], context: Context | None) -> Transducer[Any, Any]:
    """
    One transducer that does for a run what all of `stages` do. Feed it through `outputs()`.
    """
    built = [stage.build(context) for stage in stages]
    return built[0] if len(built) == 1 else Composed(built)


def outputs(stage: Transducer[Any, Any]) -> Callable[[Any], Iterable[Any]]:
    """
    The function that gives what comes out of `stage` for an item, restarts included.
    """
    if stage.form == "feed":
        return stage.step_past_restarts()

    # The step of the other forms is one plain call, which has no list to give: their feed() makes one of it.
    def feed_or_pass(item: Any) -> Iterable[Any]:
        return (item,) if stage.passes_restarts and is_restart(item) else stage.feed(item)

    return feed_or_pass


class Composed(Transducer[Any, Any]):
    """
    Transducers in a row. Once it is `done` it takes no more items; `flush` is due in any case.
    """

    def __init__(self, parts: Sequence[Transducer[Any, Any]]) -> None:
        self._parts = parts
        self._outputs = [outputs(part) for part in parts]
        self._stop = max((number for number, part in enumerate(parts) if part.done), default=-1)
        self.done: bool = self._stop >= 0

    def step(self) -> Callable[[Any], Any]:
        return self.feed  # a restart is each part's own affair

    def feed(self, item: Any) -> Iterable[Any]:
        return self._through(0, (item,))

    def flush(self) -> Iterator[Any]:
        for number, part in enumerate(self._parts):
            if self._stop <= number:
                yield from self._through(number + 1, part.flush())

    @property
    def rescues(self) -> bool:
        return any(part.rescues for part in self._parts)

    def rescue(self) -> Iterator[Any]:
        for number, part in enumerate(self._parts):
            if self._stop <= number:
                yield from self._through(number + 1, part.rescue())

    def _through(self, first: int, items: Iterable[Any]) -> Iterable[Any]:
        for number in range(first, len(self._parts)):
            items = self._one(number, items)
        return items

    def _one(self, number: int, items: Iterable[Any]) -> Iterator[Any]:
        part, outputs_of = self._parts[number], self._outputs[number]
        for item in items:
            yield from outputs_of(item)
            if part.done:
                self._stop = number
                self.done = True
                return
