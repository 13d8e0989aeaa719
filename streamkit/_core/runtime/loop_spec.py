"""
What a generated loop has to know: of its source (`Feed`), and of each pure stage in it (`LoopSpec`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Feed", "Form", "LoopOwner", "LoopSpec"]

Feed = Literal["async", "batched", "sync", "over", "push"]
"""
How items reach the loop: one by one from an async iterator, in lists from one, or from a plain iterable. `"over"` is the wholly
synchronous loop over a plain iterable, and `"push"` the one that is sent its items.
"""

Form = Literal["map", "filter", "filter_map", "tap", "feed"]
"""
How a stage takes an item. `"feed"` gives an iterable of what comes out. The others are one plain function call, as in the
operators of these names.
"""


class LoopOwner(Protocol):
    """
    A stage that can end the stream.
    """

    @property
    def done(self) -> bool:
        """
        Whether it wants no further item. It is looked at after each item.
        """
        ...


@dataclass(slots=True)
class LoopSpec:
    """
    One pure stage in one run, as the generated loop and the checks before it need it.

    Attributes:
        name: The stage's name; the loop's variables are named after it.
        form: How it takes an item.
        call: Called with each item.
        owner: Whose `done` is looked at; None if it never ends the stream.
        start_over: Called in place of `call` with an item that says "start over"; gives what comes out.
        flush: Gives what comes out at the end; None if nothing does.
        rescue: Gives what comes out before an error of upstream; None if nothing does.
        expands: Whether several items may come out for one; then they count for the run's checkpoints.
        takes_restarts: Whether `call` wants to see an item that says "start over". Without it and without `start_over`, such an
            item is handed on past the stage where the source may start over.
        hides_restarts: Whether a consumer would take for valid what a restart has made void.
        restart_remedy: What to write in its place where the stream may start over, if there is such a thing.
        memory: What it holds at most, in words.
    """

    name: str
    form: Form
    call: Callable[[Any], Any]
    owner: LoopOwner | None = None
    start_over: Callable[[Any], Iterable[Any]] | None = None
    flush: Callable[[], Iterable[Any]] | None = None
    rescue: Callable[[], Iterable[Any]] | None = None
    expands: bool = False
    takes_restarts: bool = False
    hides_restarts: bool = False
    restart_remedy: str = ""
    memory: str = "nothing"
