"""
Reading ahead: a job that reads a chain for a consumer that also waits for other things.

An async generator whose pending `__anext__` is cancelled is finished, so whatever waits for "an item or a deadline" lets a
reader wait for the item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import get_cancelled_exc_class, lowlevel

from .channel import Channel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .chain import Chain
    from .context import Context, Job

__all__ = ["Pump", "Reader"]


class Reader:
    """
    Reads `upstream` in a task of the run. It owns the chain and closes it.

    Args:
        upstream: What to read.
        context: The run.
        arrived: Called with each item, and awaited before the next is read.
        ended: Called once, with the upstream's error or None.
    """

    def __init__(
        self,
        upstream: Chain,
        context: Context,
        arrived: Callable[[Any], Awaitable[None]],
        ended: Callable[[Exception | None], None],
    ) -> None:
        self._upstream = upstream
        self._context = context
        self._arrived = arrived
        self._ended = ended
        self._interrupted = False
        self._job: Job | None = None

    def start(self) -> None:
        """
        Begin to read; the consumer calls it when it is asked for its first item.
        """
        self._job = self._context.spawn(self._read)

    async def stop(self) -> None:
        """
        Cancel, join, and leave upstream closed.
        """
        if self._job is not None:
            await self._job.stop()

    async def check(self) -> None:
        """
        After the last item: an end that a cancellation of the run has brought about is not the end of the stream.
        """
        if self._interrupted:
            self._context.interrupted = True
            await lowlevel.checkpoint()

    async def _read(self) -> None:
        failure: Exception | None = None
        try:
            async for item in self._upstream.iterator:
                await self._arrived(item)
        except Exception as error:
            failure = error
        except get_cancelled_exc_class():
            self._interrupted = True
            raise
        finally:
            self._ended(failure)
            await self._context.closing(self._upstream)


class Pump:
    """
    Reads at most `buffer` items ahead.
    """

    def __init__(self, upstream: Chain, context: Context, buffer: int) -> None:
        self._channel: Channel[Any] = Channel(buffer)
        self._reader = Reader(upstream, context, self._arrived, self._channel.end)

    async def items(self) -> AsyncIterator[Any]:
        """
        What has been read, and the upstream's error after the items before it.
        """
        self._reader.start()
        try:
            async for item in self._channel:
                yield item
            await self._reader.check()
        finally:
            await self._reader.stop()

    async def _arrived(self, item: Any) -> None:
        self._channel.write(item)
        await self._channel.room()
