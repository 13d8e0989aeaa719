"""
What a generated loop has to know: of its source (`Feed`), and of each pure stage in it (`LoopSpec`). What of that its text
depends on is its shape, a `Step` for each stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Feed", "Form", "LoopOwner", "LoopSpec", "Step", "shape_of"]

Feed = Literal["async", "batched", "sync", "over", "push"]
"""
How items reach the loop: one by one from an async iterator, in lists from one, or from a plain iterable. `"over"` is the wholly
synchronous loop over a plain iterable, and `"push"` the one that is sent its items.
"""

Form = Literal["map", "filter", "filter_map", "tap", "take", "feed"]
"""
How a stage takes an item. `"feed"` gives an iterable of what comes out, and behind `"take"` nothing does. The others are one
plain function call, as in the operators of these names.
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
        takes: The one kind of items that it takes, in words; empty if it takes any, or nobody knows.
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
    takes: str = ""


class Step(NamedTuple):
    """
    What the source of a loop depends on, of one stage.

    Attributes:
        name: Its name.
        form: How it takes an item.
        restarts: What becomes of an item that says "start over": it is `call`ed with it, or `start_over` is; or the item goes
            `past` it.
        owned: Whether it can end the stream.
        flushes: Whether it has something to say at the end.
        rescues: Whether it has something to say before an error.
        expands: Whether several items may come out for one.
    """

    name: str
    form: Form
    restarts: Literal["call", "start_over", "past"]
    owned: bool
    flushes: bool
    rescues: bool
    expands: bool


def shape_of(stages: Sequence[LoopSpec], *, restarts: bool) -> tuple[Step, ...]:
    """
    What the source of a loop through `stages` depends on.

    Args:
        stages: The stages.
        restarts: Whether the source may start over.
    """
    return tuple(
        Step(
            stage.name,
            stage.form,
            "start_over"
            if stage.start_over is not None
            else "past"
            if restarts and not stage.takes_restarts
            else "call",
            stage.owner is not None,
            stage.flush is not None,
            stage.rescue is not None,
            stage.expands,
        )
        for stage in stages
    )
