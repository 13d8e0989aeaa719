"""
Processes of their own that write runs, for tests that stop and kill them: `python -m tests.hub.programs NAME BACKEND URL …`.

Each says on stdout, line by line, what it has done.
"""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import asynccontextmanager
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Final

import anyio
from anyio.streams.text import TextReceiveStream

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub._stores.contract import Batch, Limits
from streamkit.hub._stores.urls import store_maker
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
    from typing import Any

    from anyio.abc import Process

LEASE: Final = 1.0
LIMITS: Final = Limits(60.0, 100_000_000)


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 -- its output is read


async def append(url: str) -> None:
    """
    Append records for ever, and say the number of each when it is acknowledged.
    """
    async with store_maker(url)() as store:
        grant = await store.open("run", lease=LEASE, limits=LIMITS)
        for number in range(1, 1_000_000):
            await store.append("run", grant, Batch(number, grant.epoch, 0.0, [b"s%d" % number]))
            say(number)


async def publish(url: str) -> None:
    """
    Publish numbers until something ends that, and say what.
    """

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(1_000_000):
                yield number
                await anyio.sleep(0.001)
        finally:
            say("closed")

    async with hubs.connect(url, lease=LEASE) as hub:
        say("begins")
        try:
            await hub.publish("run", sk.from_iterable(numbers))
        except sk.StreamError as error:
            say(type(error).__name__, error.type, error)


async def fill(url: str) -> None:
    """
    The same, while no file may grow beyond a megabyte.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    large = "a" * 10_000

    async def pieces() -> AsyncIterator[str]:
        try:
            while True:
                yield large
                await anyio.sleep(0)  # noqa: ASYNC115
        finally:
            say("closed")

    async with hubs.connect(url, lease=LEASE) as hub:
        try:
            await hub.publish("run", sk.from_iterable(pieces))
        except sk.StreamError as error:
            say(type(error).__name__, error.type, error)


PROGRAMS: Final[dict[str, Callable[..., Coroutine[Any, Any, None]]]] = {
    function.__name__: function for function in (append, publish, fill)
}


class Running:
    """
    A program that runs.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self.process = process
        self._output = TextReceiveStream(process.stdout)
        self._rest = ""

    async def line(self) -> str:
        """
        The next line that it says; empty at the end.
        """
        with anyio.fail_after(PATIENCE):
            while "\n" not in self._rest:
                try:
                    self._rest += await self._output.receive()
                except anyio.EndOfStream:
                    return ""
        line, _, self._rest = self._rest.partition("\n")
        return line

    async def lines(self) -> list[str]:
        """
        All that it says until its end.
        """
        lines: list[str] = []
        while line := await self.line():
            lines.append(line)
        return lines

    def signal(self, number: signal.Signals) -> None:
        """
        Stop it, let it go on, or kill it.
        """
        self.process.send_signal(number)


@asynccontextmanager
async def running(name: str, url: str, *arguments: str) -> AsyncGenerator[Running]:
    """
    A program in a process of its own, which is killed at the end.
    """
    backend = "trio" if "trio" in sys.modules and _on_trio() else "asyncio"
    command = [sys.executable, "-m", "tests.hub.programs", name, backend, url, *arguments]
    process = await anyio.open_process(command, stdin=DEVNULL, stdout=PIPE, stderr=None)
    try:
        yield Running(process)
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.aclose()


def _on_trio() -> bool:
    return anyio.get_cancelled_exc_class().__module__.startswith("trio")


if __name__ == "__main__":
    program, backend, *rest = sys.argv[1:]
    anyio.run(PROGRAMS[program], *rest, backend=backend)
