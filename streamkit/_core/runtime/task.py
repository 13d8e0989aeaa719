"""
A task of a run: it begins, works, and ends when whoever started it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import CancelScope, Event

from streamkit._core.log import running_in
from streamkit._core.runtime.failures import is_interruption
from streamkit._core.runtime.fairness import let_others_run_until
from streamkit._core.runtime.host_loop import host_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from streamkit._core.log import RunId

__all__ = ["Task", "Tasks"]


class Task:
    """
    A task of the run.

    It ends by itself or by `stop`, never by a cancellation from outside, so that whoever started it decides in which order
    things are closed.

    Args:
        run_id: The run.
        shielded: A scope for cleaning up, as the run has them.

    Attributes:
        begun: Whether it has begun.
        done: Set when it has ended.
    """

    def __init__(self, run_id: RunId, shielded: Callable[[], CancelScope]) -> None:
        self._run_id = run_id
        self._shielded = shielded
        self._scope = CancelScope(shield=True)
        self._to_begin: Coroutine[Any, Any, None] | None = None
        self.begun: bool = False
        self.done: Event = Event()

    def run(self, work: Callable[[], Awaitable[None]]) -> Coroutine[Any, Any, None]:
        """
        Do the work, and set `done` at its end.
        """
        self._to_begin = self._run(work)
        return self._to_begin

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        self.begun, self._to_begin = True, None
        running_in.set(self._run_id)
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
        with self._shielded():
            await self.wait()

    async def wait(self) -> None:
        """
        Wait until it has ended. One that somebody has cancelled before it could begin, as asyncio does where a program ends, has.
        """
        if not self.begun and not host_loop().begins_every_task:
            await let_others_run_until(lambda: self.begun)
            if not self.begun:
                self.never_begins()
        await self.done.wait()

    def never_begins(self) -> None:
        """
        It was cancelled before it could begin, and nobody has to wait for it.
        """
        if self._to_begin is not None:
            self._to_begin.close()  # or Python would warn that nobody has awaited it
            self._to_begin = None
        self.done.set()


class Tasks(list[Task]):
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
