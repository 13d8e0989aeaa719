"""
The jobs of a run in an async generator.

Whoever reads the generator may leave it at a `yield`, and then it is finished in another task, where no scope of the first one
can be left. So such a run has no scope in its block. Its jobs live in a task beside it, which begins with the first of them and
ends with the run, and of the block only what it awaits of the run can be interrupted: its reads, a job, and its sinks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from anyio import CancelScope, Event, create_task_group, get_cancelled_exc_class

from streamkit._core.runtime.failures import RunInterrupted, is_interruption
from streamkit._core.runtime.run_tasks import InterruptibleReads, RunTasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from anyio.abc import TaskGroup

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.host_loop import HostLoop

__all__ = ["HostedTasks"]

_KEPT: set[Chain] = set()
"""The chains of all runs in generators that have not been left."""


class HostedTasks(RunTasks):
    """
    Those of a run in an async generator.
    """

    __slots__ = (
        "_cancelled",
        "_context",
        "_ended",
        "_failure",
        "_group",
        "_host",
        "_interruption",
        "_kept",
        "_loop",
        "_over",
        "_waiting",
    )

    def __init__(self, loop: HostLoop, context: Context) -> None:
        super().__init__()
        self._loop = loop
        self._cancelled: type[BaseException] = get_cancelled_exc_class()
        self._context = context
        self._group: TaskGroup | None = None
        self._kept: Chain | None = None
        self._waiting: list[tuple[Callable[..., Coroutine[Any, Any, None]], tuple[Any, ...]]] = []
        self._host: object = None
        self._over = Event()
        self._ended = Event()
        self._interruption: RunInterrupted | None = None
        self._failure: BaseException | None = None

    async def enter(self) -> None: ...

    def keep(self, chain: Chain) -> None:
        # A generator that is left behind is collected together with all that only it knows. If the generators of the chain were
        # among that, the event loop would finish each of them by itself, while the run closes them in their order.
        self._kept = chain
        _KEPT.add(chain)

    def start(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        if self._group is not None:
            self._group.start_soon(work, *args)
            return
        self._waiting.append((work, args))
        if self._host is None:
            self._host = self._loop.begin_beside(self._serve, self._host_ended)

    def interruption_is_due(self) -> None:
        # The next read ends the block also where it would not have to wait.
        self._interruption = self._interruption or RunInterrupted(
            "a run in an async generator has been cancelled, or one of its sinks has failed: this ends its block"
        )
        self._why_no_wait = self._why_no_wait or (lambda: cast("RunInterrupted", self._interruption))

    def interrupt(self) -> None:
        self.interruption_is_due()
        self._end_waits(cast("Callable[[], BaseException]", self._why_no_wait))

    async def leave(self, error: BaseException | None) -> bool:
        if self._kept is not None:
            _KEPT.discard(self._kept)
        if self._host is not None:
            self._over.set()
            # For as long as it takes, as for a task group: those that have not ended in time are cancelled by now.
            with CancelScope(shield=True):
                await self._ended.wait()
        if self._failure is not None:
            raise self._failure
        return self.is_own(error)

    def is_own(self, error: BaseException | None) -> bool:
        if isinstance(error, BaseExceptionGroup):  # the block has read in a task group of its own
            return all(map(self.is_own, cast("BaseExceptionGroup[BaseException]", error).exceptions))
        return error is not None and error is self._interruption

    def reads(self, iterator: AsyncIterator[Any]) -> AsyncIterator[Any]:
        return InterruptibleReads(iterator, self)

    async def _serve(self) -> None:
        try:
            async with create_task_group() as self._group:
                waiting, self._waiting = self._waiting, []
                for work, args in waiting:
                    self._group.start_soon(work, *args)
                try:
                    await self._over.wait()
                except self._cancelled:
                    # The program ends with the run still open. Jobs are shielded, so they are told one by one.
                    self._context.abandon_tasks()
                    raise
        except BaseException as error:
            if is_interruption(error):
                raise
            self._failure = error
        finally:
            self._host_ended()

    def _host_ended(self) -> None:
        self._context.no_task_is_left()
        if not self._over.is_set() and not self._loop.begins_every_task:
            # Somebody has cancelled this task, or a job that had not begun. The jobs are gone, and nothing will come any more.
            self._end_waits(self._cancelled)
        self._ended.set()
