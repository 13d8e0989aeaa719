"""
Sinks: where a stream ends, and the jobs that run one.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar, cast, overload

from anyio import Event
from anyio.abc import ObjectSendStream

from streamkit._core.naming import call_text, name_of
from streamkit._core.operator import A_contra, Operator, refuse_uncalled
from streamkit._core.runtime.run import CLOSE_TIMEOUT, Run

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Generator, Mapping
    from types import TracebackType

    from streamkit._core.runtime.context import Job as Task
    from streamkit._core.stage import Stage
    from streamkit._core.stream import Stream

__all__ = ["GenericSink", "Job", "JobRun", "Sink", "SinkLike", "as_sink", "call_each", "send_to"]

R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")


class Sink(Generic[A_contra, R_co]):
    """
    Consumes a stream of `A` and returns an `R`; an immutable description.
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
    ) -> None:
        self.name = name
        self._consume = consume
        self._args = args
        self._kwargs = kwargs or {}
        self.stages = stages
        self._finish = finish

    def __repr__(self) -> str:
        call = call_text(self.name, *self._args, **self._kwargs)
        call += "".join(f".then({name_of(fn)})" for fn in self._finish)
        return " | ".join((*map(repr, self.stages), call))

    def __call__(self, source: AsyncIterable[A_contra], /) -> Job[R_co]:
        """
        The job of consuming `source`.
        """
        from streamkit._core.stream import stream_of

        return Job(stream_of(source), self)

    @overload
    def then(self, fn: Callable[[R_co], Awaitable[S]], /) -> Sink[A_contra, S]: ...
    @overload
    def then(self, fn: Callable[[R_co], S], /) -> Sink[A_contra, S]: ...
    def then(self, fn: Callable[[R_co], Any], /) -> Sink[A_contra, Any]:
        """
        The same, with its result handed through `fn`, which may be a coroutine function.

        Raises:
            TypeError: `fn` is no function.
        """
        if not callable(fn):
            raise TypeError(f"then() needs a function of the sink's result, not {fn!r}")
        return self._replaced(finish=(*self._finish, fn))

    def after(self, stages: tuple[Stage, ...]) -> Sink[Any, R_co]:
        """
        The same behind further stages.
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
        )

    async def consume(self, items: AsyncIterator[Any]) -> R_co:
        """
        Read `items`, which have been through the sink's stages, and give the result.
        """
        result: Any = await self._consume(items, *self._args, **self._kwargs)
        for fn in self._finish:
            result = fn(result)
            if inspect.isawaitable(result):
                result = await result
        return cast("R_co", result)


class Job(Generic[R_co]):
    """
    A stream with its sink: await it for the sink's result, or open it to see the run.
    """

    def __init__(self, stream: Stream[Any], sink: Sink[Any, R_co]) -> None:
        self._stream = stream
        self._sink = sink

    def __repr__(self) -> str:
        return f"{self._stream!r} | {self._sink!r}"

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self._result().__await__()

    async def _result(self) -> R_co:
        async with self.open() as run:
            return await run

    def open(self, *, close_timeout: float = CLOSE_TIMEOUT) -> JobRun[R_co]:
        """
        A run of this job, for its outcome and report: `async with job.open() as run: result = await run`.

        The sink begins at once. Leaving the block waits until it has finished; leaving it with an exception, or
        `run.cancel()`, stops it.

        Args:
            close_timeout: Seconds that cleaning up may take when the run ends before its stream.
        """
        return JobRun(self._stream, self._sink, close_timeout)


class JobRun(Run[Any], Generic[R_co]):
    """
    A running job.
    """

    def __init__(self, stream: Stream[Any], sink: Sink[Any, R_co], close_timeout: float) -> None:
        super().__init__(stream.source, stream.stages + sink.stages, close_timeout)
        self._sink = sink
        self._finished = Event()
        self._results: list[R_co] = []
        self._error: BaseException | None = None
        self._task: Task | None = None

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self._wait().__await__()

    async def _wait(self) -> R_co:
        if self._task is None:
            raise RuntimeError(
                "this job is not open: await it inside `async with job.open() as run`, or await the job"
            )
        await self._finished.wait()
        if self._error is not None:
            raise self._error
        return self.result

    @property
    def result(self) -> R_co:
        """
        What the sink returned.

        Raises:
            RuntimeError: It has not returned.
        """
        if not self._results:
            raise RuntimeError("the sink has no result: it has not finished, it failed, or it was stopped")
        return self._results[0]

    def __aiter__(self) -> AsyncIterator[Any]:
        raise TypeError(
            "the items of a job go to its sink: await the run, or open the stream without its sink"
        )

    def __anext__(self) -> Any:
        return self.__aiter__()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._task = self._context.spawn(self._consume_all)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        try:
            if exc is None:
                await cast("Task", self._task).done.wait()
        except BaseException as error:
            if not await super().__aexit__(type(error), error, error.__traceback__):
                raise
            return True
        return await super().__aexit__(exc_type, exc, traceback)

    async def _stop_reading(self) -> None:
        await cast("Task", self._task).stop()

    async def _consume_all(self) -> None:
        try:
            self._results.append(await self._sink.consume(self._opened.iterator))
        except BaseException as error:
            if cast("Task", self._task).cancelled:
                raise
            self._error = error
            self._context.sink_failed(error)
        finally:
            self._finished.set()


class GenericSink(Sink[Any, Any]):
    """
    The base of sinks whose result depends on the type of the items; they overload `__call__`.
    """


SinkLike: TypeAlias = Sink[Any, Any] | Callable[[Any], Awaitable[object]] | ObjectSendStream[Any]
"""What `as_sink()` makes a sink of."""


def as_sink(target: object) -> Sink[Any, Any]:
    """
    The sink that `target` is, or stands for: an async callable, called for each item, or an anyio send stream.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(target, Sink):
        return cast("Sink[Any, object]", target)
    if isinstance(target, ObjectSendStream):
        return Sink("send", send_to, (cast("ObjectSendStream[object]", target),))
    if isinstance(target, Operator):
        raise TypeError(f"{target!r} is an operator, which only hands items on: put a sink behind it with |")
    if callable(target) and not isinstance(target, type):
        refuse_uncalled(target)
        return _BareFunction(name_of(target), call_each, (target,))
    raise TypeError(
        f"a sink, an async function of one item, or an anyio send stream is needed, not {type(target).__name__}: {target!r}"
    )


class _BareFunction(Sink[Any, None]):
    """
    A function where a sink is expected: named, and written, as it was given.
    """

    def __repr__(self) -> str:
        return self.name


async def call_each(items: AsyncIterator[Any], fn: Callable[[Any], Any]) -> None:
    """
    Call `fn` with each item, and await it if it is asynchronous.
    """
    async for item in items:
        result = fn(item)
        if inspect.isawaitable(result):
            await result


async def send_to(items: AsyncIterator[Any], target: ObjectSendStream[Any]) -> None:
    """
    Send each item to an anyio stream, and close that at the end.
    """
    async with target:
        async for item in items:
            await target.send(item)
