"""
A run: one opening of a stream, from `async with` to its outcome.

What is raised when the block is left, where several things have gone wrong: the body's own exception comes out as itself. Without
one, the error of a sink that ended the run is raised, and then what closing has raised. A cancellation from outside goes on. Our
own, by `cancel` or by such a sink, ends the block quietly or with that error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from streamkit._core.checks import as_number, flag
from streamkit._core.foreign_errors import note
from streamkit._core.log import error_fields, log_warning
from streamkit._core.runtime.assembly import begin
from streamkit._core.runtime.context import Context
from streamkit._core.runtime.enclosing_generator import in_generator
from streamkit._core.runtime.failures import ends_program, graver, is_interruption
from streamkit._core.runtime.host_loop import host_loop
from streamkit._core.runtime.hosted_tasks import HostedTasks
from streamkit._core.runtime.requested_reads import RequestedReads
from streamkit._core.runtime.run_log import RunLog
from streamkit._core.runtime.run_tasks import BlockTasks, read_by_another_task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from types import TracebackType

    from streamkit._core.outcome import Outcome, Report
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.source import Source
    from streamkit._core.stage import Stage

__all__ = ["Run"]

T_co = TypeVar("T_co", covariant=True)


class Run(Generic[T_co]):
    """
    A running stream: iterate it inside its `async with`.

    Leaving the block closes everything, whatever the reason, before the program goes on. A sink that fails, and `cancel`,
    interrupt the block at its next checkpoint.
    """

    def __init__(self, source: Source, stages: tuple[Stage, ...], close_timeout: float) -> None:
        seconds = as_number(close_timeout)
        if seconds is None or not seconds > 0:
            raise ValueError(f"close_timeout must be a positive number of seconds, not {close_timeout!r}")
        self._source = source
        self._stages = stages
        self._context = Context(close_timeout=seconds)
        self._log = RunLog(self._context.run_id)
        self._chain: Chain | None = None
        self._reads: AsyncIterator[T_co] | None = None
        self._requested: RequestedReads | None = None
        self._entered = False
        self._left = False

    def __repr__(self) -> str:
        stream = " | ".join(map(repr, (self._source, *self._stages)))
        took = "" if self._log.seconds is None else f", seconds={self._log.seconds}"
        return f"<{type(self).__name__} of {stream}: {self.outcome!r}{took}>"

    @property
    def outcome(self) -> Outcome:
        """
        How it ended. Its `kind` is `"running"` before the end.
        """
        return self._context.outcome

    @property
    def report(self) -> Report:
        """
        What it counted.
        """
        return self._context.report

    if not TYPE_CHECKING:  # for a checker these are errors already

        def __enter__(self) -> None:
            raise TypeError("a run is asynchronous: write `async with stream.open() as run`")

        def __exit__(self, *_: object) -> None: ...

        # Not `__iter__`, by which others would take it for a plain iterable.
        def __getitem__(self, _: object) -> None:
            raise TypeError("a run is asynchronous: write `async for` and not `for`")

        def __await__(self) -> Any:
            raise TypeError(
                "a run is not awaited: write `async with stream.open() as run`, without `await`, and `async for item in run`; "
                "for all items at once, `await stream.collect()`"
            )

    def cancel(self, reason: str = "cancelled") -> None:
        """
        End the run, from any task or thread, or in a signal handler: the block is interrupted at its next checkpoint and left
        quietly. What stands behind the loop in the block does not run, so what is to be done in any case belongs behind the
        block. A block that is not waiting for anything still gets the items that are ready, at most 64.

        Args:
            reason: For `outcome.stopped_by`, which will read `"cancel: <reason>"`.
        """
        if self._left or self._context.cancelled_for is not None:
            return
        self._context.cancelled_for = reason
        if self._entered:
            self._tasks.interruption_is_due()
            self._loop.call(self._interrupt)

    def _interrupt(self) -> None:
        if not self._left:
            self._tasks.interrupt()

    def say(self, text: str, *, now: bool = False) -> None:
        """
        Say something to the conversation that the stream is, such as `tool_loop()` makes. Call it from any task of the run's
        event loop; from another thread as `anyio.from_thread.run_sync(run.say, text)`.

        Args:
            text: What the user says.
            now: Whether what is being answered is stopped for it. Otherwise it waits until that has ended.

        Raises:
            TypeError: `text` is not a text.
            ValueError: It is empty.
            RuntimeError: Nothing in this run listens: it is not a conversation, it has ended, or there are two; or another thread
                calls it.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"say() needs a text, not {type(text).__name__}")
        if not text.strip():
            raise ValueError("say() needs a text that is not empty")
        listeners = self._context.listeners
        if listeners and not self._loop.is_running_here():
            raise RuntimeError(
                "say() was called outside the event loop of its run; from a thread that it has started, write "
                "anyio.from_thread.run_sync(run.say, text)"
            )
        if len(listeners) == 1:
            listeners[0].hear(text, flag("say", "now", now))
            return
        raise RuntimeError(
            "two conversations are open in this run, and say() cannot tell which of them is meant: open each by itself"
            if listeners
            else "nothing in this run listens any more: its conversation has ended"
            if self._left
            else "nothing in this run listens: say() is for a conversation, such as tool_loop() makes, while it goes on"
        )

    def __aiter__(self) -> AsyncIterator[T_co]:
        # The chain's own iterator is handed out, which costs nothing for each item.
        opened = self._opened
        # With `anext` a job reads, and a loop may take up a read that was given up.
        if self._requested is None and getattr(opened.iterator, "ag_running", False):
            raise read_by_another_task()
        if self._reads is None:
            self._reads = self._tasks.reads(opened.iterator)
        return self._readable(self._reads)

    def __anext__(self) -> Awaitable[T_co]:
        opened = self._opened
        if self._reads is None:
            self._requested = RequestedReads(opened, self._context)
            self._reads = self._tasks.reads(self._requested)
        return anext(self._readable(self._reads))

    def _readable(self, reads: AsyncIterator[T_co]) -> AsyncIterator[T_co]:
        if self._context.interrupted and self._requested is None:
            raise RuntimeError(
                "a read of this run was cancelled in the middle, and nothing more can be read. To give up the wait for an item "
                "and go on later, read with `await anext(run)` from the beginning, or use heartbeat() or timeout()"
            )
        return reads

    @property
    def _opened(self) -> Chain:
        if self._left:
            raise RuntimeError(
                "this run is not open any more: call open() again for another run of the same stream"
            )
        if self._chain is None:
            raise RuntimeError("this run is not open: read it inside `async with stream.open() as run`")
        return self._chain

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError(
                "a run can be entered once: call open() again for another run of the same stream"
            )
        self._loop = host_loop()
        self._context.runs_on(self._loop)
        self._tasks = HostedTasks(self._loop, self._context) if in_generator() else BlockTasks(self._loop)
        self._context.tasks = self._tasks
        await self._tasks.enter()
        self._entered = True
        self._log.started(self._loop.time)
        if self._context.cancelled_for is not None:
            self._tasks.interrupt()
        try:
            self._chain = await begin(self._source, self._stages, self._context)
            self._tasks.keep(self._chain)
        except BaseException as error:
            self._tasks.interrupt()
            await self._tasks.leave(None)
            self.outcome.fail(error)
            self._log.ended(self.outcome)
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        try:
            return await self._exit(exc)
        finally:
            self._log.ended(self.outcome)

    async def _exit(self, exc: BaseException | None) -> bool | None:
        self._judge(exc)
        interruption = await self._wait_for_sinks() if exc is None else None
        self._context.begin_closing()
        cut, closing_error = await self._wind_up()
        interruption = interruption or cut
        leaving = exc if interruption is None else interruption
        quiet = await self._tasks.leave(leaving)
        sink_error = self._context.sink_error
        beside = sink_error if closing_error is None else graver(sink_error, closing_error)
        if self._context.abandoned and is_interruption(beside):
            if isinstance(leaving, GeneratorExit):
                return quiet  # nobody is there any more to be told that a job was cancelled
            self.outcome.cancel()
        if beside is not None and (
            leaving is None
            or isinstance(leaving, GeneratorExit)
            or quiet
            or (ends_program(beside) and not ends_program(leaving))
        ):
            self.outcome.fail(beside)
            raise beside
        if leaving is not None and closing_error is not None and closing_error is not exc:
            note(leaving, f"closing the stream failed too, with {type(closing_error).__name__}")
            log_warning("close_failed", self._context.run_id, **error_fields(closing_error))
        if interruption is not None and not quiet:
            raise interruption
        return quiet

    async def _wait_for_sinks(self) -> BaseException | None:
        """
        Wait for the sinks whose end is awaited only here.

        Returns:
            The cancellation that has ended the wait; None if there was none.
        """
        if not self._context.awaits_tasks:
            return None
        try:
            await self._tasks.interruptible(self._context.settled)
        except BaseException as error:
            if not is_interruption(error):
                raise
            return error
        return None

    async def _wind_up(self) -> tuple[BaseException | None, BaseException | None]:
        """
        Close the chain and let the sinks finish.

        A cancellation that comes through the shields, as asyncio's own does, ends the step that it meets, never the next one.

        Returns:
            That cancellation, and what closing has raised; each None if there was none.
        """
        interruption: BaseException | None = None
        failure: BaseException | None = None
        for step in (self._stop_reading, self._close, self._context.drain):
            try:
                await step()
            except BaseException as error:
                if is_interruption(error):
                    interruption = interruption or error
                else:
                    failure = graver(failure, error)
        for each in self._context.cleanup_errors:
            failure = graver(failure, each)
        return interruption, failure

    async def _stop_reading(self) -> None:
        """
        Make sure that nobody else reads the chain. A job stops its sink here.
        """
        if self._tasks.end_reads():
            with self._context.shielded():
                await self._tasks.reads_ended()
        if self._requested is not None:
            await self._requested.aclose()

    async def _close(self) -> None:
        chain = self._opened
        self._left = True
        await self._context.closing(chain)

    def _judge(self, exc: BaseException | None) -> None:
        """
        Write the end of the run into its outcome, unless its chain has done so.

        Args:
            exc: What the body of the block was left with.
        """
        outcome = self.outcome
        if outcome.kind != "running":
            return
        reason = self._context.cancelled_for
        if reason is not None and (exc is None or self._tasks.is_own(exc)):
            outcome.stopped_by = f"cancel: {reason}"
            outcome.kind = "stopped"
        elif exc is None or isinstance(exc, GeneratorExit):
            outcome.stopped_by = outcome.stopped_by or "consumer"
            outcome.kind = "stopped"
        elif is_interruption(exc):
            outcome.kind = "cancelled"
        else:
            outcome.fail(exc)
