"""
Reading several chains at once, for one consumer, until one of them fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.failures_beside import FailuresBeside
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["ReaderGroup"]


class ReaderGroup:
    """
    Each chain has a task of its own, and one consumer waits for all of them. The first failure stops all of them at once, even
    while the consumer does not read.

    Attributes:
        failure: The first failure, which the consumer raises after the items before it.
        wakeup: Where the consumer waits.
        stopped: Whether all of them have been stopped, so that none may be started any more.
    """

    def __init__(self, context: Context) -> None:
        self.failure: BaseException | None = None
        self.stopped = False
        self.wakeup = Wakeup()
        self._context = context
        # In their order, which a set would not keep, and each is found at once, which a list does not do.
        self._running: dict[ChainReader, None] = {}
        self._stopping: list[ChainReader] = []
        self._beside = FailuresBeside(context)

    def start(
        self,
        chain: Chain,
        arrived: Callable[[Any], Awaitable[None] | None],
        ended: Callable[[BaseException | None], None],
    ) -> ChainReader:
        """
        Begin to read `chain`. The arguments are those of a `ChainReader`, but that `ended` is not called for a chain that ends
        while it is being stopped.
        """

        def over(error: BaseException | None) -> None:
            if reader in self._running:
                del self._running[reader]
                ended(error)
            elif error is not None:
                self._beside.add(error)

        reader = ChainReader(chain, self._context, arrived, over)
        self._running[reader] = None
        reader.start()
        return reader

    def fail(self, error: BaseException) -> None:
        """
        One of the chains has failed. The others are asked to end.
        """
        if self.failure is None:
            self.failure = error
            self.stopped = True
            self._begin_to_stop()
            self.wakeup.wake()
        else:
            self._beside.add(error)

    async def leave(self) -> None:
        """
        Stop all of them at once, and wait until they have closed what they read.
        """
        self._begin_to_stop()
        await self._stopped()

    async def drop(self, *, winner: ChainReader | None = None) -> None:
        """
        Stop those that do not count any more: all of them, or all but the `winner`. That a cleanup of theirs fails is logged, and
        noted on a failure of what counts, but is not a failure.
        """
        self._begin_to_stop(winner)
        for reader in self._stopping:
            reader.forget()
        await self._stopped()
        if self.failure is None:
            self._beside.log()

    async def stop(self, upstream: ChainReader | None = None) -> None:
        """
        Stop all of them for good, and then `upstream`, if there is a chain whose items they were made of.

        Raises:
            BaseException: Closing has failed, and nothing had failed before; as `Context.cleanup_failed`.
        """
        self.stopped = True
        await self.leave()
        known = self.failure
        if upstream is not None:
            await self._beside.stop(upstream)
        self._beside.tell(known)

    async def _stopped(self) -> None:
        with self._context.closing_together():
            while self._stopping:
                await self._beside.stop(self._stopping.pop())

    def _begin_to_stop(self, winner: ChainReader | None = None) -> None:
        for reader in [each for each in self._running if each is not winner]:
            del self._running[reader]
            self._stopping.append(reader)
            reader.cancel()
