"""
A place where one task waits until another one wakes it.
"""

from __future__ import annotations

from anyio import Event, lowlevel

__all__ = ["Wakeup"]


class Wakeup:
    """
    One task waits here, and any other may wake it.

    Unlike a condition it has no lock, and an event is made only when somebody waits: waking nobody costs almost nothing.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: Event | None = None

    async def wait(self) -> None:
        """
        Wait for the next `wake`. The caller looks up what it waits for before, and again after.
        """
        self._event = Event()
        await self._event.wait()
        # asyncio does not cancel a task that is about to be woken, and behind a source that is always ready this task
        # always is.
        await lowlevel.checkpoint_if_cancelled()

    def wake(self) -> None:
        """
        Wake whoever waits now.
        """
        if self._event is not None:
            self._event.set()
            self._event = None
