"""
What the stages of a run share: its outcome, its report, and the place of its tasks.

Who closes what, when, and in which task. The place of a run's tasks is made by `open()` and left by the same `async with`. A
stage's own tasks run there, but each in a shielded scope: a cancellation from outside does not reach them, because
whoever started a task stops it, at the right moment of closing. When a run is left, in this order:

1. its chain is closed by the task that read it, downstream first; each stage stops its own tasks as it is closed;
2. the tasks that are left, the sinks of `tee`, may finish with what is queued for them;
3. what has not ended by then is cancelled.

All of this is shielded from outside, and has the run's `close_timeout` together.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anyio import CancelScope, Event, current_time

from streamkit._core.log import RunId, error_fields, log_at, log_debug, log_warning, logs_at, running_in
from streamkit._core.outcome import Outcome, Report
from streamkit._core.runtime.failures import is_interruption

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from streamkit._core.log import Level
    from streamkit._core.outcome import Contribution
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.run_tasks import RunTasks

__all__ = ["Context", "Task"]


class Task:
    """
    A task of the run.

    It ends by itself or by `stop`, never by a cancellation from outside, so that whoever started it decides in which order
    things are closed.

    Attributes:
        done: Set when it has ended.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scope = CancelScope(shield=True)
        self.done: Event = Event()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """
        Do the work, and set `done` at its end.
        """
        running_in.set(self._context.run_id)
        try:
            with self._scope:
                await work()
        finally:
            self.done.set()

    @property
    def cancelled(self) -> bool:
        """
        Whether it was asked to end. A cancellation that it meets without that comes from elsewhere, and is a failure.
        """
        return self._scope.cancel_called

    def is_end(self, error: BaseException) -> bool:
        """
        Whether `error` is only how the task ends because it was asked to.
        """
        return self._scope.cancel_called and is_interruption(error)

    def cancel(self) -> None:
        """
        Ask it to end now.
        """
        self._scope.cancel()

    async def stop(self) -> None:
        """
        Cancel it, and wait until it has ended, even while the caller is being cancelled.
        """
        self.cancel()
        with self._context.shielded():
            await self.done.wait()


class _Tasks(list[Task]):
    """
    The tasks of a run that have not ended, and some that have.
    """

    prune_at = 16
    """How many there may be until those that have ended are looked for, so that each costs a bounded number of looks."""

    def prune(self) -> None:
        """
        Leave out those that have ended.
        """
        self[:] = [each for each in self if not each.done.is_set()]
        self.prune_at = max(16, 2 * len(self))


class Context:
    """
    One run, as its stages see it.

    Attributes:
        outcome: How the run ends.
        report: What it counts.
        close_timeout: Seconds that closing may take.
        tasks: Where the run's jobs live; None under a bare `async for`.
        interrupted: Whether a read was cancelled, after which the chain gives nothing more.
        sink_error: The failure of a sink that ends the run.
        cancelled_for: Why `cancel()` ends the run; None unless it does.
        restarts: Whether the source may start over.
        cleanup_errors: What cleaning up has failed with while the run was being cancelled.
        run_id: What all lines that this run logs have in common.
        abandoned: Whether the program has ended while the run was open.
    """

    def __init__(self, *, close_timeout: float, parent: Context | None = None, counts: bool = True) -> None:
        self.outcome: Outcome = Outcome()
        self.report: Report = Report() if parent is None else parent.report
        self.close_timeout = close_timeout
        self.tasks: RunTasks | None = None if parent is None else parent.tasks
        self.interrupted: bool = False
        self.sink_error: BaseException | None = None
        self.cancelled_for: str | None = None
        self.abandoned: bool = False
        self.restarts: bool = parent is not None and parent.restarts
        self.run_id: RunId = RunId() if parent is None else parent.run_id
        self._began = 0.0
        self._parent = parent
        self._outermost: Context | None = None if parent is None else parent.outermost
        self._withheld: list[Contribution] | None = None if counts else []
        # Shared with the contexts inside this one.
        self._tasks: _Tasks = _Tasks() if parent is None else parent._tasks
        self._awaited: list[Task] = [] if parent is None else parent._awaited
        self._close_by: list[float] = [] if parent is None else parent._close_by
        self.cleanup_errors: list[BaseException] = [] if parent is None else parent.cleanup_errors

    def child(self, *, counts: bool = True) -> Context:
        """
        A context for a stream inside this run, with an outcome of its own, whose facts count for this run too.

        Args:
            counts: Whether they count from the beginning; otherwise from `count()` on.
        """
        return Context(close_timeout=self.close_timeout, parent=self, counts=counts)

    def count(self) -> None:
        """
        From now on its facts count for the run around it, and so do those that are there already.
        """
        withheld, self._withheld = self._withheld, None
        if self._parent is not None:
            for record in withheld or ():
                self._parent.contribute(record)

    @property
    def outermost(self) -> Context:
        """
        That of the run itself.
        """
        return self._outermost or self

    def spawn(self, work: Callable[[], Awaitable[None]]) -> Task:
        """
        Start a task of the run. Whoever starts it stops it.

        Raises:
            TypeError: There is no place for it, because the stream is iterated without `open()`.
        """
        if self.tasks is None:
            raise TypeError(
                "a concurrent stage needs the run's task group: use `async with stream.open() as run`"
            )
        task = Task(self)
        self._tasks.append(task)
        if len(self._tasks) >= self._tasks.prune_at:
            self._tasks.prune()
        self.tasks.start(task.run, work)
        return task

    def wait_for(self, task: Task) -> None:
        """
        Have the run wait for a task, for as long as it takes, when its block ends without an error.
        """
        self._awaited.append(task)

    async def settled(self) -> None:
        """
        Wait for the tasks of `wait_for`, unless a sink's failure ends the run.
        """
        for task in self._awaited:
            if self.sink_error is None:
                await task.done.wait()

    async def drain(self) -> None:
        """
        When the chain is closed: let the tasks that are left, its sinks, finish within `close_timeout`, then cancel them.
        """
        try:
            with self.shielded():
                for task in list(self._tasks):
                    await task.done.wait()
        finally:
            self.cancel_tasks()

    def cancel_tasks(self) -> None:
        """
        Ask all tasks to end now.
        """
        for task in self._tasks:
            task.cancel()

    def abandon_tasks(self) -> None:
        """
        The program ends while the run is still open: ask all tasks to end now, though nothing has failed or taken too long.
        """
        self.abandoned = True
        self.cancel_tasks()

    def no_task_is_left(self) -> None:
        """
        Nobody has to wait for a task any more, not for one either that was cancelled before it could begin.
        """
        for task in self._tasks:
            task.done.set()

    def run_started(self) -> None:
        """
        The run has been entered.
        """
        self._began = current_time()
        log_debug("run_started", self.run_id)

    def run_ended(self) -> None:
        """
        The run has been left, and its outcome is final. An error is raised too, so it is not a warning.
        """
        outcome = self.outcome
        level: Level = "debug" if outcome.error is None else "info"
        if logs_at(level):
            log_at(
                level,
                "run_ended",
                self.run_id,
                kind=outcome.kind,
                # What is behind the colon is the application's own text.
                stopped_by=outcome.stopped_by and outcome.stopped_by.partition(":")[0],
                seconds=round(current_time() - self._began, 3),
                **error_fields(outcome.error),
                **outcome.loggable(),
            )

    def begin_closing(self) -> None:
        """
        The run is being left: from now on, all cleaning up together has one `close_timeout`.
        """
        self._close_by[:] = [current_time() + self.close_timeout]

    @contextmanager
    def closing_together(self) -> Generator[None, None, None]:
        """
        Within it, everything that is closed has one `close_timeout` together.
        """
        if self._close_by:
            yield
            return
        self.begin_closing()
        try:
            yield
        finally:
            self._close_by.clear()

    def shielded(self) -> CancelScope:
        """
        A scope for cleaning up: it is not cancelled from outside, and it is bounded by `close_timeout`.
        """
        deadline = self._close_by[0] if self._close_by else current_time() + self.close_timeout
        return CancelScope(deadline=deadline, shield=True)

    async def closing(self, chain: Chain) -> None:
        """
        Close a chain, shielded. A chain that is not closed in time is given up, and logged.

        Raises:
            BaseException: As `cleanup_failed`.
        """
        failure: BaseException | None = None
        with self.shielded() as scope:
            try:
                await chain.aclose()
            except BaseException as error:
                if is_interruption(error):
                    raise
                failure = error
        if scope.cancelled_caught:
            log_warning("close_timed_out", self.run_id, close_timeout=self.close_timeout)
        if failure is not None:
            self.cleanup_failed(failure)

    def cleanup_failed(self, error: BaseException) -> None:
        """
        Raise what cleaning up has failed with. While a cancellation is on its way, that goes on instead, and the run tells of
        the failure when it is left.
        """
        if not is_interruption(sys.exception()):
            raise error
        self.cleanup_errors.append(error)

    def contribute(self, record: Contribution) -> None:
        """
        Add a source's facts to the outcome of this run, and to those of the runs around it.
        """
        context: Context | None = self
        while context is not None:
            context.outcome.contribute(record)
            if context._withheld is not None:
                context._withheld.append(record)
                return
            context = context._parent

    def stopped(self, by: str) -> None:
        """
        A stage has ended the stream early.
        """
        self.outcome.stop(by)

    def completed(self) -> None:
        """
        The chain has come to its end.
        """
        self.outcome.complete()

    def failed(self, error: BaseException) -> None:
        """
        The chain has raised. A cancellation is judged later, when the run is left, because only then it is known whose it was.
        """
        if isinstance(error, Exception):
            self.outcome.fail(error)
        elif is_interruption(error):
            self.interrupted = True

    def sink_failed(self, error: BaseException) -> None:
        """
        A sink has failed for good: the outermost run ends with its error.
        """
        run = self.outermost
        if run.sink_error is None:
            run.sink_error = error
            run.outcome.fail(error)
            if run.tasks is not None:
                run.tasks.interrupt()
