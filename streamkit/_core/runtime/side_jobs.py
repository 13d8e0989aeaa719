"""
Jobs beside a stream: its items go on as they come, and what the jobs give comes between them.

Upstream gives its items in batches, as they arrive. It is read by a task of its own, up to `AHEAD` batches ahead, and everything
stands in one queue in the order in which it has come. So an item never waits for a job, and a job's result never overtakes an
item that was there before it.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from streamkit._core.items import is_restart
from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.failures import ends_program
from streamkit._core.runtime.failures_beside import FailuresBeside
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.task import Task

__all__ = ["AHEAD", "SideJobs"]

AHEAD: Final = 4
"""Batches that are read ahead of the consumer."""


class _Job:
    """
    A job that has not ended.
    """

    __slots__ = ("task",)

    def __init__(self) -> None:
        self.task: Task | None = None

    @property
    def cancelled(self) -> bool:
        return self.task is not None and self.task.cancelled


class _Given(list[Any]):
    """
    A batch of what jobs have given, until it is handed on.
    """


class SideJobs:
    """
    One run of a source that runs jobs beside its items. Subclasses say which, in the methods without a leading underscore.

    It ends when upstream has ended, and every job. The first job that fails ends it too: the others are cancelled at once.

    Args:
        upstream: What is handed on, in batches. It is owned, and closed by the task that reads it.
        context: The run, whose tasks the jobs are.
    """

    def __init__(self, upstream: Chain, context: Context) -> None:
        self._context = context
        self._reader = ChainReader(upstream, context, self._arrived, self._upstream_ended)
        self._reading = True
        self._accepting = True
        self._cut_due = False
        self._ready: deque[list[Any]] = deque()
        self._jobs: dict[_Job, None] = {}
        self._failure: BaseException | None = None
        self._upstream_failure: BaseException | None = None
        self._beside = FailuresBeside(context)
        self._turn = Wakeup()
        self._taken = Wakeup()

    # -- what subclasses say ------------------------------------------------------------------------------------

    def saw(self, batch: list[Any]) -> None:
        """
        Items have arrived, and will be handed on. What this raises ends the stage like a failure of upstream.
        """

    def started_over(self) -> None:
        """
        The stream starts over. Every job has been cancelled, and what they had given is dropped as far as it was not handed on.
        They are awaited next, and must neither give anything any more nor begin others.
        """

    def upstream_over(self) -> None:
        """
        Upstream has ended as it should. Jobs may still begin.
        """

    def upstream_failed(self) -> None:
        """
        Upstream has failed. Every job has been cancelled.
        """

    def upstream_cut(self) -> None:
        """
        Upstream has been closed by `cut`. Jobs may still begin.
        """

    # -- what subclasses do -------------------------------------------------------------------------------------

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """
        Begin a job, unless the stage is about to end. What it raises is the failure of the stage.
        """
        if self._accepting:
            job = _Job()
            self._jobs[job] = None
            job.task = self._context.spawn(partial(self._run, job, work))

    def fail(self, error: BaseException) -> None:
        """
        The stage fails with `error`, after what stands before it.
        """
        self._failed(error, counts=True)
        self._turn.wake()

    def put(self, item: Any) -> None:
        """
        Hand on what a job has given, behind what is there; nothing once the stage is about to end.
        """
        if not self._accepting:
            return
        self._ready.append(_Given([item]))
        self._turn.wake()

    def hand_on(self, batch: list[Any]) -> None:
        """
        Hand on items as if they were upstream's, which `take_back` does not drop.
        """
        self._ready.append(batch)
        self._turn.wake()

    def take_back(self) -> None:
        """
        Cancel the jobs, and drop what they have given and nobody has got. The stage does not end before they have.
        """
        self._cancel()
        self._ready = deque(batch for batch in self._ready if batch.__class__ is not _Given)
        self._taken.wake()

    def cancel_jobs(self) -> None:
        """
        Cancel the jobs. What they have given is handed on.
        """
        self._cancel()

    def cut(self) -> None:
        """
        Read nothing more of upstream and close it. What has arrived is handed on; then `upstream_cut` is called.
        """
        if self._reading and not self._cut_due:
            self._cut_due = True
            self._reader.cancel()
            self._turn.wake()

    # -- the consumer's side ------------------------------------------------------------------------------------

    async def batches(self) -> AsyncGenerator[list[Any], None]:
        """
        The items and what the jobs give, in batches; then the error of what has failed.
        """
        self._reader.start()
        try:
            while True:
                if self._ready:
                    batch = self._ready.popleft()
                    self._taken.wake()
                    yield batch
                elif self._failure is not None or not (self._reading or self._jobs):
                    break
                elif self._cut_due and self._reading:
                    await self._finish_cut()
                else:
                    await self._turn.wait()
        finally:
            await self._stop()
        if (failure := self._failure or self._upstream_failure) is not None:
            raise failure

    async def _finish_cut(self) -> None:
        await self._beside.stop(self._reader)
        self._reading = False
        self.upstream_cut()

    async def _stop(self) -> None:
        self._accepting = False
        await self._context.joined(self._cancel())
        # An error from closing upstream is another one: what was known before it takes precedence.
        known = self._failure or self._upstream_failure
        await self._beside.stop(self._reader)
        self._beside.tell(known)

    # -- the reader's side --------------------------------------------------------------------------------------

    def _arrived(self, batch: list[Any]) -> Awaitable[None] | None:
        if self._context.restarts and any(map(is_restart, batch)):
            return self._start_over(batch)
        self._add(batch)
        return self._room() if len(self._ready) >= AHEAD else None

    def _add(self, batch: list[Any]) -> None:
        self._ready.append(batch)
        self._turn.wake()
        self.saw(batch)

    async def _room(self) -> None:
        while len(self._ready) >= AHEAD:
            await self._taken.wait()

    async def _start_over(self, batch: list[Any]) -> None:
        cancelled = self._cancel()
        self._ready.clear()
        self.started_over()
        await self._context.joined(cancelled)
        if self._failure is None:
            self._beside.log()
        last = max(at for at, item in enumerate(batch) if is_restart(item))
        self._ready.append(batch[: last + 1])
        self._add(batch[last + 1 :])
        await self._room()

    def _upstream_ended(self, error: BaseException | None) -> None:
        if self._cut_due or not self._accepting:
            return
        if error is None:
            try:
                self.upstream_over()
            except Exception as failure:
                error = failure
        if error is not None:
            self._upstream_failure = error
            self.take_back()
            self._accepting = False
            self.upstream_failed()
        self._reading = False
        self._turn.wake()

    # -- the jobs -----------------------------------------------------------------------------------------------

    async def _run(self, job: _Job, work: Callable[[], Awaitable[None]]) -> None:
        try:
            if not job.cancelled:
                await work()
        except BaseException as error:
            if job.task is not None and job.task.is_end(error):
                raise
            # A job that was taken back does not count any more.
            self._failed(error, counts=not job.cancelled or ends_program(error))
        finally:
            del self._jobs[job]
            self._turn.wake()

    def _failed(self, error: BaseException, *, counts: bool) -> None:
        if counts and self._failure is None and self._accepting:
            self._failure = error
            self._accepting = False
            self._cancel()
            self._reader.cancel()
        else:
            self._beside.add(error)

    def _cancel(self) -> list[Task]:
        tasks = [job.task for job in self._jobs if job.task is not None]
        for task in tasks:
            task.cancel()
        return tasks
