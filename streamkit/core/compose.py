"""
Composition: several pure stages as one transducer, fed one item at a time.

Fusion compiles a loop that asks its source for items. Where items are pushed instead, because several
pipelines share them, this does the same in plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .stage import PureStage
from .transducer import Transducer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .context import Context
    from .stage import Stage

__all__ = ["Composed"]


class Composed(Transducer[Any, Any]):
    """
    The stages in a row. Once it is `done` it takes no more items; `flush` is due in any case.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = [stage for stage in stages if isinstance(stage, PureStage)]
        if len(self._stages) < len(stages):
            raise TypeError(f"only pure stages can be composed, and not all of {stages!r} are")
        self.memory = " + ".join(stage.holds() for stage in self._stages) or "nothing"
        self._parts: list[Transducer[Any, Any]] = []
        self._steps: list[Any] = []
        self._stop = -1

    def attach(self, context: Context | None) -> None:
        self._parts = [stage.build(context) for stage in self._stages]
        # The forms that are one call for each item have no list of outputs to give: their feed() makes one.
        self._steps = [part.step() if part.form == "feed" else part.feed for part in self._parts]
        self._stop = max((number for number, part in enumerate(self._parts) if part.done), default=-1)
        self.done = self._stop >= 0

    def step(self) -> Any:
        return self.feed  # a restart is each stage's own affair

    def feed(self, item: Any) -> Iterable[Any]:
        return self._through(0, (item,))

    def flush(self) -> Iterator[Any]:
        for number, part in enumerate(self._parts):
            if self._stop <= number:
                yield from self._through(number + 1, part.flush())

    def _through(self, first: int, items: Iterable[Any]) -> Iterable[Any]:
        for number in range(first, len(self._parts)):
            items = self._one(number, items)
        return items

    def _one(self, number: int, items: Iterable[Any]) -> Iterator[Any]:
        part, step = self._parts[number], self._steps[number]
        for item in items:
            yield from step(item)
            if part.done:
                self._stop = number
                self.done = True
                return
