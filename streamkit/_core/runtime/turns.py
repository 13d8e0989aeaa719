"""
Turns: giving tasks that are ready a chance to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["let_others_run"]

_TURNS = 4
"""Checkpoints within which a task that is ready has run: trio draws lots among those that are, and it has its own."""


async def let_others_run(done: Callable[[], bool]) -> None:
    """
    Give way until every task that is ready has had its turn, or `done()` before that.
    """
    for _ in range(_TURNS):
        if done():
            return
        await lowlevel.checkpoint()
