"""
Holding back: what a stage does that lets items wait until they are due.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any

from anyio import Event, current_time, lowlevel, move_on_at

from streamkit._core.runtime.read_ahead import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["Holding"]


class Holding(ABC):
    """
    One run of such a stage. A reader hands what arrives to `take_in`, which puts it into `ready` or keeps it until `due`;
    the consumer's side gives out first what is ready, then what is due.

    Reading goes on while something waits for its time, and stops once what is due has not been taken.

    Attributes:
        ready: What goes out at once, in order.
        due: The time at which `release` is to be called; infinity while nothing waits.
        started: The time at which the first item was asked for.
        now: The time at which the newest item has arrived; asking for it costs a microsecond.
    """

    def __init__(self, upstream: Chain, context: Context) -> None:
        self.ready: deque[Any] = deque()
        self.due: float = math.inf
        self.started: float = math.inf
        self.now: float = -math.inf
        self._reader = Reader(upstream, context, self._arrived, self._upstream_ended)
        self._ended = False
        self._error: BaseException | None = None
        self._changed = Event()
        self._taken = Event()

    @abstractmethod
    def take_in(self, item: Any) -> None:
        """
        An item has arrived.
        """

    @abstractmethod
    def release(self) -> None:
        """
        It is time: make ready what is due, and set `due` anew.
        """

    @abstractmethod
    def finish(self, error: BaseException | None) -> None:
        """
        Upstream has ended, or failed: make ready, keep until it is due, or drop what is still held.
        """

    async def items(self) -> AsyncIterator[Any]:
        """
        What goes out; the upstream's error comes last.
        """
        self.started = current_time()
        self._reader.start()
        try:
            while True:
                if self.ready:
                    item = self.ready.popleft()
                elif current_time() >= self.due:
                    self.release()
                    continue
                elif self._ended and self.due == math.inf:
                    break
                else:
                    with move_on_at(self.due):
                        await self._changed.wait()
                    self._changed = Event()
                    # A source that is always ready sets the event in every turn of the loop; on asyncio a task that is
                    # always about to be woken is never cancelled.
                    await lowlevel.checkpoint()
                    continue
                self._taken.set()
                yield item
            if self._error is not None:
                raise self._error
        finally:
            await self._reader.stop()

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        self.now = current_time()
        self.take_in(item)
        self._changed.set()
        return self._all_taken() if self.ready or self.now >= self.due else None

    async def _all_taken(self) -> None:
        while self.ready or current_time() >= self.due:
            self._taken = Event()
            await self._taken.wait()

    def _upstream_ended(self, error: BaseException | None) -> None:
        self._ended = True
        self._error = error
        self.finish(error)
        self._changed.set()
