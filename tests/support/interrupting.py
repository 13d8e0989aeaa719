"""
A cancellation that comes when there is something to cancel, on the slowest machine too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["cancelled_once_it_waits"]


async def cancelled_once_it_waits(work: Callable[[], Awaitable[object]]) -> None:
    """
    Begin something, and cancel it when neither it nor anything else has more to do.
    """

    async def until_then() -> None:
        await work()
        raise AssertionError("it has ended without being cancelled")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_then)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
