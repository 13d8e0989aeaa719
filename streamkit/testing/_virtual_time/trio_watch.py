"""
Virtual time for trio: an instrument that finds deadlocks, in which trio's own clock would spin for ever.
"""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING, NoReturn

from streamkit.testing._virtual_time.deadlock import DeadlockError

if TYPE_CHECKING:
    import trio

__all__ = ["DeadlockWatch"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace


class DeadlockWatch:
    """
    An instrument for `trio.run` that raises `DeadlockError` in the main task when nothing can happen.
    """

    def __init__(self) -> None:
        self._idle_rounds = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._idle_rounds = 0

    def before_io_wait(self, timeout: float) -> None:
        import trio

        statistics = trio.lowlevel.current_statistics()
        if statistics.tasks_runnable or statistics.run_sync_soon_queue_size:
            return
        if not isinf(statistics.seconds_to_next_deadline):
            return
        # One such round is not yet a deadlock: it wakes a task that waits for all tasks to be blocked, and a host loop
        # that runs between two calls causes one.
        self._idle_rounds += 1
        if self._idle_rounds == 2:
            interrupt(main_task(), DeadlockError())


def main_task() -> trio.lowlevel.Task:
    """
    The task that runs the function given to `trio.run`.
    """
    import trio

    root = trio.lowlevel.current_root_task()
    assert root is not None
    [task] = root.child_nurseries[-1].child_tasks
    return task


def interrupt(task: trio.lowlevel.Task, error: Exception) -> None:
    """
    Raise an error where a task is blocked, as trio does for KeyboardInterrupt; it has no public way to do so.
    """

    def raise_error() -> NoReturn:
        raise error

    task._attempt_abort(raise_error)  # pyright: ignore[reportPrivateUsage]
