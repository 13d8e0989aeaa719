"""
Processes that contend for one run while they are killed, stopped and cut off, and their clocks jump. What they and the readers
have seen is judged by the contract.
"""

from __future__ import annotations

import random
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import anyio
import pytest

from streamkit.hub._stores.urls import store_maker
from tests.hub.history import Appending, Opening, faults_of
from tests.hub.killing import send
from tests.hub.programs import CONTENDER_LEASE, CONTENDER_LIMITS, running, words_of
from tests.hub.test_history import SECONDS, World, everything_breaks
from tests.support.cut_connections import proxy_to
from tests.support.patience import PATIENCE
from tests.support.redis_servers import SURVIVES_KILLS, fresh_redis

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from streamkit.hub._stores.contract import Store
    from tests.hub.programs import Running

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals"),
]

CONTENDERS = 3
READERS = 2


class ContendedWorld(World):
    """
    Writers in processes of their own.

    Args:
        program: What begins them.
        urls: The store's, one of which each of them takes.
        chance: What decides.
    """

    def __init__(self, program: Running, urls: Sequence[str], chance: random.Random) -> None:
        super().__init__(self._any_store, chance)
        self.killed = self.paused = 0
        self._program = program
        self._urls = urls
        self._fate = chance
        self._alive: set[int] = set()
        self._asked: dict[tuple[int, int], Appending] = {}

    def _any_store(self) -> AbstractAsyncContextManager[Store]:
        return store_maker(self._fate.choice(self._urls))()

    async def begin(self) -> None:
        async with self._any_store() as store:
            asked = monotonic()
            grant = await store.open("run", lease=CONTENDER_LEASE, limits=CONTENDER_LIMITS)
            self.history.openings.append(Opening(grant.epoch, grant.last, asked, monotonic()))
        for _ in range(CONTENDERS):
            await self._begin_one()

    async def _begin_one(self) -> None:
        await self._program.ask(f"{self._fate.choice(self._urls)} {self._fate.random()}")

    async def listen(self) -> None:
        """
        Write down what the processes say, until none of them can say anything.
        """
        while line := await self._program.line():
            match line.split():
                case ["ready", process]:
                    self._alive.add(int(process))
                case ["died", process]:
                    self._alive.discard(int(process))
                case ["opened", epoch, last, asked, answered]:
                    self.history.openings.append(
                        Opening(int(epoch), int(last), float(asked), float(answered))
                    )
                case ["asks", epoch, first, count, asked]:
                    at = int(epoch), int(first)
                    words = words_of(*at, int(count))
                    self._asked[at] = Appending(*at, words, float(asked))
                    self.history.appendings.append(self._asked[at])
                case ["is-answered", epoch, first, answered]:
                    self._asked[int(epoch), int(first)].answered = float(answered)
                case _:
                    raise AssertionError(line)

    async def harm(self) -> None:
        """
        Kill processes, and stop them for a while, as long as everything breaks. In the end, kill all.
        """
        while self.breaks or not self.killed:  # in a short time a slow machine may begin none of them
            await anyio.sleep(self._fate.uniform(0, 4 * CONTENDER_LEASE))
            if not self._alive:
                continue
            process = self._fate.choice([*self._alive])
            if self._fate.random() < 0.5:
                self.killed += 1
                self._alive.discard(process)
                send(process, signal.SIGKILL)
                await self._begin_one()
            else:
                self.paused += 1
                send(process, signal.SIGSTOP)
                await anyio.sleep(self._fate.uniform(0, 3 * CONTENDER_LEASE))
                send(process, signal.SIGCONT)
        await self._program.ask_no_more()
        for process in self._alive:
            send(process, signal.SIGKILL)


@asynccontextmanager
async def nothing_else() -> AsyncGenerator[None]:
    yield


@pytest.mark.turns(3)
@pytest.mark.parametrize("store", ["sqlite", "redis"])
async def test_processes_that_contend_keep_the_contract(store: str, tmp_path: Path) -> None:
    chance = random.Random(store)
    async with AsyncExitStack() as stack:
        urls, harm = [f"sqlite:///{tmp_path / 'runs.db'}"], nothing_else
        if store == "redis":
            server = stack.enter_context(fresh_redis(**SURVIVES_KILLS))
            proxies = [await stack.enter_async_context(proxy_to(server.port)) for _ in range(3)]
            urls = [f"{proxy.url}?timeout=1" for proxy in proxies]
            harm = partial(everything_breaks, server, proxies, chance)
        program = await stack.enter_async_context(running("contenders"))
        with anyio.fail_after(SECONDS + PATIENCE):
            world = ContendedWorld(program, urls, chance)
            await world.begin()
            async with anyio.create_task_group() as tasks:
                for _ in range(READERS):
                    tasks.start_soon(world.read)
                async with harm(), anyio.create_task_group() as contention:
                    contention.start_soon(world.listen)
                    await world.harm()
                await world.finish()
            await world.read()
    history = world.history
    faults = faults_of(history)
    assert not faults, "\n".join(faults)
    assert world.killed
    assert len(history.openings) > 1
    print(  # noqa: T201 -- for whoever runs it for hours
        f"{store}: {len(history.openings)} writers, {history.acknowledged} of {len(history.appendings)} appends acknowledged, "
        f"{world.killed} killed, {world.paused} stopped"
    )
