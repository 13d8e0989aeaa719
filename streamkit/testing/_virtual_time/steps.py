"""
Virtual time in which a function can be called between any two steps of any tasks, such as one that cancels them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

import anyio

from streamkit.testing._virtual_time.asyncio_loop import VirtualEventLoop
from streamkit.testing._virtual_time.backend import virtual_backend

if TYPE_CHECKING:
    from asyncio import Handle
    from collections.abc import Awaitable, Callable
    from contextvars import Context

    from trio.lowlevel import Task

    Args = TypeVarTuple("Args")

__all__ = ["Steps", "run_stepwise"]

R = TypeVar("R")


class Steps:
    """
    Counts the steps of all tasks, and calls a function before one of them. It is also an instrument for `trio.run`.
    """

    def __init__(self) -> None:
        self._left = 0
        self._call: Callable[[], object] | None = None

    def before(self, step: int, call: Callable[[], object]) -> None:
        """
        Call a function before a step of a task: 1 is the next step.
        """
        self._left = step
        self._call = call

    def forget(self) -> None:
        """
        Do not call the function any more.
        """
        self._call = None

    def next(self) -> None:
        """
        Note that a step begins.
        """
        if self._call is None:
            return
        self._left -= 1
        if not self._left:
            call, self._call = self._call, None
            call()

    def before_task_step(self, task: Task) -> None:
        self.next()


class _SteppingEventLoop(VirtualEventLoop):
    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        super().__init__()

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> Handle:
        def step() -> None:
            self._steps.next()
            callback(*args)

        return super().call_soon(step, context=context)


def run_stepwise(function: Callable[[Steps], Awaitable[R]], backend: str) -> R:
    """
    Run an async function in virtual time as `run_virtual` does, with `Steps` as its argument.
    """
    steps = Steps()
    name, options = virtual_backend(backend)
    if name == "asyncio":
        options["loop_factory"] = partial(_SteppingEventLoop, steps)
    else:
        options["instruments"].append(steps)
    return anyio.run(function, steps, backend=name, backend_options=options)
