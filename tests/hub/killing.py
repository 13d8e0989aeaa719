"""
Workers in processes of their own, which a test kills.
"""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from anyio import current_time

from tests.hub.programs import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.hub.programs import Running

__all__ = ["Workers", "send", "two_workers"]


class Workers:
    """
    Two workers, and another one for each that is killed.

    Attributes:
        killed: How many were.
        takeovers: For each that was killed while it wrote a run, the seconds until another one had begun that.
    """

    def __init__(self, program: Running) -> None:
        self.killed = 0
        self.takeovers: list[float] = []
        self._program = program
        self._alive: set[int] = set()

    async def begin(self) -> None:
        """
        Begin one more.
        """
        await self._program.ask()

    async def that_has_begun(self, run: str) -> int:
        """
        Wait until a worker has begun a run, and give its process.
        """
        while True:
            what, process, *which = (await self._program.line()).split()
            if what == "ready":
                self._alive.add(int(process))
            elif what == "died":  # by itself
                self._alive.discard(int(process))
            elif which == [run] and int(process) in self._alive:
                return int(process)

    def kill(self, process: int) -> None:
        """
        Kill one.
        """
        self.killed += process in self._alive
        self._alive.discard(process)
        send(process, signal.SIGKILL)

    def kill_all(self) -> None:
        """
        Kill those that are left.
        """
        for process in [*self._alive]:
            self.kill(process)

    async def replaced(self, process: int, run: str) -> int:
        """
        Kill one that writes a run, begin another, and wait until one of them has taken the run over; gives its process.
        """
        self.kill(process)
        died = current_time()
        await self.begin()
        successor = await self.that_has_begun(run)
        self.takeovers.append(current_time() - died)
        return successor


def send(process: int, number: signal.Signals) -> None:
    """
    Stop a process, let it go on, or kill it. One that has ended has nothing of that.
    """
    with suppress(ProcessLookupError):
        os.kill(process, number)


@asynccontextmanager
async def two_workers(url: str, api: str) -> AsyncGenerator[Workers]:
    """
    Two workers.

    Args:
        url: The hub's.
        api: Claude's.
    """
    async with running("workers", url, api) as program:
        workers = Workers(program)
        try:
            for _ in range(2):
                await workers.begin()
            yield workers
        finally:
            workers.kill_all()
