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
from copy import copy
from typing import TYPE_CHECKING

from anyio import CancelScope, current_time, lowlevel

from streamkit._core.log import RunId, log_warning
from streamkit._core.outcome import Outcome, Report
from streamkit._core.runtime.failures import ends_program, is_interruption, is_own_failure
from streamkit._core.runtime.task import Task, Tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterable

    from streamkit._core.outcome import Contribution
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.host_loop import HostLoop
    from streamkit._core.runtime.listener import Listener
    from streamkit._core.runtime.run_tasks import RunTasks

__all__ = ["Context"]


class Context:
    """
    One run, as its stages see it.

    Attributes:
        outcome: How the run ends.
        close_timeout: Seconds that closing may take.
        now: The time in seconds, as `anyio.current_time` tells it.
        checkpoint: Gives way to other tasks, as `anyio.lowlevel.checkpoint` does.
        tasks: Where the run's jobs live; None under a bare `async for`.
        interrupted: Whether a read was cancelled, after which the chain gives nothing more.
        sink_error: The failure of a sink that ends the run.
        cancelled_for: Why `cancel()` ends the run; None unless it does.
        restarts: Whether the source may start over.
        cleanup_errors: What cleaning up has failed with while the run was being cancelled.
        run_id: What all lines that this run logs have in common.
        listeners: The conversations in the run.
        abandoned: Whether the program has ended while the run was open, or somebody has cancelled a job of it as if it had.
    """

    __slots__ = (
        "_awaited",
        "_close_by",
        "_lost",
        "_outermost",
        "_parent",
        "_report",
        "_tasks",
        "_withheld",
        "abandoned",
        "cancelled_for",
        "checkpoint",
        "cleanup_errors",
        "close_timeout",
        "interrupted",
        "listeners",
        "now",
        "outcome",
        "restarts",
        "run_id",
        "sink_error",
        "tasks",
    )

    def __init__(self, *, close_timeout: float, parent: Context | None = None, counts: bool = True) -> None:
        self.outcome: Outcome = Outcome()
        self.close_timeout: float = close_timeout
        self.now: Callable[[], float] = current_time if parent is None else parent.now
        self.checkpoint: Callable[[], Awaitable[None]] = (
            lowlevel.checkpoint if parent is None else parent.checkpoint
        )
        self.tasks: RunTasks | None = None if parent is None else parent.tasks
        self.interrupted: bool = False
        self.sink_error: BaseException | None = None
        self.cancelled_for: str | None = None
        self.abandoned: bool = False
        self.restarts: bool = parent is not None and parent.restarts
        self.run_id: RunId = RunId() if parent is None else parent.run_id
        # Shared with the contexts inside this one, as those below.
        self.listeners: list[Listener] = [] if parent is None else parent.listeners
        self._parent = parent
        # Those of the outermost one count.
        self._report: Report | None = None
        self._close_by: float | None = None
        self._outermost: Context | None = None if parent is None else parent.outermost
        self._withheld: list[tuple[Contribution, bool]] | None = None if counts else []
        self._lost = False
        # Shared with the contexts inside this one.
        self._tasks: Tasks = Tasks() if parent is None else parent._tasks
        self._awaited: list[Task] = [] if parent is None else parent._awaited
        self.cleanup_errors: list[BaseException] = [] if parent is None else parent.cleanup_errors

    def runs_on(self, loop: HostLoop) -> None:
        """
        The event loop of the run. It is asked itself, without anyio, which looks for it each time.
        """
        self.now, self.checkpoint = loop.time, loop.checkpoint

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
            for record, counts in withheld or ():
                self._parent.contribute(record, counts=counts and not self._lost)

    def lose(self) -> None:
        """
        Its facts do not count for the run around it, except for the `facts_of_all` of what is contributed.
        """
        self._lost = True
        self.count()

    @property
    def report(self) -> Report:
        """
        What the run counts. Most runs count nothing, and are not asked.
        """
        run = self.outermost
        if run._report is None:
            run._report = Report()
        return run._report

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
        task = Task(self.run_id, self.shielded)
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

    @property
    def awaits_tasks(self) -> bool:
        """
        Whether there is something to wait for when the block ends without an error.
        """
        return bool(self._awaited)

    async def settled(self) -> None:
        """
        Wait for the tasks of `wait_for`, unless a sink's failure ends the run.
        """
        for task in self._awaited:
            if self.sink_error is None:
                await task.wait()

    async def drain(self) -> None:
        """
        When the chain is closed: let the tasks that are left, its sinks, finish within `close_timeout`, then cancel them.
        """
        if not self._tasks:
            return
        try:
            with self.shielded():
                for task in list(self._tasks):
                    await task.wait()
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
            task.never_begins()

    def begin_closing(self) -> None:
        """
        The run is being left: from now on, all cleaning up together has one `close_timeout`.
        """
        self.outermost._close_by = self.now() + self.close_timeout

    @contextmanager
    def closing_together(self) -> Generator[None, None, None]:
        """
        Within it, everything that is closed has one `close_timeout` together.
        """
        if self.outermost._close_by is not None:
            yield
            return
        self.begin_closing()
        try:
            yield
        finally:
            self.outermost._close_by = None

    def shielded(self) -> CancelScope:
        """
        A scope for cleaning up: it is not cancelled from outside, and it is bounded by `close_timeout`.
        """
        deadline = self.outermost._close_by
        if deadline is None:
            deadline = self.now() + self.close_timeout
        return CancelScope(deadline=deadline, shield=True)

    async def joined(self, tasks: Iterable[Task]) -> None:
        """
        Wait, shielded, until tasks have ended that were told to.
        """
        with self.shielded():
            for task in tasks:
                await task.wait()

    async def closing(self, chain: Chain) -> None:
        """
        Close a chain, shielded. A chain that is not closed in time is given up, and logged.

        Raises:
            BaseException: As `cleanup_failed`.
        """
        failure: BaseException | None = None
        with self.shielded() as scope:
            try:
                await _closed_with_others(chain)
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

    def contribute(self, record: Contribution, *, counts: bool = True) -> None:
        """
        Add a source's facts to the outcome of this run, and to those of the runs around it.

        Args:
            record: The facts.
            counts: Whether all of them count, or only the `facts_of_all`.
        """
        context: Context | None = self
        while context is not None:
            context.outcome.contribute(record, counts=counts)
            if context._withheld is not None:
                context._withheld.append((record, counts))
                return
            counts = counts and not context._lost
            context = context._parent

    def judged(self) -> Outcome:
        """
        A copy of the outcome as far as it is known, with what is known of the end of the run around it.
        """
        own, outermost = copy(self.outcome), self.outermost.outcome
        if own.kind == "running" and outermost.kind != "running":
            own.kind, own.stopped_by, own.error = outermost.kind, outermost.stopped_by, outermost.error
        return own

    def stopped(self, by: str) -> None:
        """
        A stage has ended the stream early.
        """
        self.outcome.stop(by)

    def wound_up(self, by: str) -> bool:
        """
        Let the conversation that a stage reads come to an end with what has begun.

        Args:
            by: Who ends it.

        Returns:
            Whether there is one. Otherwise the stage has to end the stream by itself.
        """
        within = [each for each in self.listeners if each.is_within(self)]
        for each in within:
            each.wind_up(by)
        return bool(within)

    def is_within(self, other: object) -> bool:
        """
        Whether it is `other`, or that of a stream inside it.
        """
        context: Context | None = self
        while context is not None and context is not other:
            context = context._parent
        return context is not None

    def completed(self) -> None:
        """
        The chain has come to its end; where the run was being cancelled, maybe only because of that.
        """
        if self.outermost.cancelled_for is None:
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
            if is_own_failure(error) or ends_program(error):
                run.outcome.fail(error)
            else:
                run.abandoned = True
            if run.tasks is not None:
                run.tasks.interrupt()


async def _closed_with_others(chain: Chain) -> None:
    """
    Close a chain. Where a program ends, asyncio begins to close all generators at once, those of the chain too, each by a task of
    its own. If that finds one that is being closed here already, it says so on stderr. So the others go first.
    """
    try:
        if isinstance(sys.exception(), GeneratorExit):
            await lowlevel.cancel_shielded_checkpoint()
    finally:
        await chain.aclose()
