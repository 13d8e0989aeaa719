"""
The tasks that are running, for tests that look for leaked ones.
"""

from __future__ import annotations

from collections import Counter

from anyio import get_running_tasks

__all__ = ["running_tasks"]


def running_tasks() -> Counter[str]:
    """
    How many tasks are running, by the functions that they run. The difference of two results is what was left behind.

    Functions say more than the names of tasks, and unlike the identity of a task they cannot be reused by another one.
    """
    return Counter(getattr(task.coro, "__qualname__", task.name or "?") for task in get_running_tasks())
