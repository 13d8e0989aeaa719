"""
Fairness: how often a run gives way, and how one task waits for the others to have run.

A run over items that are always ready would never give way by itself, and then no timeout around it could fire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHECKPOINT_EVERY", "let_others_run", "let_others_run_until"]

CHECKPOINT_EVERY = 64
"""Items that a run may hand on without giving way to other tasks. A checkpoint costs about 3 µs."""

_CHECKPOINTS = 4
"""
Checkpoints within which a task that is ready has run. On asyncio it is one. Trio runs ready tasks in random order, so the task
that waits may be drawn first, and trio's own checkpoint is another.
"""


async def let_others_run() -> None:
    """
    Give way until every task that is ready has run.
    """
    for _ in range(_CHECKPOINTS):
        await lowlevel.checkpoint()


async def let_others_run_until(done: Callable[[], bool]) -> None:
    """
    Give way until `done()`, or until every task that is ready has run.
    """
    for _ in range(_CHECKPOINTS):
        if done():
            return
        await lowlevel.checkpoint()
