"""
Processes of their own that write runs, for tests that stop and kill them.

Each says on stdout, line by line, what it has done.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.streams.text import TextReceiveStream

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub._stores.contract import Batch, Limits
from streamkit.hub._stores.urls import store_maker
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine

    import anthropic
    from anyio.abc import Process

LEASE: Final = 1.0
WORKER_LEASE: Final = 2.0
ASK: Final[dict[str, Any]] = {
    "model": "claude-sonnet-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Tell me of rivers."}],
}
LIMITS: Final = Limits(60.0, 100_000_000)
# What is installed comes first, since a package that lies in the working directory is not what is tested.
PROGRAM: Final = f"""
import runpy, sys

sys.path.append({str(Path(__file__).parents[2])!r})
runpy.run_module("{__name__}", run_name="__main__")
"""


def say(*words: object) -> None:
    # In one write, because several processes have the same pipe.
    os.write(sys.stdout.fileno(), f"{' '.join(map(str, words))}\n".encode())


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


def workers(backend: str, url: str, api: str) -> None:
    """
    Begin a worker for each line on stdin, in a process of its own. Processes are forked from one that has imported everything,
    because that takes longer than anything else here, and than a lease.
    """
    import anthropic

    async def warm_up() -> None:
        async with anthropic.AsyncAnthropic(api_key="fake", base_url=api) as client:
            await sk.messages(client, **ASK).run()

    anyio.run(warm_up, backend=backend)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    alive, keeps_alive = os.pipe()  # its end is that of this process
    while sys.stdin.readline():
        if os.fork() == 0:
            os.close(keeps_alive)
            Thread(target=lambda: os._exit(bool(os.read(alive, 1))), daemon=True).start()
            anyio.run(work, url, anthropic.AsyncAnthropic(api_key="fake", base_url=api), backend=backend)


async def work(url: str, client: anthropic.AsyncAnthropic) -> None:
    """
    Run what is submitted, and say which runs this process has begun.
    """
    async with hubs.connect(url, lease=WORKER_LEASE) as hub:

        @hub.recipe("events")
        def answer(payload: Any, so_far: Any) -> sk.Stream[Any]:
            say("begun", os.getpid(), payload["run"])
            return sk.messages(client, **payload["ask"], so_far=so_far)

        @hub.recipe("text")
        def told(payload: Any, so_far: Any) -> sk.Stream[Any]:
            return answer(payload, so_far) | sk.text()

        @hub.recipe("loop")
        def loop(payload: Any, so_far: Any) -> sk.Stream[Any]:
            say("begun", os.getpid(), payload["run"])

            async def note(what: int) -> str:
                """
                Note it where it outlives this process.
                """
                async with await anyio.open_file(payload["notes"], "a") as notes:
                    await notes.write(f"{payload['run']} {what}\n")
                await anyio.sleep(0.25)
                return f"noted {what}"

            return sk.tool_loop(client, tools=[sk.tool(note, effect=payload["effect"])], **payload["ask"])

        @hub.recipe("text of a loop")
        def text_of_loop(payload: Any, so_far: Any) -> sk.Stream[Any]:
            return loop(payload, so_far) | sk.text()

        say("ready", os.getpid())
        await hub.work(lease=WORKER_LEASE)


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

    async def ask(self) -> None:
        """
        Send it a line.
        """
        assert self.process.stdin is not None
        await self.process.stdin.send(b"\n")

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
    command = [sys.executable, "-c", PROGRAM, name, backend, url, *arguments]
    process = await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None)
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
    if program == "workers":
        workers(backend, *rest)
    else:
        anyio.run(PROGRAMS[program], *rest, backend=backend)
