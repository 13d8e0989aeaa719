"""
The run of a job: a stream with its sink.

The sink reads the chain in a task of its own, which begins when the run is entered, so that the body of the `async with` can
watch the run, await its result or cancel it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from anyio import Event

from streamkit._core.runtime.run import Run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator
    from types import TracebackType

    from streamkit._core.outcome import Outcome
    from streamkit._core.runtime.task import Task
    from streamkit._core.source import Source
    from streamkit._core.stage import Stage

__all__ = ["JobRun"]

R_co = TypeVar("R_co", covariant=True)


class JobRun(Run[Any], Generic[R_co]):
    """
    A running job: await it inside its `async with` for the sink's result.

    Args:
        source: Where its stream begins.
        stages: What follows, the sink's own stages included.
        consume: The sink: reads the items, and gives the result. It may ask how the run has ended.
        close_timeout: Seconds that cleaning up may take when the run ends before its stream.
    """

    def __init__(
        self,
        source: Source,
        stages: tuple[Stage, ...],
        consume: Callable[[AsyncIterator[Any], Callable[[], Outcome]], Awaitable[R_co]],
        close_timeout: float,
    ) -> None:
        super().__init__(source, stages, close_timeout)
        self._consume = consume
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
        await self._tasks.interruptible(self._finished.wait)
        if self._error is not None:
            raise self._error
        return self.result

    @property
    def result(self) -> R_co:
        """
        What the sink returned.

        Raises:
            RuntimeError: The sink has not returned. The message says why not, and the cause is what the sink has failed with.
        """
        if not self._results:
            raise RuntimeError(f"the sink has no result: {self._why_not()}") from self._error
        return self._results[0]

    def _why_not(self) -> str:
        if self._error is not None:
            return f"it failed with {type(self._error).__name__}"
        if self.outcome.kind == "running":
            return "it has not finished; `await run` waits for it"
        ended = "cancelled" if self.outcome.kind == "cancelled" else "stopped"
        return f"the job was {ended} before it had one, and run.outcome is {self.outcome!r}"

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
                await self._tasks.interruptible(cast("Task", self._task).wait)
        except BaseException as error:
            if not await super().__aexit__(type(error), error, error.__traceback__):
                raise
            return True
        return await super().__aexit__(exc_type, exc, traceback)

    async def _stop_reading(self) -> None:
        await cast("Task", self._task).stop()

    async def _consume_all(self) -> None:
        chain = self._opened
        try:
            try:
                result = await self._consume(chain.iterator, self._context.judged)
            finally:
                # In the task and the context that have read it, because what is closed may have entered something there.
                await self._context.closing(chain)
            self._results.append(result)
        except BaseException as error:
            if cast("Task", self._task).is_end(error):
                raise
            self._error = error
            self._context.sink_failed(error)
        finally:
            self._finished.set()
