"""
What the stages of a run share: its outcome, its report, and its one task group.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from anyio import CancelScope, Event, current_time

from streamkit._core.log import log_warning
from streamkit._core.outcome import Outcome, Report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from anyio.abc import TaskGroup

    from streamkit._core.protocols import Contribution
    from streamkit._core.runtime.chain import Chain

__all__ = ["Context", "Job"]


class Job:
    """
    A task of the run. It ends by itself or by `stop`, never by a cancellation from outside, so that whoever started it
    decides in which order things are closed.

    Attributes:
        done: Set when it has ended.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scope = CancelScope(shield=True)
        self.done: Event = Event()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """
        Do the work; whatever waits for `done` learns the end.
        """
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

    def cancel(self) -> None:
        """
        Ask it to end now.
        """
        self._scope.cancel()

    async def stop(self) -> None:
        """
        Cancel it and wait until it has ended, however the caller is being cancelled.
        """
        self.cancel()
        with self._context.shielded():
            await self.done.wait()


class Context:
    """
    One run, as its stages see it.

    Attributes:
        outcome: How the run ends.
        report: What it counts.
        close_timeout: Seconds that closing may take.
        task_group: The run's own; a bare `async for` has none.
        sink_error: The failure of a sink that ends the run.
        restarts: Whether the source may start over.
    """

    def __init__(self, *, close_timeout: float, parent: Context | None = None, counts: bool = True) -> None:
        self.outcome: Outcome = Outcome()
        self.report: Report = Report() if parent is None else parent.report
        self.close_timeout = close_timeout
        self.task_group: TaskGroup | None = None if parent is None else parent.task_group
        self.sink_error: BaseException | None = None
        self.restarts: bool = parent is not None and parent.restarts
        self._parent = parent
        self._withheld: list[Contribution] | None = None if counts else []
        # Shared with the contexts inside this one.
        self._jobs: list[Job] = [] if parent is None else parent._jobs
        self._close_by: list[float] = [] if parent is None else parent._close_by

    def child(self, *, counts: bool = True) -> Context:
        """
        A stream inside this run, with an outcome of its own. Its facts count for this run too.

        Args:
            counts: Whether they do from the beginning; otherwise from `count()` on.
        """
        return Context(close_timeout=self.close_timeout, parent=self, counts=counts)

    def count(self) -> None:
        """
        From now on its facts count for the run around it, also those that are there already.
        """
        withheld, self._withheld = self._withheld, None
        for record in withheld or ():
            self._contribute_around(record)

    def spawn(self, work: Callable[[], Awaitable[None]]) -> Job:
        """
        Start a job in the run's task group. Whoever starts it stops it.

        Raises:
            TypeError: The run has none.
        """
        if self.task_group is None:
            raise TypeError(
                "a concurrent stage needs the run's task group: use `async with stream.open() as run`"
            )
        job = Job(self)
        self._jobs[:] = [each for each in self._jobs if not each.done.is_set()]
        self._jobs.append(job)
        self.task_group.start_soon(job.run, work)
        return job

    async def drain(self) -> None:
        """
        When the chain is closed: let the jobs that are left, its sinks, finish within `close_timeout`, then cancel them.
        """
        try:
            with self.shielded():
                for job in list(self._jobs):
                    await job.done.wait()
        finally:
            for job in self._jobs:
                job.cancel()

    def begin_closing(self) -> None:
        """
        The run is being left: from now on all cleaning up together has `close_timeout`.
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
        A scope for cleaning up: not cancelled from outside, but bounded by `close_timeout`.
        """
        deadline = self._close_by[0] if self._close_by else current_time() + self.close_timeout
        return CancelScope(deadline=deadline, shield=True)

    async def closing(self, chain: Chain) -> None:
        """
        Close a chain, shielded.
        """
        with self.shielded() as scope:
            await chain.aclose()
        if scope.cancelled_caught:
            log_warning("close_timed_out", close_timeout=self.close_timeout)

    def contribute(self, record: Contribution) -> None:
        """
        Add a source's facts to the outcome of this run, and of those around it.
        """
        self.outcome.contribute(record)
        if self._withheld is None:
            self._contribute_around(record)
        else:
            self._withheld.append(record)

    def _contribute_around(self, record: Contribution) -> None:
        if self._parent is not None:
            self._parent.contribute(record)

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
        The chain has raised. A cancellation is judged when the run is left, where it is known whose it was.
        """
        if isinstance(error, Exception):
            self.outcome.fail(error)

    def sink_failed(self, error: BaseException) -> None:
        """
        A sink has failed for good: the run ends with its error.
        """
        if self._parent is not None:
            self._parent.sink_failed(error)
        elif self.sink_error is None:
            self.sink_error = error
            self.outcome.fail(error)
            if self.task_group is not None:
                self.task_group.cancel_scope.cancel()
