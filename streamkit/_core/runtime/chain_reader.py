"""
Reading a chain in a task of its own, for a consumer that waits for other things too.

An async generator whose pending `__anext__` is cancelled is finished. So whatever waits for "an item or a deadline" never cancels
a read: it lets a reader wait for the item, and waits itself for the reader or the deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import CancelScope, lowlevel

from streamkit._core.runtime.failures import comes_of_stopping, graver
from streamkit._core.runtime.fairness import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.task import Task

__all__ = ["ChainReader"]


class ChainReader:
    """
    Reads `upstream` in a task of the run. It owns the chain and closes it in that same task, because a generator may hold cancel
    scopes around its yields.

    Args:
        upstream: What to read.
        context: The run.
        arrived: Called with each item. Where it gives an awaitable, that is awaited before the next item is read.
        ended: Called once, when upstream has ended and is closed, with its error or None. It is not called where `stop` has
            interrupted a read.
    """

    def __init__(
        self,
        upstream: Chain,
        context: Context,
        arrived: Callable[[Any], Awaitable[None] | None],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._upstream = upstream
        self._context = context
        self._arrived = arrived
        self._ended = ended
        self._task: Task | None = None
        self._pause: CancelScope | None = None
        self._stopping = False
        self._forgets = False
        self._failure: BaseException | None = None

    def start(self) -> None:
        """
        Begin to read. The consumer calls it when it is asked for its first item.
        """
        # From now on it alone closes upstream, also where that takes longer than the run waits for it.
        self._upstream = self._upstream.handed_over()
        self._task = self._context.spawn(self._read)

    def start_to_close(self) -> None:
        """
        Read nothing, and close upstream in the task that would have read it.
        """
        self._stopping = True
        self.start()

    def cancel(self) -> None:
        """
        Ask it to end now. `stop` waits until it has.
        """
        if self._task is None or self._stopping:
            return
        self._stopping = True
        if self._pause is None:
            self._task.cancel()
        else:
            # Between two items the generator is suspended, and cancelling the task would close it inside a cancelled
            # scope, where its cleanup could not await anything. Only the pause is cancelled instead.
            self._pause.cancel()

    def forget(self) -> None:
        """
        What the chain has failed with, or is about to, matters to nobody any more. That its cleanup fails still does.
        """
        self._forgets = True
        self._failure = None

    async def stop(self) -> None:
        """
        Cancel the task, wait until it has ended, and leave upstream closed.

        Raises:
            BaseException: What closing upstream has raised; as `Context.cleanup_failed`.
        """
        if self._task is None:
            return
        ended = self._task.done.is_set()
        self.cancel()
        with self._context.shielded():
            await self._task.wait()
        await self._task.stop()
        if not self._task.begun:
            await self._context.closing(self._upstream)
        if self._failure is not None and not ended:
            self._context.cleanup_failed(self._failure)

    async def _read(self) -> None:
        interrupted = False
        try:
            await self._read_all()
        except BaseException as error:
            interrupted = self._is_stop(error)
            if not interrupted and (not self._forgets or comes_of_stopping(error)):
                self._failure = error
        try:
            if self._stopping and not interrupted:
                # Upstream may be inside cancel scopes that it has entered in this task, and they must not be left inside a
                # shield that was entered after them. So it is closed without one; the task is shielded already.
                await self._upstream.aclose()
            else:
                await self._context.closing(self._upstream)
        except BaseException as error:
            # Nothing leaves this task, or it would end the run as a failure of nobody: `stop` tells it.
            if not self._is_stop(error):
                self._failure = error if self._failure is None else graver(self._failure, error)
        if not interrupted:
            self._ended(self._failure)

    def _is_stop(self, error: BaseException) -> bool:
        # A cancellation that nobody has asked this task for is the failure of whoever raised it.
        return self._task is not None and self._task.is_end(error)

    async def _read_all(self) -> None:
        if self._stopping:
            return
        left = CHECKPOINT_EVERY
        async for item in self._upstream.iterator:
            waiting = self._arrived(item)
            left -= 1
            if waiting is not None or not left:
                left = CHECKPOINT_EVERY
                with CancelScope() as self._pause:
                    await (lowlevel.checkpoint() if waiting is None else waiting)
                self._pause = None
                if self._stopping:
                    break
