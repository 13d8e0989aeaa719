"""
`run_virtual` and `virtual_backend`: virtual time on both backends, where an hour of sleeping takes milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import anyio

from streamkit.testing._virtual_time.deadlock import DeadlockError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Args = TypeVarTuple("Args")
    R = TypeVar("R")

__all__ = ["DeadlockError", "run_virtual", "virtual_backend"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace


def virtual_backend(name: str = "asyncio") -> tuple[str, dict[str, Any]]:
    """
    A value for anyio's fixture `anyio_backend` that runs one test in virtual time.

    Time begins at 0.0 and jumps to the next deadline or sleeper whenever every task waits; `anyio.sleep`,
    `anyio.current_time` and the deadlines of cancel scopes follow it. It never waits for sockets, threads or
    processes. On asyncio, `anyio.wait_all_tasks_blocked` sleeps, so it lets time pass.

    Each value holds a clock of its own: make a new one for every test, or use the marker `virtual_time` of
    streamkit's pytest plugin, which does.

    Args:
        name: `"asyncio"` or `"trio"`.

    Raises:
        ValueError: The backend is neither of these.
    """
    match name:
        case "asyncio":
            from streamkit.testing._virtual_time.asyncio_loop import VirtualEventLoop

            return name, {"loop_factory": VirtualEventLoop}
        case "trio":
            from trio.testing import MockClock

            from streamkit.testing._virtual_time.trio_watch import DeadlockWatch

            return name, {"clock": MockClock(autojump_threshold=0), "instruments": [DeadlockWatch()]}
        case _:
            raise ValueError(f"virtual_backend({name!r}): the backends are 'asyncio' and 'trio'")


def run_virtual(function: Callable[[*Args], Awaitable[R]], *args: *Args, backend: str = "asyncio") -> R:
    """
    Run an async function to its end in virtual time, as `anyio.run` does in real time.

    Args:
        function: What to run.
        args: Its arguments.
        backend: `"asyncio"` or `"trio"`.

    Returns:
        What the function returns.

    Raises:
        DeadlockError: Every task waited, and nothing was left that could happen.
        ValueError: The backend is neither of these.
    """
    name, options = virtual_backend(backend)
    return anyio.run(function, *args, backend=name, backend_options=options)
