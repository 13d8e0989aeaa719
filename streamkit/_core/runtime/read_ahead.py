"""
Reading ahead: a chain behind a bounded queue, read by a task of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import sleep_forever

from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.overflow_queue import OverflowQueue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from streamkit._core.outcome import BufferReport
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.overflow_queue import Overflow

__all__ = ["ReadAhead"]


class ReadAhead:
    """
    An async iterable of what a chain gives, read at most `buffer` items ahead.

    Args:
        upstream: What to read. It is owned, and closed by the task that reads it.
        context: The run.
        buffer: The bound, in items.
        overflow: What happens when so many items wait.
        count: Where what is delivered and dropped is counted.
    """

    def __init__(
        self,
        upstream: Chain,
        context: Context,
        buffer: int,
        overflow: Overflow = "block",
        count: BufferReport | None = None,
    ) -> None:
        self._queue: OverflowQueue[Any] = OverflowQueue(buffer, overflow, count)
        self._items = self._queue.items()
        self._reader = ChainReader(upstream, context, self._arrived, self._queue.end)
        self._begun = False

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        """
        What has been read, and upstream's error after the items before it. The first call begins to read.
        """
        # The queue's own generator is handed out, because one around it, to begin and to stop, would cost at each item.
        if not self._begun:
            self._begun = True
            self._reader.start()
        return self._items

    async def aclose(self) -> None:
        """
        Stop reading, and close upstream.
        """
        await self._items.aclose()
        await self._reader.stop()

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        self._queue.write(item)
        if self._queue.overflowed is not None:
            return sleep_forever()  # until it is stopped: nothing more can be taken
        return self._queue.room() if self._queue.keeps_waiting else None
