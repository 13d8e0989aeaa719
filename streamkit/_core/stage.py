"""
Stages: the parts that an operator is made of.

A stage only describes; `build` or `bind` makes what runs, once for each run.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from streamkit._core.naming import call_text, name_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.source import Source
    from streamkit._core.transducer import Transducer

__all__ = [
    "AsyncStage",
    "CallableStage",
    "ConcurrentStage",
    "ContextStage",
    "DescriptionStage",
    "PureStage",
    "Stage",
    "refuse_hiding",
    "refuse_reopening",
    "remedies",
]

Kind = Literal["pure", "async", "concurrent"]


class Stage(ABC):
    """
    One step of a pipeline, known by the call that made it.
    """

    kind: ClassVar[Kind]

    memory: str = "what it keeps"

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


class PureStage(Stage):
    """
    A transducer that each run makes afresh.
    """

    kind: ClassVar[Kind] = "pure"

    def __init__(
        self,
        name: str,
        factory: Callable[..., Transducer[Any, Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        super().__init__(name, args, kwargs)
        self._factory = factory

    def holds(self) -> str:
        return self.build(None).memory

    @property
    def hides_restarts(self) -> bool:
        return self.build(None).hides_restarts

    @property
    def restart_remedy(self) -> str:
        return self.build(None).restart_remedy

    def build(self, context: Context | None) -> Transducer[Any, Any]:
        """
        The transducer for one run; offline there is no context.
        """
        made = self._factory(*self.args, **self.kwargs)
        made.attach(context)
        return made


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
    Any function from an async iterable to an async iterable; how other libraries' operators join in.
    """

    kind: ClassVar[Kind] = "async"

    def __init__(self, function: Callable[[AsyncIterable[Any]], AsyncIterable[Any]]) -> None:
        super().__init__(name_of(function))
        self._function = function

    def __repr__(self) -> str:
        return self.name

    def bind(self, upstream: AsyncIterator[Any]) -> AsyncIterable[Any]:
        """
        What the function makes of the upstream.

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
    A stage that works with its run: it may open streams, and see the chain before it. It owns that chain, and closes it.
    """

    kind: ClassVar[Kind] = "async"

    @abstractmethod
    def bind(self, upstream: Chain, context: Context) -> AsyncIterable[Any]:
        """
        What hands on its items; closed with its `aclose`, where it has one.
        """


class ConcurrentStage(ContextStage):
    """
    The same with jobs of its own in the run's task group; they begin through `context.spawn`.
    """

    kind: ClassVar[Kind] = "concurrent"


class DescriptionStage(Stage):
    """
    A stage that needs the description of what stands before it, because it opens that more than once.
    """

    kind: ClassVar[Kind] = "async"

    @abstractmethod
    def around(self, source: Source, stages: tuple[Stage, ...]) -> Source:
        """
        The source that takes the place of `source`, the `stages` behind it, and this one.

        Raises:
            TypeError: `source` can be opened only once.
        """


def remedies(stages: Iterable[Stage]) -> str:
    """
    What to write in place of those of `stages` that would hide it when the stream starts over.
    """
    return " and ".join(
        stage.restart_remedy for stage in stages if stage.hides_restarts and stage.restart_remedy
    )


def refuse_reopening(stages: Iterable[Stage], where: str) -> None:
    """
    Refuse stages that open their upstream again, where there is only a running one.

    Raises:
        TypeError: One of `stages` does.
    """
    for stage in stages:
        if isinstance(stage, DescriptionStage):
            raise TypeError(
                f"{stage!r} opens what stands before it again, and {where} shares what is running already: "
                f"put it before, behind the stream itself"
            )


def refuse_hiding(source: Source, stages: Iterable[Stage]) -> None:
    """
    Refuse stages that would hide it when `source` starts over.

    Raises:
        TypeError: One of `stages` does.
    """
    for stage in stages:
        if stage.hides_restarts:
            raise TypeError(
                f"{source!r} may start over, and {stage!r} would hide it from what follows, which would get everything "
                f'twice: use {stage.restart_remedy or "an operator that hands it on"}, or another resume than "restart"'
            )
