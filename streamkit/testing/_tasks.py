"""
What runs at a moment.
"""

from __future__ import annotations

from collections import Counter

from anyio import get_running_tasks

__all__ = ["running_tasks"]


def running_tasks() -> Counter[str]:
    """
    How many tasks there are, by the functions that they run; what is left is the difference of two of these.

    Functions tell more than the tasks' names, and they have no identity that another task could take over.
    """
    return Counter(getattr(task.coro, "__qualname__", task.name or "?") for task in get_running_tasks())
