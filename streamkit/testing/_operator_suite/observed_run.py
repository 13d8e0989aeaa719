"""
`ObservedRun`: one run of a stream, and everything that can be observed of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from anyio import current_time, lowlevel, move_on_after, sleep

from streamkit.testing._tasks import running_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._core.algebra import Stream
    from streamkit._core.outcome import Outcome
    from streamkit._core.runtime.run import Run

__all__ = ["PATIENCE", "ObservedRun"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

B = TypeVar("B")

PATIENCE: Final = 100_000.0
"""Seconds of virtual time after which a stream that has not ended counts as hung. Finite, because the stream may poll."""


class ObservedRun(Generic[B]):
    """
    A run of a stream that is read once, in virtual time.

    Args:
        stream: The stream.
        pulled: A function that says how far its source has been read.

    Attributes:
        outputs: What came out.
        pulls: For each output, how far the source had been read when it came.
        ended: Whether it came to its end.
        error: What it failed with.
        hung: Whether it did not end within the patience.
        tasks: The functions of tasks that were left behind by the run.
        closing: Seconds between the last line of the `async with` block and the first behind it.
        pulled_late: How far the source was read after the consumer had finished.
    """

    def __init__(self, stream: Stream[B], pulled: Callable[[], int]) -> None:
        self.run: Run[B] = stream.open()
        self.outputs: list[B] = []
        self.pulls: list[int] = []
        self.ended: bool = False
        self.error: Exception | None = None
        self.hung: bool = False
        self.tasks: list[str] = []
        self.closing: float = 0.0
        self.pulled_late: int = 0
        self._pulled = pulled
        self._left_at = -math.inf
        self._pulled_by_then = 0

    @property
    def outcome(self) -> Outcome:
        """
        The outcome of the run.
        """
        return self.run.outcome

    async def read(
        self,
        take: float = math.inf,
        *,
        every: float = 0.0,
        linger: float = 0.0,
        patience: float = PATIENCE,
        then: Exception | None = None,
    ) -> None:
        """
        Read the stream, and leave it.

        Args:
            take: Items after which to leave.
            every: Seconds that the consumer takes for an item.
            linger: Seconds that the consumer waits without reading before it leaves.
            patience: Seconds after which to give up.
            then: What the consumer raises when it leaves.
        """
        before = running_tasks()
        try:
            with move_on_after(patience) as waiting:
                try:
                    await self._read(take, every, linger, then)
                except Exception as error:
                    self.error = error
            self.hung = waiting.cancelled_caught
        finally:
            self.tasks = sorted(running_tasks() - before)
            self.closing = max(0.0, current_time() - self._left_at) if self._left_at >= 0 else 0.0
            self.pulled_late = self._pulled() - self._pulled_by_then if self._left_at >= 0 else 0

    async def _read(self, take: float, every: float, linger: float, then: Exception | None) -> None:
        async with self.run as run:
            try:
                if take:
                    async for item in run:
                        self.pulls.append(self._pulled())
                        self.outputs.append(item)
                        if len(self.outputs) >= take:
                            break
                        await sleep(every)
                    else:
                        self.ended = True
                if linger:
                    await sleep(linger)
                elif self.ended:
                    await lowlevel.checkpoint()
                if then is not None:
                    raise then
            finally:
                self._left_at = current_time()
                self._pulled_by_then = self._pulled()
