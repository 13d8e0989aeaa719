"""
Processes of their own that write runs, for tests that stop and kill them.

Each says on stdout, line by line, what it has done.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from subprocess import PIPE
from threading import Thread
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.streams.text import TextReceiveStream

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub._patience import patiently
from streamkit.hub._stores.contract import Batch, Limits
from streamkit.hub._stores.sqlite import clock
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
CONTENDER_LEASE: Final = 0.15
CONTENDER_LIMITS: Final = Limits(86_400.0, 2**30)
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


async def fork(url: str) -> None:
    """
    Fork a run, and say nothing more in the new one.
    """

    async def silent() -> AsyncIterator[str]:
        yield "c"
        await anyio.sleep_forever()

    async with hubs.connect(url, lease=LEASE) as hub:
        await hub.publish("old", sk.from_iterable("ab"))
        await hub.fork("old", "run", stream=sk.from_iterable(silent))


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
    fork_for_each_line(
        lambda _: anyio.run(
            work, url, anthropic.AsyncAnthropic(api_key="fake", base_url=api), backend=backend
        )
    )


def contenders(backend: str) -> None:
    """
    Begin a writer for each line on stdin, which has a URL and a seed, in a process of its own.
    """

    def begin(line: str) -> None:
        url, seed = line.split()
        anyio.run(contend, url, seed, backend=backend)

    fork_for_each_line(begin)


def fork_for_each_line(do: Callable[[str], None]) -> None:
    """
    Have a process of its own do something for each line on stdin.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    alive, keeps_alive = os.pipe()  # its end is that of this process
    while line := sys.stdin.readline():
        if os.fork() == 0:
            os.close(keeps_alive)
            Thread(target=lambda: os._exit(bool(os.read(alive, 1))), daemon=True).start()
            try:
                do(line)
            finally:
                say("died", os.getpid())


async def contend(url: str, seed: str) -> None:
    """
    Write the run whenever it can be had, and say all that is asked and answered, with the moment, while the clock of this process
    jumps.
    """
    chance = random.Random(seed)
    ahead = 0.0
    clock.time = lambda: time() + ahead  # type: ignore[attr-defined]
    say("ready", os.getpid())
    while True:
        with suppress(sk.StreamError):
            async with store_maker(url)() as store:
                asked = monotonic()
                grant = await store.open("run", lease=CONTENDER_LEASE, limits=CONTENDER_LIMITS, takeover=True)
                say("opened", grant.epoch, grant.last, asked, monotonic())
                first = grant.last + 1
                while chance.random() > 0.02:
                    words = words_of(grant.epoch, first, chance.randint(1, 5))
                    say("asks", grant.epoch, first, len(words), monotonic())
                    await patiently(
                        partial(store.append, "run", grant, Batch(first, grant.epoch, 0.0, words))
                    )
                    say("is-answered", grant.epoch, first, monotonic())
                    first += len(words)
                    if chance.random() < 0.05:
                        ahead = chance.uniform(-3600.0, 3600.0)
                    await anyio.sleep(chance.uniform(0, 0.01))
        await anyio.sleep(chance.uniform(0, CONTENDER_LEASE))


def words_of(epoch: int, first: int, count: int) -> list[bytes]:
    """
    What a contender appends.
    """
    return [b"%d of %d" % (number, epoch) for number in range(first, first + count)]


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
    function.__name__: function for function in (append, publish, fork, fill)
}


FORKING: Final[dict[str, Callable[..., None]]] = {
    function.__name__: function for function in (workers, contenders)
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

    async def ask(self, line: str = "") -> None:
        """
        Send it a line.
        """
        assert self.process.stdin is not None
        await self.process.stdin.send(f"{line}\n".encode())

    async def ask_no_more(self) -> None:
        """
        Send it nothing more.
        """
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    def signal(self, number: signal.Signals) -> None:
        """
        Stop it, let it go on, or kill it.
        """
        self.process.send_signal(number)


@asynccontextmanager
async def running(name: str, *arguments: str) -> AsyncGenerator[Running]:
    """
    A program in a process of its own, which is killed at the end.
    """
    backend = "trio" if "trio" in sys.modules and _on_trio() else "asyncio"
    command = [sys.executable, "-c", PROGRAM, name, backend, *arguments]
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
    if program in FORKING:
        FORKING[program](backend, *rest)
    else:
        anyio.run(PROGRAMS[program], *rest, backend=backend)
