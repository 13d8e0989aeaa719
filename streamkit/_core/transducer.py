"""
Pure stages: items in, items out, no waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self

from streamkit._core.operator import A_contra, B_co, Operator
from streamkit._core.restart import is_restart
from streamkit._core.stage import PureStage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._core.runtime.context import Context

__all__ = ["Transducer", "pure"]

Form = Literal["feed", "map", "filter", "filter_map", "tap"]


class Transducer(Operator[A_contra, B_co], Generic[A_contra, B_co]):
    """
    A pure operator: subclass it and write `feed`.

    An instance is a description, like every operator: each run works on a fresh instance, made by calling the class with
    the same arguments again, so state belongs in `__init__`. Neighbouring transducers run as one loop, and they work
    offline through `over()`.

        class Runs(Transducer[A, list[A]]):
            def __init__(self) -> None:
                self.run: list[A] = []

            def feed(self, item: A) -> Iterable[list[A]]:
                if self.run and item != self.run[0]:
                    yield from self.flush()
                self.run.append(item)

            def flush(self) -> Iterable[list[A]]:
                run, self.run = self.run, []
                return (run,) if run else ()

    Where the stream starts over, `reset` is called in place of `feed`; by default it makes all as at the beginning.

    Attributes:
        done: Set it to end the stream: upstream is closed, `flush` is still called.
        memory: What it holds at most, in words, for `explain()`.
    """

    form: ClassVar[Form] = "feed"
    """How the loop calls it; anything but `"feed"` is one plain function call for each item, `step()`."""
    expands: ClassVar[bool] = True
    """Whether several items may come out for one; then they count for the run's checkpoints."""
    passes_restarts: ClassVar[bool] = True
    """Whether an item that says "start over" is handed on after `reset`; False where the output is of another kind."""

    restart_remedy: str = ""
    """What to write in its place where the stream may start over, as in `text(restarts=True)`."""

    flushes_on_error: ClassVar[bool] = False
    """Whether `flush` is called before an upstream's error too, because what is held is as good as what was handed on."""

    memory: str = "what it keeps"
    done: bool = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        self.stages = (PureStage(cls.__name__, cls, args, kwargs),)
        return self

    def __init__(self) -> None:
        """
        Nothing to set up, nor need a subclass call this.
        """

    @property
    def hides_restarts(self) -> bool:
        """
        Whether a consumer would take for valid what a restart has made void.
        """
        return not self.passes_restarts

    @property
    def flushes(self) -> bool:
        """
        Whether it may have something to say at the end.
        """
        return type(self).flush is not Transducer.flush  # pyright: ignore[reportUnknownMemberType]

    def feed(self, item: A_contra) -> Iterable[B_co]:
        """
        What comes out for `item`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define feed(self, item)")

    def flush(self) -> Iterable[B_co]:
        """
        What comes out at the end of the stream.
        """
        return ()

    @property
    def rescues(self) -> bool:
        """
        Whether it may have something to say before an upstream's error.
        """
        return self.flushes_on_error

    def rescue(self) -> Iterable[B_co]:
        """
        What comes out before an upstream's error.
        """
        return self.flush() if self.flushes_on_error else ()

    def reset(self) -> None:
        """
        Forget what was fed: the stream starts over. Unless overridden, `__init__` is called with the same arguments again.
        """
        (made,) = self.stages
        self.__init__(*made.args, **made.kwargs)  # type: ignore[misc]

    def attach(self, context: Context | None) -> None:
        """
        Meet the run that it will work for, before the first item; offline there is none.
        """

    def step(self) -> Callable[[Any], Any]:
        """
        The function that the loop calls for each item.
        """
        return self._feed_or_reset

    def step_past_restarts(self) -> Callable[[Any], Any]:
        """
        The same for a stream that may start over, where an item that says so is not for a function of the user's.
        """
        return self.step()

    def _feed_or_reset(self, item: Any) -> Iterable[Any]:
        if not is_restart(item):
            return self.feed(item)
        self.reset()
        return (item,) if self.passes_restarts else ()


def pure(
    name: str, factory: Callable[..., Transducer[Any, Any]], *args: Any, **kwargs: Any
) -> tuple[PureStage]:
    """
    The stages of a built-in operator; one instance is made at once, so that bad arguments are refused where they stand.
    """
    factory(*args, **kwargs)
    return (PureStage(name, factory, args, kwargs),)
