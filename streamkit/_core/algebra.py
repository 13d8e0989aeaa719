"""
The algebra: streams, operators and sinks, and what `|` makes of them.

    Stream | Operator   -> Stream          Operator | Operator -> Operator
    Stream | Sink       -> Job             Operator | Sink     -> Sink

All of them are immutable descriptions, made of a source and stages, and nothing runs before a stream is opened.

These classes stand in one file because they name one another: an operator is called with a stream and gives one, a stream has
operators as methods, and `|` makes sinks of operators and jobs of streams. However they were divided, two modules would import
each other. What they are made of, and what runs, stands in modules of their own, which know nothing of these classes.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, overload

from streamkit._core.checks import not_a_stream, refuse_right
from streamkit._core.elementary_steps import Filter, FlatMap, Map, Scan, Tap
from streamkit._core.explain import explanation
from streamkit._core.naming import call_text, gives_async_items, gives_awaitable, name_of
from streamkit._core.pipeline_checks import refuse_misfits, sink_is_the_end, two_streams
from streamkit._core.runtime.assembly import begin, described, run_offline
from streamkit._core.runtime.closing import CLOSE_TIMEOUT
from streamkit._core.runtime.context import Context
from streamkit._core.runtime.job_run import JobRun
from streamkit._core.runtime.loop_spec import LoopSpec
from streamkit._core.runtime.run import Run
from streamkit._core.source import IterableSource, Source
from streamkit._core.stage import CallableStage, PureStage, pure
from streamkit._core.terminals import run_into

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterable,
        AsyncIterator,
        Awaitable,
        Callable,
        Generator,
        Iterable,
        Iterator,
        Mapping,
    )

    from streamkit._core.outcome import Outcome
    from streamkit._core.stage import Stage

__all__ = [
    "GenericOperator",
    "GenericSink",
    "Job",
    "Operator",
    "Same",
    "Sink",
    "Stream",
    "Transducer",
    "stream_of",
]

A_co = TypeVar("A_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)
B = TypeVar("B")
B_co = TypeVar("B_co", covariant=True)
C = TypeVar("C")
G = TypeVar("G", bound="GenericOperator[Any]")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")
Z = TypeVar("Z", bound="GenericSink")
T = TypeVar("T")


# -- streams ------------------------------------------------------------------------------------------------


class Stream(Generic[A_co]):
    """
    A stream of `A`: an immutable description that runs anew each time it is opened.

    `stream | operator` is a stream, and `stream | sink` is a job to await.

    Attributes:
        source: Where it begins.
        stages: What follows, in order.
    """

    __reads_as_source__ = True

    def __init__(self, source: Source, stages: tuple[Stage, ...] = ()) -> None:
        if not isinstance(source, Source):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"Stream() is what sources make, such as from_iterable(…) and messages(…), not of {type(source).__name__}"
            )
        self.source = source
        self.stages = stages

    def __repr__(self) -> str:
        return " | ".join(map(repr, (self.source, *self.stages)))

    @overload
    def __or__(self, right: Callable[[AsyncIterable[A_co]], AsyncIterable[B]], /) -> Stream[B]: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[A_co]], Job[R]], /) -> Job[R]: ...
    def __or__(self, right: Any, /) -> Any:
        if isinstance(right, Operator):
            refuse_misfits(self.stages, right.stages)
            return Stream[Any](self.source, self.stages + right.stages)
        if isinstance(right, Sink):
            refuse_misfits(self.stages, right.stages)
            return Job(self, cast("Sink[Any, object]", right))
        if isinstance(right, Stream):
            raise two_streams()
        if refuse_right(right):
            return NotImplemented
        return Stream[Any](self.source, (*self.stages, CallableStage(right)))

    if not TYPE_CHECKING:  # for a checker these are errors already

        def __await__(self) -> Any:
            raise TypeError(
                "a stream is not awaited: write `async with stream.open() as run` and iterate the run, or await one of its ends, "
                "such as stream.collect(), stream.run(), or stream | sink"
            )

        async def __aenter__(self) -> Any:
            raise TypeError(
                "a stream is opened first: write `async with stream.open() as run`, with parentheses around a pipeline"
            )

        async def __aexit__(self, *_: object) -> None: ...

        def __enter__(self) -> Any:
            raise TypeError("a stream is asynchronous: write `async with stream.open() as run`")

        def __exit__(self, *_: object) -> None: ...

        # Not `__iter__`, by which others would take it for a plain iterable.
        def __getitem__(self, _: object) -> Any:
            raise TypeError(
                "a stream is asynchronous: write `async for` and not `for`, and `await stream.collect()` for a list"
            )

        def __ror__(self, left: object) -> Any:
            raise TypeError(f"a stream begins a pipeline: write {self!r} | … instead of {left!r} | …")

        def __getattr__(self, name: str) -> Any:
            hint = ""
            if not name.startswith("_") and name in sys.modules[__name__.partition(".")[0]].__all__:
                hint = f": write `stream | {name}(…)`"
            elif name in {"outcome", "report", "cancel"}:
                hint = ": a run has it, which `async with stream.open() as run` begins"
            elif name == "over":
                hint = ": an operator has it, as in `text().over(items)`, for items that are there without waiting"
            raise AttributeError(f"a stream has no attribute {name!r}{hint}", name=name, obj=self)

    @overload
    def pipe(self, right: Callable[[AsyncIterable[A_co]], AsyncIterable[B]], /) -> Stream[B]: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[A_co]], Job[R]], /) -> Job[R]: ...
    def pipe(self, right: Any, /) -> Any:
        """
        The same as `self | right`.
        """
        return self | right

    def map(self, fn: Callable[[A_co], B], /) -> Stream[B]:
        """
        This, followed by `map(fn)`.
        """
        return self | Operator[A_co, B](pure("map", Map, fn))

    def filter(self, keep: Callable[[A_co], object], /) -> Stream[A_co]:
        """
        This, followed by `filter(keep)`.
        """
        return self | Same(pure("filter", Filter, keep))

    def tap(self, fn: Callable[[A_co], object], /) -> Stream[A_co]:
        """
        This, followed by `tap(fn)`.
        """
        return self | Same(pure("tap", Tap, fn))

    def scan(self, fn: Callable[[B, A_co], B], initial: B, /) -> Stream[B]:
        """
        This, followed by `scan(fn, initial)`.
        """
        return self | Operator[A_co, B](pure("scan", Scan, fn, initial))

    def flat_map(self, fn: Callable[[A_co], Iterable[B]], /) -> Stream[B]:
        """
        This, followed by `flat_map(fn)`.
        """
        return self | Operator[A_co, B](pure("flat_map", FlatMap, fn))

    @property
    def concurrent(self) -> bool:
        """
        Whether it needs `open()`, because one of its stages runs tasks of its own.
        """
        return self.source.concurrent or any(stage.concurrent for stage in self.stages)

    @property
    def repeatable(self) -> bool:
        """
        Whether it can be opened more than once.
        """
        return self.source.repeatable

    @property
    def restarts(self) -> bool:
        """
        Whether it may start over in the middle, with an item that says so.
        """
        return described(self.source, self.stages)[0].restarts

    def open(self, *, close_timeout: float = CLOSE_TIMEOUT) -> Run[A_co]:
        """
        A run of this stream, for `async with`: the way to live iteration.

        Args:
            close_timeout: Seconds that cleaning up may take, sinks included, when the run ends before its stream.

        Raises:
            ValueError: `close_timeout` is not a positive number.
        """
        return Run(self.source, self.stages, close_timeout)

    def __aiter__(self) -> AsyncIterator[A_co]:
        """
        Iterate without a run, and so without an outcome. Every stage has to be sequential.

        Raises:
            TypeError: A stage needs the task group that only `open()` gives; or, at the first item, more than 100 iterators
                would be read one inside another, those around it included.
        """
        parts: list[Source | Stage] = [self.source, *self.stages]
        for part in parts:
            if part.concurrent:
                raise TypeError(
                    f"{part!r} runs tasks of its own, which a bare `async for` has no place for: "
                    "use `async with stream.open() as run` and iterate the run"
                )
        return self._iterate(Context(close_timeout=CLOSE_TIMEOUT))

    async def _iterate(self, context: Context) -> AsyncIterator[A_co]:
        chain = await begin(self.source, self.stages, context)
        try:
            async for item in chain.iterator:
                yield item
        finally:
            await context.closing(chain)
            del context, chain

    async def collect(self) -> list[A_co]:
        """
        Run it, and return all items.
        """
        items: list[A_co] = []
        await run_into(items.append, self.source, self.stages, "collect")
        return items

    async def first(self) -> A_co:
        """
        Run it up to its first item, and return that.

        Raises:
            LookupError: It ended without an item.
        """
        run = self.open()
        try:
            async with run:
                async for item in run:
                    return item
        finally:
            del run  # an error has this frame in its traceback, and the run has the error
        raise LookupError(f"{self!r} ended without an item")

    async def last(self) -> A_co:
        """
        Run it, and return its last item.

        Raises:
            LookupError: It ended without an item.
        """
        last = deque[A_co](maxlen=1)
        await run_into(last.append, self.source, self.stages, "last")
        if not last:
            raise LookupError(f"{self!r} ended without an item")
        return last[0]

    async def run(self) -> None:
        """
        Run it to its end, for its effects.
        """
        await run_into(deque[A_co](maxlen=0).append, self.source, self.stages, "run")

    def to(self, sink: Callable[[AsyncIterable[A_co]], Job[R]], /) -> Job[R]:
        """
        The same as `self | sink`, for `await stream.to(sink)`.
        """
        return self | sink

    def explain(self) -> None:
        """
        Print each stage with its kind, what it holds at most, and what is fused.
        """
        print("\n".join(explanation(self.stages, self.source)))  # noqa: T201 -- printing is its purpose


def stream_of(source: Any, stages: tuple[Stage, ...] = ()) -> Stream[Any]:
    """
    A stream of whatever `source` is.
    """
    if isinstance(source, Stream):
        return Stream(source.source, source.stages + stages)
    if not hasattr(source, "__aiter__"):
        raise TypeError(
            f"an operator is applied to an async iterable, not to {type(source).__name__}: use from_iterable(), or from_sdk() "
            "for what the SDK gives"
        )
    return Stream(IterableSource(source), stages)


class _OfAStream:
    """
    The name of what a stream has, and an operator or a sink has not: to ask for it is an error that says what to write.

    A `__getattr__` could say it of more names, and would slow down the loop, which looks at attributes of transducers.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, stage: object, owner: type) -> Any:
        hint = "" if stage is None else f": a stream has it, so write `(stream | {stage!r}).{self._name}(…)`"
        raise AttributeError(
            f"{owner.__name__!r} object has no attribute {self._name!r}{hint}", name=self._name, obj=stage
        )


# -- operators ----------------------------------------------------------------------------------------------


class Operator(Generic[A_contra, B_co]):
    """
    Turns a stream of `A` into a stream of `B`: an immutable description, to be used as often as you like.

    `operator | operator` is an operator, `operator | sink` is a sink, and `stream | operator` and `operator(aiterable)` are
    streams.

    Attributes:
        stages: What it is made of, in order.
    """

    __reads_as_source__ = True
    __makes_stage__: ClassVar[bool] = True
    """Of a subclass: that it has to be called before it can stand behind `|`."""

    stages: tuple[Stage, ...]

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self.stages = stages

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.stages))

    def __call__(self, source: AsyncIterable[A_contra], /) -> Stream[B_co]:
        """
        The stream of `source` through this operator; `source` may be any async iterable.
        """
        return stream_of(source, self.stages)

    @overload
    def __or__(
        self, right: Callable[[AsyncIterable[B_co]], AsyncIterable[C]], /
    ) -> Operator[A_contra, C]: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[B_co]], Job[R]], /) -> Sink[A_contra, R]: ...
    def __or__(self, right: Any, /) -> Any:
        return self._followed_by(right)

    def _followed_by(self, right: Any) -> Any:
        if isinstance(right, Operator):
            kind: type[Operator[Any, Any]] = Operator
            if isinstance(self, Same) and isinstance(right, GenericOperator):
                kind = type(cast("GenericOperator[object]", right))
            refuse_misfits(self.stages, right.stages)
            return kind(self.stages + right.stages)
        if isinstance(right, Sink):
            refuse_misfits(self.stages, right.stages)
            return cast("Sink[Any, object]", right).after(self.stages)
        if refuse_right(right):
            return NotImplemented
        made: Operator[Any, Any] = Operator((*self.stages, CallableStage(right)))
        return made

    if not TYPE_CHECKING:  # for a checker these are errors already

        def __ror__(self, left: object) -> Any:
            raise not_a_stream(left, self)

        open, collect, first, last, run = (_OfAStream() for _ in range(5))

        # Not `__aiter__` too: others would take it for an async iterable.
        def __await__(self) -> Any:
            raise TypeError(
                f"an operator is not awaited: put it behind a stream, as in `await (stream | {self!r}).collect()`"
            )

    @overload
    def pipe(self, right: Callable[[AsyncIterable[B_co]], AsyncIterable[C]], /) -> Operator[A_contra, C]: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[B_co]], Job[R]], /) -> Sink[A_contra, R]: ...
    def pipe(self, right: Any, /) -> Any:
        """
        The same as `self | right`.
        """
        return self | right

    def map(self, fn: Callable[[B_co], C], /) -> Operator[A_contra, C]:
        """
        This, followed by `map(fn)`.
        """
        return self | Operator[B_co, C](pure("map", Map, fn))

    def filter(self, keep: Callable[[B_co], object], /) -> Operator[A_contra, B_co]:
        """
        This, followed by `filter(keep)`.
        """
        return self | Same(pure("filter", Filter, keep))

    def tap(self, fn: Callable[[B_co], object], /) -> Operator[A_contra, B_co]:
        """
        This, followed by `tap(fn)`.
        """
        return self | Same(pure("tap", Tap, fn))

    def scan(self, fn: Callable[[C, B_co], C], initial: C, /) -> Operator[A_contra, C]:
        """
        This, followed by `scan(fn, initial)`.
        """
        return self | Operator[B_co, C](pure("scan", Scan, fn, initial))

    def flat_map(self, fn: Callable[[B_co], Iterable[C]], /) -> Operator[A_contra, C]:
        """
        This, followed by `flat_map(fn)`.
        """
        return self | Operator[B_co, C](pure("flat_map", FlatMap, fn))

    def over(self, items: Iterable[A_contra], /) -> Iterator[B_co]:
        """
        Run pure stages over a plain iterable: offline data, a notebook, the synchronous client.

        The iterable is closed with the iterator, if it has a `close`.

        Raises:
            TypeError: A stage needs an event loop, or `items` is not a plain iterable; or the stages need more than 100 loops,
                as a thousand transducers do not.
        """
        return run_offline(self.stages, items)

    def explain(self) -> None:
        """
        Print each stage with its kind, what it holds at most, and what is fused.
        """
        print("\n".join(explanation(self.stages)))  # noqa: T201 -- printing is its purpose


class GenericOperator(Operator[Any, B_co]):
    """
    The base of operators whose type depends on the type of the items. They overload `__call__`.

    Such an operator is generic where it is used, not where it is made, so that a value such as `k = take(3)` has a type.
    """


class Same(GenericOperator[Any]):
    """
    An operator that hands on items of whatever type it is given.
    """

    def __call__(self, source: AsyncIterable[T], /) -> Stream[T]:
        return super().__call__(source)

    @overload  # type: ignore[override]
    def __or__(self, right: G, /) -> G: ...
    @overload
    def __or__(self, right: Z, /) -> Z: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[T]], AsyncIterable[C]], /) -> Operator[T, C]: ...
    @overload
    def __or__(self, right: Callable[[AsyncIterable[T]], Job[R]], /) -> Sink[T, R]: ...
    def __or__(self, right: Any, /) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._followed_by(right)

    @overload  # type: ignore[override]
    def pipe(self, right: G, /) -> G: ...
    @overload
    def pipe(self, right: Z, /) -> Z: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[T]], AsyncIterable[C]], /) -> Operator[T, C]: ...
    @overload
    def pipe(self, right: Callable[[AsyncIterable[T]], Job[R]], /) -> Sink[T, R]: ...
    def pipe(self, right: Any, /) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self | right

    def map(self, fn: Callable[[T], C], /) -> Operator[T, C]:
        return super().map(fn)

    def filter(self, keep: Callable[[T], object], /) -> Operator[T, T]:
        return super().filter(keep)

    def tap(self, fn: Callable[[T], object], /) -> Operator[T, T]:
        return super().tap(fn)

    def scan(self, fn: Callable[[C, T], C], initial: C, /) -> Operator[T, C]:
        return super().scan(fn, initial)

    def flat_map(self, fn: Callable[[T], Iterable[C]], /) -> Operator[T, C]:
        return super().flat_map(fn)

    def over(self, items: Iterable[T], /) -> Iterator[T]:
        return super().over(items)


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

    Where the stream starts over, `reset` is called in place of `feed`. By default it makes everything as at the beginning.

    Attributes:
        done: Set it to end the stream: upstream is closed, and `flush` is still called.
        memory: What it holds at most, in words, for `explain()`.
        flushes_on_error: Whether `flush` is called before an error of upstream too, because what is held is as good as what was
            handed on.
        expands: Whether several items may come out for one. Then they count for the run's checkpoints.
        passes_restarts: Whether an item that says "start over" is handed on after `reset`; False where the output is of
            another kind.
        restart_remedy: What to write in its place where the stream may start over, as in `text(restarts=True)`; empty if there
            is no such thing.
    """

    flushes_on_error: ClassVar[bool] = False
    expands: ClassVar[bool] = True
    passes_restarts: ClassVar[bool] = True
    restart_remedy: str = ""
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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("feed", "flush", "reset"):
            if gives_awaitable(method := getattr(cls, name)) or gives_async_items(method):
                raise TypeError(
                    f"{cls.__name__}.{name}() must be a plain function, because a Transducer waits for nothing: write an "
                    "operator that awaits with @operator"
                )

    def feed(self, item: A_contra) -> Iterable[B_co]:
        """
        What comes out for `item`, in a list or another iterable; `()` for nothing. The characters of a string would come out
        one by one, so return `[text]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define feed(self, item)")

    def flush(self) -> Iterable[B_co]:
        """
        What comes out at the end of the stream.
        """
        return ()

    def reset(self) -> None:
        """
        Forget what was fed, because the stream starts over. Unless overridden, it calls `__init__` with the same arguments
        again.
        """
        (made,) = self.stages
        self.__init__(*made.args, **made.kwargs)  # type: ignore[misc]

    @property
    def _hides_restarts(self) -> bool:
        """
        Whether a consumer would take for valid what a restart has made void.
        """
        return not self.passes_restarts

    def __loop_spec__(self, name: str, context: Context | None, /) -> LoopSpec:
        """
        What the generated loop of one run needs of it. Only this instance works in that run.

        Args:
            name: The name of its stage.
            context: The run; None offline.
        """
        flushes = type(self).flush is not Transducer.flush  # pyright: ignore[reportUnknownMemberType]
        return LoopSpec(
            name,
            "feed",
            self.feed,
            owner=self,
            start_over=self._start_over,
            flush=self.flush if flushes else None,
            rescue=self.flush if self.flushes_on_error else None,
            expands=self.expands,
            hides_restarts=self._hides_restarts,
            restart_remedy=self.restart_remedy,
            memory=self.memory,
        )

    def _start_over(self, item: Any) -> Iterable[Any]:
        self.reset()
        return (item,) if self.passes_restarts else ()


# -- sinks --------------------------------------------------------------------------------------------------


class Sink(Generic[A_contra, R_co]):
    """
    Consumes a stream of `A` and returns an `R`: an immutable description.

    Args:
        name: By which it is known in reports and errors.
        consume: The coroutine function that reads the items.
        args: Its arguments after the items.
        kwargs: Its keyword arguments.
        stages: Operators before it.
        finish: What its result is handed through.
        told_outcome: Whether `consume` also gets `outcome=`, a function that gives how the run has ended, as far as that is
            known.

    Attributes:
        name: By which it is known in reports and errors.
        stages: Operators before it.
    """

    __reads_as_source__ = True

    def __init__(
        self,
        name: str,
        consume: Callable[..., Awaitable[R_co]],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        stages: tuple[Stage, ...] = (),
        finish: tuple[Callable[[Any], Any], ...] = (),
        told_outcome: bool = False,
    ) -> None:
        self.name = name
        self._consume = consume
        self._args = args
        self._kwargs = kwargs or {}
        self.stages = stages
        self._finish = finish
        self._told_outcome = told_outcome

    def __repr__(self) -> str:
        call = call_text(self.name, *self._args, **self._kwargs)
        call += "".join(f".then({name_of(fn)})" for fn in self._finish)
        return " | ".join((*map(repr, self.stages), call))

    if not TYPE_CHECKING:  # for a checker these are errors already

        def __or__(self, right: Any) -> Any:
            raise sink_is_the_end(self, right)

        def __ror__(self, left: object) -> Any:
            raise not_a_stream(left, self)

        open, collect, first, last, run = (_OfAStream() for _ in range(5))

        def __await__(self) -> Any:
            raise TypeError(
                f"a sink is not awaited: put it behind a stream, as in `await (stream | {self!r})`"
            )

    def __call__(self, source: AsyncIterable[A_contra], /) -> Job[R_co]:
        """
        The job of consuming `source`.
        """
        return Job(stream_of(source), self)

    @overload
    def then(self, fn: Callable[[R_co], Awaitable[S]], /) -> Sink[A_contra, S]: ...
    @overload
    def then(self, fn: Callable[[R_co], S], /) -> Sink[A_contra, S]: ...
    def then(self, fn: Callable[[R_co], Any], /) -> Sink[A_contra, Any]:
        """
        The same sink, with its result handed through `fn`, which may be a coroutine function.

        Raises:
            TypeError: `fn` is not a function.
        """
        if not callable(fn):
            raise TypeError(f"then() needs a function of the sink's result, not {fn!r}")
        return self._replaced(finish=(*self._finish, fn))

    def after(self, stages: tuple[Stage, ...]) -> Sink[Any, R_co]:
        """
        The same sink behind further stages.
        """
        return self._replaced(stages=stages + self.stages)

    def _replaced(
        self,
        *,
        stages: tuple[Stage, ...] | None = None,
        finish: tuple[Callable[[Any], Any], ...] | None = None,
    ) -> Sink[Any, Any]:
        return Sink(
            self.name,
            self._consume,
            self._args,
            self._kwargs,
            stages=self.stages if stages is None else stages,
            finish=self._finish if finish is None else finish,
            told_outcome=self._told_outcome,
        )

    async def consume(self, items: AsyncIterator[Any], outcome: Callable[[], Outcome]) -> R_co:
        """
        Read `items`, which have been through the sink's stages, and give the result.

        Args:
            items: What to read.
            outcome: A function that gives how the run has ended, as far as that is known.
        """
        told = {"outcome": outcome} if self._told_outcome else {}
        result: Any = await self._consume(items, *self._args, **self._kwargs, **told)
        for fn in self._finish:
            result = fn(result)
            if inspect.isawaitable(result):
                result = await result
        return cast("R_co", result)


class GenericSink(Sink[Any, Any]):
    """
    The base of sinks whose result depends on the type of the items. They overload `__call__`.
    """


class Job(Generic[R_co]):
    """
    A stream with its sink: await it for the sink's result, or open it to see the run. It is a description, as a stream is:
    awaited twice, it runs twice.
    """

    def __init__(self, stream: Stream[Any], sink: Sink[Any, R_co]) -> None:
        self._stream = stream
        self._sink = sink
        self._is_run = False

    def __repr__(self) -> str:
        return f"{self._stream!r} | {self._sink!r}"

    def __getstate__(self) -> dict[str, Any]:
        state = {**vars(self), "_is_run": False}
        self._is_run = True  # as far as anybody here can know: it may have gone to another process
        return state

    def __del__(self) -> None:
        # Only one that was made in full, in a program that goes on.
        if not getattr(self, "_is_run", True) and not sys.is_finalizing():
            text = f"{self!r} was never awaited: write `await` before it, or `async with (…).open() as run`"
            warnings.warn(text, RuntimeWarning, stacklevel=2, source=self)

    if not TYPE_CHECKING:  # for a checker this is an error already

        def __or__(self, right: Any) -> Any:
            self._is_run = True  # nobody could have awaited it
            raise sink_is_the_end(self._sink, right)

        async def __aenter__(self) -> Any:
            self._is_run = True
            raise TypeError(
                "a job is awaited for its result, or opened first: write `async with job.open() as run`, with parentheses "
                "around a pipeline"
            )

        async def __aexit__(self, *_: object) -> None: ...

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self._result().__await__()

    async def _result(self) -> R_co:
        async with self.open() as run:
            return await run

    def open(self, *, close_timeout: float = CLOSE_TIMEOUT) -> JobRun[R_co]:
        """
        A run of this job, for its outcome and report: `async with job.open() as run: result = await run`.

        The sink begins at once. Leaving the block waits until it has finished. Leaving it with an exception, or
        `run.cancel()`, stops it.

        Args:
            close_timeout: Seconds that cleaning up may take when the run ends before its stream.

        Raises:
            ValueError: `close_timeout` is not a positive number.
        """
        self._is_run = True
        stages = self._stream.stages + self._sink.stages
        return JobRun(self._stream.source, stages, self._sink.consume, close_timeout)
