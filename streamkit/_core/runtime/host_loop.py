"""
The event loop itself, for the little that anyio does not have: a call from a signal handler, a task that belongs to no task
group, and whose a cancellation is. Nothing else in the core knows asyncio and trio.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from anyio import get_cancelled_exc_class

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["HostLoop", "begin_beside", "is_cancelled_natively"]


class HostLoop:
    """
    The event loop that runs the current task.
    """

    def __init__(self) -> None:
        self._is_here, self._soon = _asyncio() if _on_asyncio() else _trio()

    def call(self, function: Callable[[], None]) -> None:
        """
        Call `function` now if a task of this loop is running, and otherwise as soon as the loop can, which is woken for it. When
        the loop has ended, nothing is called any more.
        """
        if self._is_here():
            function()
        else:
            self._soon(function)


def _on_asyncio() -> bool:
    return get_cancelled_exc_class() is asyncio.CancelledError


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


def begin_beside(serve: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]) -> object:
    """
    Begin a task that belongs to the event loop alone, and knows what the caller's context variables are.

    Args:
        serve: What it does.
        ended: Called where the task ends before it has begun, because the program does.
    """
    if _on_asyncio():
        task = asyncio.get_running_loop().create_task(serve())
        task.add_done_callback(lambda _: ended())
        return task
    import trio

    return trio.lowlevel.spawn_system_task(serve, context=copy_context())


def is_cancelled_natively() -> bool:
    """
    Whether somebody has cancelled the current task itself, and not only something that it awaits. On trio it is always so.
    """
    task = asyncio.current_task() if _on_asyncio() else None
    return task is None or task.cancelling() > 0
