"""
Turn: where one task waits for another.
"""

from __future__ import annotations

from anyio import Event, lowlevel

__all__ = ["Turn"]


class Turn:
    """
    Costs an event only if there is somebody to wake.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: Event | None = None

    async def wait(self) -> None:
        """
        Wait for the next `wake`; what is waited for is looked up before, and again after.
        """
        self._event = Event()
        await self._event.wait()
        # A task that is about to be woken is not cancelled on asyncio, and behind a source that is always ready it
        # always is.
        await lowlevel.checkpoint_if_cancelled()

    def wake(self) -> None:
        """
        There is something new.
        """
        if self._event is not None:
            self._event.set()
            self._event = None
