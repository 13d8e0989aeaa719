"""
Reading ahead: a job that reads a chain for a consumer that also waits for other things.

An async generator whose pending `__anext__` is cancelled is finished, so whatever waits for "an item or a deadline" lets a
reader wait for the item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import CancelScope, get_cancelled_exc_class, lowlevel, sleep_forever

from streamkit._core.runtime.channel import Channel
from streamkit._core.runtime.fusion import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from streamkit._core.outcome import BufferReport
    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.channel import Overflow
    from streamkit._core.runtime.context import Context, Job

__all__ = ["Pump", "Reader"]


class Reader:
    """
    Reads `upstream` in a task of the run. It owns the chain and closes it, in that same task, for a generator may hold
    cancel scopes around its yields.

    Args:
        upstream: What to read.
        context: The run.
        arrived: Called with each item; where it gives an awaitable, that is awaited before the next item is read.
        ended: Called once, with the upstream's error or None.
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
        self._job: Job | None = None
        self._pause: CancelScope | None = None
        self._stopping = False
        self._failure: BaseException | None = None

    def start(self) -> None:
        """
        Begin to read; the consumer calls it when it is asked for its first item.
        """
        self._job = self._context.spawn(self._read)

    def cancel(self) -> None:
        """
        Ask it to end now; `stop` waits until it has.
        """
        if self._job is None or self._stopping:
            return
        self._stopping = True
        if self._pause is None:
            self._job.cancel()
        else:
            # Between two items the generator is suspended, and cancelling the job would close it inside a cancelled
            # scope. It is let go instead, and closed in peace.
            self._pause.cancel()

    async def stop(self) -> None:
        """
        Cancel, join, and leave upstream closed.

        Raises:
            Exception: What closing upstream has raised.
        """
        if self._job is None:
            return
        ended = self._job.done.is_set()
        self.cancel()
        with self._context.shielded():
            await self._job.done.wait()
        await self._job.stop()
        if self._failure is not None and not ended:
            raise self._failure

    async def _read(self) -> None:
        try:
            await self._read_all()
        except BaseException as error:
            if self._is_stop(error):
                await self._context.closing(self._upstream)
                raise
            self._failure = error
        try:
            if self._stopping:
                # In the middle a generator may be inside scopes of its own, and one around them would end before they do.
                await self._upstream.aclose()
            else:
                await self._context.closing(self._upstream)
        except BaseException as error:
            if self._is_stop(error):
                raise
            self._failure = self._failure or error
        self._ended(self._failure)

    def _is_stop(self, error: BaseException) -> bool:
        # A cancellation that nobody here has asked for is the failure of whoever raised it.
        return self._job is not None and self._job.cancelled and isinstance(error, get_cancelled_exc_class())

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


class Pump:
    """
    Reads at most `buffer` items ahead; `overflow` says what happens then.
    """

    def __init__(
        self,
        upstream: Chain,
        context: Context,
        buffer: int,
        overflow: Overflow = "block",
        count: BufferReport | None = None,
    ) -> None:
        self._channel: Channel[Any] = Channel(buffer, overflow, count)
        self._items = self._channel.items()
        self._reader = Reader(upstream, context, self._arrived, self._channel.end)
        self._begun = False

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        """
        What has been read, and the upstream's error after the items before it.
        """
        # The queue's own generator: one around it, to begin and to stop, would be paid for at each item.
        if not self._begun:
            self._begun = True
            self._reader.start()
        return self._items

    async def aclose(self) -> None:
        """
        Stop reading.
        """
        await self._items.aclose()
        await self._reader.stop()

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        self._channel.write(item)
        if self._channel.overflowed is not None:
            return sleep_forever()
        return self._channel.room() if self._channel.keeps_waiting else None
