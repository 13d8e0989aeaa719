"""
The event loop that a run belongs to, for what happens outside its tasks: in other threads, and in signal handlers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from anyio import get_cancelled_exc_class

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HostLoop"]


class HostLoop:
    """
    The event loop that runs the current task.
    """

    def __init__(self) -> None:
        self._is_here, self._soon = (
            _asyncio() if get_cancelled_exc_class() is asyncio.CancelledError else _trio()
        )

    def call(self, function: Callable[[], None]) -> None:
        """
        Call `function` now if a task of this loop is running, and otherwise as soon as the loop can, which is woken for it. When
        the loop has ended, nothing is called any more.
        """
        if self._is_here():
            function()
        else:
            self._soon(function)


def _asyncio() -> tuple[Callable[[], bool], Callable[[Callable[[], None]], None]]:
    loop = asyncio.get_running_loop()

    def is_here() -> bool:
        try:
            return asyncio.get_running_loop() is loop and asyncio.current_task() is not None
        except RuntimeError:
            return False

    def soon(function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(function)

    return is_here, soon


def _trio() -> tuple[Callable[[], bool], Callable[[Callable[[], None]], None]]:
    import trio

    token = trio.lowlevel.current_trio_token()

    def is_here() -> bool:
        try:
            trio.lowlevel.current_task()
            return trio.lowlevel.current_trio_token() is token
        except RuntimeError:
            return False

    def soon(function: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(function)

    return is_here, soon
