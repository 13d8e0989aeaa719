"""
Reading a chain item by item, where the wait for one may be given up and taken up again.

An async generator whose pending `__anext__` is cancelled is finished. So the chain is read in a job of the run, which reads one
item whenever one is asked for, and the reader waits for that job. A job has a stack of its own, too, for chains that are deep.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.run_tasks import left_while_waiting, read_by_another_task
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["RequestedReads"]


class RequestedReads:
    """
    An async iterator of what a chain gives. Nothing is read before it is asked for.

    Args:
        chain: What to read. It is owned, and closed by the job that reads it.
        context: The run.
    """

    def __init__(self, chain: Chain, context: Context) -> None:
        self._reader = ChainReader(chain, context, self._arrived, self._chain_ended)
        self._begun = False
        self._read = False  # whether the job has read what it was asked for
        self._items: deque[Any] = deque()
        self._ended = False
        self._error: BaseException | None = None
        self._is_left = False
        self._is_waited_for = False
        self._asked = Wakeup()
        self._changed = Wakeup()

    def __aiter__(self) -> RequestedReads:
        return self

    async def __anext__(self) -> Any:
        if self._is_waited_for:
            raise read_by_another_task()
        self._is_waited_for = True
        try:
            return await self._next()
        finally:
            self._is_waited_for = False

    async def aclose(self) -> None:
        """
        Stop reading, and leave the chain closed. A read that still waits fails.

        Raises:
            BaseException: What closing has raised.
        """
        self._is_left = True
        self._changed.wake()
        if not self._begun:
            self._begun = True
            self._reader.start_to_close()
        await self._reader.stop()

    async def _next(self) -> Any:
        if not self._begun:
            self._begun = True
            self._reader.start()
        elif self._read and not self._items:
            self._read = False
            self._asked.wake()
        while not (self._items or self._ended or self._is_left):
            await self._changed.wait()
        if self._items:
            return self._items.popleft()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._ended:
            raise StopAsyncIteration
        raise left_while_waiting()

    def _arrived(self, item: Any) -> Awaitable[None]:
        self._items.append(item)
        self._read = True
        self._changed.wake()
        return self._until_asked()

    async def _until_asked(self) -> None:
        while self._read:
            await self._asked.wait()

    def _chain_ended(self, error: BaseException | None) -> None:
        if self._is_left:
            return  # it was closed, which is not its end for a read that still waits; `stop` tells an error
        self._ended = True
        self._error = error
        self._changed.wake()
