"""
Timed release: items go out at once, or wait until they are due.

`throttle`, `debounce`, `sample`, `smooth` and the timed `batch` have this in common. A task reads upstream, and the consumer's
side waits for that task, or for the time at which something is due. Time is the event loop's own, so tests run it virtually.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any

from anyio import Event, current_time, lowlevel, move_on_at

from streamkit._core.runtime.chain_reader import ChainReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["TimedRelease"]


class TimedRelease(ABC):
    """
    One run of such a stage. What arrives is handed to `take_in`, which puts it into `ready`, or keeps it and sets `due`. The
    consumer gets first what is ready, then what is due.

    Reading goes on while something waits for its time, and pauses while what is due has not been taken.

    Attributes:
        ready: What goes out at once, in order.
        due: The time at which `release` is to be called; infinity while nothing waits.
        started: The time at which the first item was asked for.
        now: The time at which the newest item arrived. It is kept because asking for the time costs a microsecond.
    """

    def __init__(self, upstream: Chain, context: Context) -> None:
        self.ready: deque[Any] = deque()
        self.due: float = math.inf
        self.started: float = math.inf
        self.now: float = -math.inf
        self._reader = ChainReader(upstream, context, self._arrived, self._upstream_ended)
        self._ended = False
        self._error: BaseException | None = None
        self._changed = Event()
        self._taken = Event()

    @abstractmethod
    def take_in(self, item: Any) -> None:
        """
        An item has arrived: make it ready, or keep it and set `due`.
        """

    @abstractmethod
    def release(self) -> None:
        """
        The time `due` has come: make ready what is due, and set `due` anew. Nothing is, where it cannot go out yet.
        """

    @abstractmethod
    def finish(self, error: BaseException | None) -> None:
        """
        Upstream has ended, or failed with `error`: make ready what is still kept, keep it until it is due, or drop it.
        """

    async def items(self) -> AsyncIterator[Any]:
        """
        What goes out. Upstream's error comes last.
        """
        self.started = current_time()
        self._reader.start()
        try:
            while True:
                if self.ready:
                    item = self.ready.popleft()
                elif current_time() >= self.due:
                    self.release()
                    if not self.ready:
                        self._taken.set()  # what was due waits for more
                    continue
                elif self._ended and self.due == math.inf:
                    break
                else:
                    with move_on_at(self.due):
                        await self._changed.wait()
                    self._changed = Event()
                    # A source that is always ready sets the event again and again, and asyncio does not cancel a task
                    # that is about to be woken.
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
