"""
One contender under load: `python -m benchmarks.load.worker PLAN`, in a process of its own, prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic, process_time
from typing import TYPE_CHECKING

import msgspec

from .readers import Client, Seen, Timed, raw, reader, rust, sdk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

__all__ = ["RAW", "Figures", "Plan"]

RAW = "raw socket"
OPENED_WITHIN = 1.0
"""Seconds in which all streams are begun."""
PATIENCE = 240.0
"""Seconds, beyond those that the events take, after which a contender is given up."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one contender is to do.

    Attributes:
        reader: How it reads: of `READERS` or the frameworks, or `RAW`.
        client: The HTTP client, which a raw socket has not.
        loop: `"asyncio"` or `"uvloop"`.
        streams: How many at once.
        events: Of each stream.
        rate: Events a second of each; None for all of them at once.
        pings: Whether the events are pings.
        collect_after: New objects after which Python's collector looks for garbage; None for its own default.
    """

    reader: str
    client: Client | None = None
    loop: str = "asyncio"
    streams: int
    events: int
    rate: float | None = None
    pings: bool = False
    collect_after: int | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """
    What it took.

    Attributes:
        event: Microseconds of processor time for each event.
        request: Microseconds of processor time for each request, opened and ended.
        memory: Kilobytes for each stream, when its events have come.
        median: Milliseconds from the server's writing to the reader, of half of the events.
        p99: The same, of all but one of a hundred.
        seconds: What the events took by the wall.
        processor: Seconds of processor time of all events.
    """

    event: float
    request: float
    memory: float
    median: float
    p99: float
    seconds: float
    processor: float


class Server:
    """
    The server's process, which is told what to do next.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncGenerator[tuple[Server, str], None]:
        """
        A server, and its address.
        """
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "benchmarks.load.server")
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        server = cls(process)
        try:
            yield server, f"http://127.0.0.1:{await server._answer()}"
        finally:
            process.kill()
            await process.wait()

    async def do(self, *words: object) -> None:
        """
        Returns when it is done.
        """
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        await self._answer()

    async def _answer(self) -> str:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the server has ended"
        return line.decode().strip()


async def measure(plan: Plan) -> Figures:
    """
    Open the streams, let the events come, and end them.
    """
    async with Server.started() as (server, url), _reader(plan, url) as read:
        await read(Seen(1))  # what is loaded and connected once is nobody's share
        gc.collect()
        memory, start = _resident(), process_time()
        timed = Timed(plan.streams, plan.events) if plan.rate and not plan.pings else None
        seen = timed or Seen(plan.streams)
        async with asyncio.TaskGroup() as tasks:
            readers = [
                tasks.create_task(_later(number * OPENED_WITHIN / plan.streams, read, seen))
                for number in range(plan.streams)
            ]
            await seen.opened.wait()
            opened, begun = process_time(), monotonic()
            if plan.rate is None:
                await server.do("pour", plan.events)
                await asyncio.wait(readers)
            else:
                await server.do("ping" if plan.pings else "pace", plan.events, plan.rate)
                if timed:
                    await timed.all.wait()
            read_all, seconds = process_time(), monotonic() - begun
            memory = _resident() - memory
            if plan.rate:
                fallen = sum(each.done() for each in readers)
                assert not fallen, f"{fallen} streams have ended early"
                await server.do("end")
        ended = process_time()
    taken = sorted(timed.delays) if timed else [0]
    return Figures(
        event=(read_all - opened) * 1e6 / (plan.streams * plan.events),
        request=(opened - start + ended - read_all) * 1e6 / plan.streams,
        memory=memory / 1024 / plan.streams,
        median=taken[len(taken) // 2] / 1e6,
        p99=taken[len(taken) * 99 // 100] / 1e6,
        seconds=seconds,
        processor=read_all - opened,
    )


@asynccontextmanager
async def _reader(plan: Plan, url: str) -> AsyncGenerator[Callable[[Seen], Awaitable[None]], None]:
    if plan.client is None:
        yield partial(raw, url)
    elif plan.client == "pyreqwest":
        async with rust(url, plan.streams) as read:
            yield read
    else:
        async with sdk(url, plan.client, plan.streams) as client:
            yield reader(plan.reader, client)


async def _later(seconds: float, read: Callable[[Seen], Awaitable[None]], seen: Seen) -> None:
    await asyncio.sleep(seconds)
    await read(seen)


def _resident() -> int:
    """
    The bytes of this process that are in memory.
    """
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _in_time(plan: Plan) -> Figures:
    async with asyncio.timeout(PATIENCE + (plan.events / plan.rate if plan.rate else 0)):
        return await measure(plan)


def main() -> None:
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    if plan.collect_after is not None:
        gc.set_threshold(plan.collect_after, 20, 50)
    factory = asyncio.new_event_loop
    if plan.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        print(msgspec.json.encode(runner.run(_in_time(plan))).decode())


if __name__ == "__main__":
    main()
