"""
Stages: the parts that an operator is made of.

A stage only describes. Its `spec` or `bind` makes what runs, once for each run.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from streamkit._core.naming import call_text, name_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.loop_spec import LoopSpec
    from streamkit._core.source import Source

__all__ = [
    "AsyncStage",
    "CallableStage",
    "ConcurrentStage",
    "ContextStage",
    "DescriptionStage",
    "PureStage",
    "PureStep",
    "Stage",
    "pure",
]

Kind = Literal["pure", "async", "concurrent"]


class Stage(ABC):
    """
    One step of a pipeline, known by the call that made it.
    """

    kind: ClassVar[Kind]
    """For `explain()`, and for whoever takes pure stages only."""

    memory: str = "what it keeps"
    """What it holds at most, in words."""

    levels: int = 0
    """How deep pipelines stand in one another in it."""

    def __init__(
        self, name: str, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> None:
        self.name = name
        self.args = args
        self.kwargs: Mapping[str, Any] = kwargs or {}

    def __repr__(self) -> str:
        return call_text(self.name, *self.args, **self.kwargs)

    def holds(self) -> str:
        """
        What it holds at most, in words.
        """
        return self.memory

    @property
    def takes(self) -> str:
        """
        The one kind of items that it takes, in words; empty if it takes any, or nobody knows.
        """
        return ""

    @property
    def gives(self) -> str:
        """
        The one kind of items that it gives, in words; empty if nobody knows.
        """
        return ""

    @property
    def concurrent(self) -> bool:
        """
        Whether it needs the task group of a run.
        """
        return self.kind == "concurrent"

    @property
    def hides_restarts(self) -> bool:
        """
        Whether nobody behind it would learn that the stream starts over.
        """
        return False

    @property
    def restart_remedy(self) -> str:
        """
        What to write in its place where the stream may start over, if there is such a thing.
        """
        return ""


class PureStep(Protocol):
    """
    What works in a pure stage, such as a `Transducer`. Each run makes its own.
    """

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        """
        What the generated loop of one run needs of it.

        Args:
            name: The name of its stage.
            context: The run; None offline.
        """
        ...


class PureStage(Stage):
    """
    Items in, items out, and no waiting: the loop of the run calls it for each item.
    """

    kind: ClassVar[Kind] = "pure"

    def __init__(
        self,
        name: str,
        factory: Callable[..., PureStep],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        step: PureStep | None = None,
    ) -> None:
        super().__init__(name, args, kwargs)
        self._factory = factory
        self._unused = [] if step is None else [step]

    def __getstate__(self) -> dict[str, Any]:
        # A step may hold what has no name to be found by in another process.
        return {**vars(self), "_unused": []}

    def holds(self) -> str:
        return self._described.memory

    @property
    def takes(self) -> str:
        return getattr(self._factory, "takes", "")

    @property
    def gives(self) -> str:
        return getattr(self._factory, "gives", "")

    @property
    def hides_restarts(self) -> bool:
        return self._described.hides_restarts

    @property
    def restart_remedy(self) -> str:
        return self._described.restart_remedy

    def spec(self, context: Context | None) -> LoopSpec:
        """
        What the loop of one run needs: of a step that serves this run alone. Offline there is no context.
        """
        try:
            step = self._unused.pop()  # runs may begin in several threads
        except IndexError:
            step = self._factory(*self.args, **self.kwargs)
        spec = step.__loop_spec__(self.name, context)
        spec.takes = self.takes
        return spec

    @property
    def _described(self) -> LoopSpec:
        """
        What is said of a step that does not run.
        """
        return self._factory(*self.args, **self.kwargs).__loop_spec__(self.name, None)


def pure(name: str, factory: Callable[..., PureStep], *args: Any, **kwargs: Any) -> tuple[PureStage]:
    """
    The stages of a built-in pure operator. One step is made at once, so that bad arguments are refused where they stand.
    It serves the first run.
    """
    return (PureStage(name, factory, args, kwargs, factory(*args, **kwargs)),)


class AsyncStage(Stage):
    """
    An async generator function over the items before it.
    """

    kind: ClassVar[Kind] = "async"
    memory = "what its function keeps"

    def __init__(
        self,
        name: str,
        function: Callable[..., AsyncIterator[Any]],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name, args, kwargs)
        self._function = function

    def bind(self, upstream: AsyncIterator[Any]) -> AsyncIterable[Any]:
        """
        The running generator.
        """
        return self._function(upstream, *self.args, **self.kwargs)


class CallableStage(Stage):
    """
    Any function from an async iterable to an async iterable. Other libraries' operators stand in a pipeline as such.
    """

    kind: ClassVar[Kind] = "async"

    def __init__(self, function: Callable[[AsyncIterable[Any]], AsyncIterable[Any]]) -> None:
        super().__init__(name_of(function))
        self._function = function

    def __repr__(self) -> str:
        return self.name

    def bind(self, upstream: AsyncIterator[Any]) -> AsyncIterable[Any]:
        """
        What the function makes of upstream.

        Raises:
            TypeError: It made something that cannot be iterated asynchronously.
        """
        made = self._function(upstream)
        if not hasattr(made, "__aiter__"):
            if inspect.iscoroutine(made):
                made.close()
            raise TypeError(
                f"{self.name} stands behind | and must return an async iterable, but it returned "
                f"{type(made).__name__}; for a function of one item write map({self.name}) or sinks.call({self.name})"
            )
        return made


class ContextStage(Stage):
    """
    A stage that works with its run: it may open streams, and it is given the chain before it, which it owns and closes.
    """

    kind: ClassVar[Kind] = "async"

    @abstractmethod
    def bind(self, upstream: Chain, context: Context) -> AsyncIterable[Any]:
        """
        What hands on its items. It is closed by its `aclose`, where it has one.
        """


class ConcurrentStage(ContextStage):
    """
    A stage with tasks of its own in the run's task group, which it starts by `context.spawn`.
    """

    kind: ClassVar[Kind] = "concurrent"


class DescriptionStage(Stage):
    """
    A stage that needs the description of what stands before it, because it opens that more than once. `retry` is one.
    """

    kind: ClassVar[Kind] = "async"

    @abstractmethod
    def around(self, source: Source, stages: tuple[Stage, ...]) -> Source:
        """
        The source that takes the place of `source`, the `stages` behind it, and this one.

        Raises:
            TypeError: `source` can be opened only once.
        """
