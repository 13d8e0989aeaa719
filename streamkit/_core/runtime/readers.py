"""
Reading several chains at once, for one consumer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._core.runtime.failures import told
from streamkit._core.runtime.read_ahead import Reader
from streamkit._core.runtime.wakeup import Turn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["Readers"]


class Readers:
    """
    Each chain has a job of its own, and one consumer waits for all of them. The first failure stops them at once, also
    while nobody reads.

    Attributes:
        failure: That failure, which the consumer raises after the items before it.
        turn: Where the consumer waits.
        stopped: Whether all of them have been stopped: nothing is started any more.
    """

    def __init__(self, context: Context) -> None:
        self.failure: BaseException | None = None
        self.stopped = False
        self.turn = Turn()
        self._context = context
        self._running: list[Reader] = []
        self._stopping: list[Reader] = []
        self._others: list[BaseException] = []

    def start(
        self,
        chain: Chain,
        arrived: Callable[[Any], Awaitable[None] | None],
        ended: Callable[[BaseException | None], None],
    ) -> Reader:
        """
        Begin to read `chain`; the arguments are those of a `Reader`. One that is being stopped has not ended.
        """

        def over(error: BaseException | None) -> None:
            if reader in self._running:
                self._running.remove(reader)
                ended(error)
            elif error is not None:
                self._others.append(error)

        reader = Reader(chain, self._context, arrived, over)
        self._running.append(reader)
        reader.start()
        return reader

    def fail(self, error: BaseException) -> None:
        """
        One of them has failed.
        """
        if self.failure is None:
            self.failure = error
            self.stopped = True
            self._begin_to_stop()
            self.turn.wake()
        else:
            self._others.append(error)

    async def leave(self, *, but: Reader | None = None) -> None:
        """
        Stop all, or all but one, at once, and wait until they have closed what they read.
        """
        self._begin_to_stop(but)
        with self._context.closing_together():
            while self._stopping:
                await self._stop(self._stopping.pop())

    async def stop(self, upstream: Reader | None = None) -> None:
        """
        Stop all, for good; and then the reader of the chain that they were made from.

        Raises:
            Exception: Closing has failed, and nothing before.
        """
        self.stopped = True
        await self.leave()
        known = self.failure
        if upstream is not None:
            await self._stop(upstream)
        if (failure := told(known, self._others)) is not known and failure is not None:
            raise failure

    def _begin_to_stop(self, but: Reader | None = None) -> None:
        for reader in [each for each in self._running if each is not but]:
            self._running.remove(reader)
            self._stopping.append(reader)
            reader.cancel()

    async def _stop(self, reader: Reader) -> None:
        try:
            await reader.stop()
        except Exception as error:
            self._others.append(error)
