"""
Streams: a source and what follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from streamkit._core.explain import explanation
from streamkit._core.operator import Operator, refuse_right
from streamkit._core.runtime.chain import begin, described
from streamkit._core.runtime.context import Context
from streamkit._core.runtime.run import CLOSE_TIMEOUT, Run
from streamkit._core.source import IterableSource
from streamkit._core.stage import CallableStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable

    from streamkit._core.source import Source
    from streamkit._core.stage import Stage

__all__ = ["Stream", "from_iterable", "refuse_restarts", "stream_of"]

A_co = TypeVar("A_co", covariant=True)
B = TypeVar("B")
R = TypeVar("R")
T = TypeVar("T")
_MISSING: Any = object()


class Stream(Generic[A_co]):
    """
    A stream of `A`: an immutable description that runs anew each time it is opened.

    `stream | operator` is a stream, `stream | sink` a job to await.
    """

    __reads_as_source__ = True

    def __init__(self, source: Source, stages: tuple[Stage, ...] = ()) -> None:
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
            return Stream[Any](self.source, self.stages + right.stages)
        if isinstance(right, Sink):
            return Job(self, cast("Sink[Any, object]", right))
        if refuse_right(right):
            return NotImplemented
        return Stream[Any](self.source, (*self.stages, CallableStage(right)))

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
        Followed by `map(fn)`.
        """
        return self | elementary.map(fn)

    def filter(self, keep: Callable[[A_co], object], /) -> Stream[A_co]:
        """
        Followed by `filter(keep)`.
        """
        return self | elementary.filter(keep)

    def tap(self, fn: Callable[[A_co], object], /) -> Stream[A_co]:
        """
        Followed by `tap(fn)`.
        """
        return self | elementary.tap(fn)

    def scan(self, fn: Callable[[B, A_co], B], initial: B, /) -> Stream[B]:
        """
        Followed by `scan(fn, initial)`.
        """
        return self | elementary.scan(fn, initial)

    def flat_map(self, fn: Callable[[A_co], Iterable[B]], /) -> Stream[B]:
        """
        Followed by `flat_map(fn)`.
        """
        return self | elementary.flat_map(fn)

    @property
    def concurrent(self) -> bool:
        """
        Whether it needs `open()`, because a stage of it runs tasks of its own.
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
        """
        return Run(self.source, self.stages, close_timeout)

    def __aiter__(self) -> AsyncIterator[A_co]:
        """
        Iterate without a run: only while every stage is sequential, and without an outcome.

        Raises:
            TypeError: A stage needs the task group that only `open()` gives.
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

    async def collect(self) -> list[A_co]:
        """
        Run it, and return all items.
        """
        async with self.open() as run:
            return [item async for item in run]

    async def first(self) -> A_co:
        """
        Run it up to its first item, and return that.

        Raises:
            LookupError: It ended without an item.
        """
        async with self.open() as run:
            async for item in run:
                return item
        raise LookupError(f"{self!r} ended without an item")

    async def last(self) -> A_co:
        """
        Run it, and return its last item.

        Raises:
            LookupError: It ended without an item.
        """
        last: Any = _MISSING
        async with self.open() as run:
            async for item in run:
                last = item
        if last is _MISSING:
            raise LookupError(f"{self!r} ended without an item")
        return last  # type: ignore[no-any-return]

    async def run(self) -> None:
        """
        Run it to its end, for its effects.
        """
        async with self.open() as run:
            async for _ in run:
                pass

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


def refuse_restarts(stream: Stream[Any], where: str) -> None:
    """
    Refuse a stream that may start over, where the items before it are not its own.

    Raises:
        TypeError: It may.
    """
    if stream.restarts:
        raise TypeError(
            f"{where} cannot go on with a stream that may start over, for the items before it would be void with its own: "
            'use resume="never" in it'
        )


def stream_of(source: Any, stages: tuple[Stage, ...] = ()) -> Stream[Any]:
    """
    A stream of whatever `source` is.
    """
    if isinstance(source, Stream):
        return Stream(source.source, source.stages + stages)
    if not hasattr(source, "__aiter__"):
        raise TypeError(
            f"an operator is applied to an async iterable, not to {type(source).__name__}: use from_iterable()"
        )
    return Stream(IterableSource(source), stages)


@overload
def from_iterable(items: AsyncIterable[T] | Iterable[T], /) -> Stream[T]: ...
@overload
def from_iterable(items: Callable[[], AsyncIterable[T] | Iterable[T]], /) -> Stream[T]: ...
def from_iterable(items: Any, /) -> Stream[Any]:
    """
    A stream of the items of any iterable, asynchronous or not.

    A list, or a function without arguments that makes an iterable, can be run again; an iterator or a generator object
    cannot, and says so at the second opening. An iterator that is also an async context manager is entered.

    Args:
        items: What to iterate.

    Raises:
        TypeError: `items` cannot be iterated.
    """
    return stream_of(items) if isinstance(items, Stream) else Stream(IterableSource(items))


from streamkit._core import elementary  # noqa: E402 -- the algebra is recursive
from streamkit._core.sink import Job, Sink  # noqa: E402
