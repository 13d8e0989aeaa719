"""
Jobs beside a stream: its items go on as they come, and what the jobs give comes between them.

Upstream is read by a task of its own, up to `AHEAD` items ahead, and everything stands in one queue in the order in which it has
come. So an item never waits for a job, and a job's result never overtakes an item that was there before it.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit._core.items import is_restart
from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.failures import ends_program
from streamkit._core.runtime.failures_beside import FailuresBeside
from streamkit._core.runtime.interleaving import AHEAD
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.task import Task

__all__ = ["SideJobs"]

_REFILL = AHEAD // 2
"""Items that still wait when a reader that had to pause goes on."""


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


class _Beside:
    """
    What a job has given, until it is handed on.
    """

    __slots__ = ("item",)

    def __init__(self, item: Any) -> None:
        self.item = item


class SideJobs:
    """
    One run of a stage that runs jobs beside the stream. Subclasses say which, in the methods without a leading underscore.

    It ends when upstream has ended, and every job. The first job that fails ends it too: the others are cancelled at once.

    Args:
        upstream: What is handed on. It is owned, and closed by the task that reads it.
        context: The run, whose tasks the jobs are.
    """

    def __init__(self, upstream: Chain, context: Context) -> None:
        self._context = context
        self._reader = ChainReader(upstream, context, self._arrived, self._upstream_ended)
        self._reading = True
        self._accepting = True
        self._cut_due = False
        self._ready: deque[Any] = deque()
        self._jobs: dict[_Job, None] = {}
        self._failure: BaseException | None = None
        self._upstream_failure: BaseException | None = None
        self._beside = FailuresBeside(context)
        self._turn = Wakeup()
        self._taken = Wakeup()

    # -- what subclasses say ------------------------------------------------------------------------------------

    def saw(self, item: Any) -> None:
        """
        An item has arrived, and will be handed on. What this raises ends the stage like a failure of upstream.
        """

    def started_over(self) -> None:
        """
        The stream starts over. Every job has ended, and what they had given is dropped as far as it was not handed on.
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
        self._ready.append(_Beside(item))
        self._turn.wake()

    def hand_on(self, item: Any) -> None:
        """
        Hand on an item as if it were upstream's, which `take_back` does not drop.
        """
        self._ready.append(item)
        self._turn.wake()

    def take_back(self) -> None:
        """
        Cancel the jobs, and drop what they have given and nobody has got. The stage does not end before they have.
        """
        self._cancel()
        self._ready = deque(item for item in self._ready if item.__class__ is not _Beside)
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

    async def items(self) -> AsyncIterator[Any]:
        """
        The items and what the jobs give, then the error of what has failed.
        """
        self._reader.start()
        try:
            while True:
                if self._ready:
                    item = self._ready.popleft()
                    if len(self._ready) == _REFILL:
                        self._taken.wake()
                    yield item.item if item.__class__ is _Beside else item
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
        await self._joined(self._cancel())
        # An error from closing upstream is another one: what was known before it takes precedence.
        known = self._failure or self._upstream_failure
        await self._beside.stop(self._reader)
        self._beside.tell(known)

    # -- the reader's side --------------------------------------------------------------------------------------

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        if is_restart(item):
            return self._start_over(item)
        self._ready.append(item)
        if len(self._ready) == 1:
            self._turn.wake()
        self.saw(item)
        return self._room() if len(self._ready) >= AHEAD else None

    async def _room(self) -> None:
        while len(self._ready) >= AHEAD:
            await self._taken.wait()

    async def _start_over(self, item: Any) -> None:
        cancelled = self._cancel()
        self._ready.clear()
        await self._joined(cancelled)
        self._ready.clear()
        if self._failure is None:
            self._beside.log()
        self.started_over()
        self._ready.append(item)
        self._turn.wake()
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

    async def _joined(self, tasks: list[Task]) -> None:
        with self._context.shielded():
            for task in tasks:
                await task.wait()
