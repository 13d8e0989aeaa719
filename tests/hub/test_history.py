"""
Random writers and readers of one run while everything breaks. What they have seen is judged by the contract.
"""

from __future__ import annotations

import random
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import current_time, to_thread

from streamkit import StreamError
from streamkit.hub._patience import patiently
from streamkit.hub._stores.contract import Batch, Limits
from streamkit.hub._stores.urls import store_maker
from tests.hub.history import Appending, History, Opening, Reading, faults_of
from tests.support.cut_connections import proxy_to
from tests.support.hanging import LONG
from tests.support.patience import PATIENCE
from tests.support.profiles import examples
from tests.support.redis_servers import SURVIVES_KILLS, fresh_redis

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from streamkit.hub._stores.contract import Grant, Store, Watch
    from tests.support.cut_connections import Proxy
    from tests.support.redis_servers import RedisServer

LEASE = 0.15
LIMITS = Limits(3600.0, 2**30)
WRITERS = READERS = 3
APPENDS = 30
SECONDS = LONG or examples(pr=1.0, full=100.0)
"""
How long everything breaks, and until how many appends have been acknowledged. With --full it is ten minutes on Redis, for three
seeds and two backends. Whoever wants hours of it says so in the environment, with
STREAMKIT_HISTORY_SECONDS.
"""
SEEDS = examples(pr=(1,), full=(1, 2, 3))


class World:
    """
    Several writers and readers, each with a store of its own, as processes have.

    Args:
        open_store: Opens a store for one of them.
        chance: What decides.
    """

    def __init__(
        self, open_store: Callable[[], AbstractAsyncContextManager[Store]], chance: random.Random
    ) -> None:
        self.history = History()
        self._open_store = open_store
        self._chance = chance
        self._until = current_time() + SECONDS

    @property
    def breaks(self) -> bool:
        """
        Whether everything still breaks.
        """
        return current_time() < self._until or self.history.acknowledged < APPENDS

    async def begin(self) -> None:
        """
        Begin the run, for writers to take it over.
        """
        async with self._open_store() as store:
            asked = current_time()
            grant = await store.open("run", lease=LEASE, limits=LIMITS)
            self.history.openings.append(Opening(grant.epoch, grant.last, asked, current_time()))

    async def write(self) -> None:
        """
        Write whenever the run can be had.
        """
        while self.breaks:
            with suppress(StreamError):
                async with self._open_store() as store:
                    asked = current_time()
                    grant = await store.open("run", lease=LEASE, limits=LIMITS, takeover=True)
                    self.history.openings.append(Opening(grant.epoch, grant.last, asked, current_time()))
                    await self._append(store, grant)
            await anyio.sleep(self._chance.uniform(0, LEASE))

    async def _append(self, store: Store, grant: Grant) -> None:
        """
        Append until it is refused, or dies; and sometimes stand still for longer than the lease.
        """
        number = grant.last + 1
        while self.breaks:
            words = [b"%d of %d" % (number + each, grant.epoch) for each in range(self._chance.randint(1, 5))]
            appending = Appending(grant.epoch, number, words, current_time())
            self.history.appendings.append(appending)
            await patiently(partial(store.append, "run", grant, Batch(number, grant.epoch, 0.0, words)))
            appending.answered = current_time()
            number += len(words)
            fate = self._chance.random()
            if fate < 0.02:
                return
            await anyio.sleep(2 * LEASE if fate < 0.04 else self._chance.uniform(0, 0.01))

    async def read(self) -> None:
        """
        Follow the run to its end, from a new store where one cannot be opened, or fails.
        """
        reading = Reading()
        self.history.readings.append(reading)
        while reading.ending is None:
            with suppress(StreamError):
                async with self._open_store() as store:
                    watch = store.watch("run")
                    try:
                        while reading.ending is None:
                            await self._read_on(store, watch, reading)
                    finally:
                        watch.close()

    async def _read_on(self, store: Store, watch: Watch, reading: Reading) -> None:
        after = len(reading.records)
        page = await store.read("run", after, limit=64)
        assert page is not None, "the run is gone"
        for batch in page.batches:
            for number, data in enumerate(batch.records, batch.first):
                if number > after:
                    reading.records.append((number, batch.epoch, data))
        if len(reading.records) >= page.state.last:
            reading.ending = page.state.ending
            if reading.ending is None:
                await watch.changed()

    async def finish(self) -> None:
        """
        End the run.
        """
        while True:
            with suppress(StreamError):
                async with self._open_store() as store:
                    grant = await store.open("run", lease=LEASE, limits=LIMITS, takeover=True)
                    await patiently(partial(store.end, "run", grant, b"the end"))
                    return
            await anyio.sleep(LEASE / 4)


async def judged(
    open_store: Callable[[], AbstractAsyncContextManager[Store]],
    chance: random.Random,
    harm: Callable[[], AbstractAsyncContextManager[None]] | None = None,
) -> History:
    """
    What they have seen, in which nothing is wrong.

    Args:
        open_store: Opens a store for one of them.
        chance: What decides.
        harm: Breaks things as long as it is entered.
    """
    with anyio.fail_after(SECONDS + PATIENCE):
        world = World(open_store, chance)
        await world.begin()
        async with anyio.create_task_group() as tasks:
            for _ in range(READERS):
                tasks.start_soon(world.read)
            async with AsyncExitStack() as breaking:
                if harm is not None:
                    await breaking.enter_async_context(harm())
                async with anyio.create_task_group() as writers:
                    for _ in range(WRITERS):
                        writers.start_soon(world.write)
            await world.finish()
        await world.read()
    faults = faults_of(world.history)
    assert not faults, "\n".join(faults)
    return world.history


@asynccontextmanager
async def everything_breaks(
    server: RedisServer, proxies: list[Proxy], chance: random.Random
) -> AsyncGenerator[None]:
    """
    Cut connections, keep back answers, stop Redis, and kill it.
    """

    async def stop() -> None:
        server.stop()
        await anyio.sleep(chance.uniform(0, 3 * LEASE))
        server.go_on()

    async def kill() -> None:
        with anyio.CancelScope(shield=True):  # or it would not be started again
            await to_thread.run_sync(server.kill)
            await to_thread.run_sync(server.start)

    async def cut() -> None:
        chance.choice(proxies).cut()

    async def lose_an_answer() -> None:
        with anyio.move_on_after(LEASE):
            await chance.choice(proxies).lose_an_answer()

    async def go_on() -> None:
        while True:
            await anyio.sleep(chance.uniform(0, 4 * LEASE))
            await chance.choice((stop, kill, cut, cut, lose_an_answer, lose_an_answer))()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go_on)
        yield
        tasks.cancel_scope.cancel()
    server.go_on()


# -- the stores ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_file_keeps_the_contract(seed: int, tmp_path: Path) -> None:
    make = store_maker(f"sqlite:///{tmp_path / 'runs.db'}")
    await judged(make, random.Random(seed))


@pytest.mark.parametrize("seed", SEEDS)
async def test_redis_keeps_the_contract(seed: int) -> None:
    chance = random.Random(seed)
    with fresh_redis(**SURVIVES_KILLS) as server:
        async with AsyncExitStack() as stack:
            proxies = [await stack.enter_async_context(proxy_to(server.port)) for _ in range(3)]
            makers = [store_maker(f"{proxy.url}?timeout=1") for proxy in proxies]
            history = await judged(
                lambda: chance.choice(makers)(), chance, partial(everything_breaks, server, proxies, chance)
            )
    assert len(history.openings) > 1


# -- the judge ----------------------------------------------------------------------------------------------


def lawful() -> History:
    """
    Two writers and a reader that has seen all.
    """
    records = [(1, 1, b"a"), (2, 1, b"b"), (3, 2, b"c")]
    return History(
        [Opening(1, 0, 0.0, 0.1), Opening(2, 2, 2.0, 2.1)],
        [
            Appending(1, 1, [b"a", b"b"], 1.0, 1.1),
            Appending(1, 3, [b"x"], 2.5),
            Appending(2, 3, [b"c"], 3.0, 3.1),
        ],
        [Reading([*records], b"end"), Reading([*records], b"end")],
    )


def test_the_judge_finds_nothing_in_a_lawful_history() -> None:
    assert faults_of(lawful()) == []


def second_writer_of_an_epoch(history: History) -> None:
    history.openings.append(Opening(2, 2, 4.0, 4.1))


def record_behind_a_later_writer(history: History) -> None:
    history.openings[1].last = 1


def lost_record(history: History) -> None:
    for reading in history.readings:
        reading.records.pop()


def doubled_record(history: History) -> None:
    history.readings[0].records.insert(1, (1, 1, b"a"))


def skipped_record(history: History) -> None:
    del history.readings[0].records[0]


def another_record(history: History) -> None:
    history.readings[0].records[1] = (2, 1, b"x")


def early_end(history: History) -> None:
    history.readings[0].records.pop()


def two_endings(history: History) -> None:
    history.readings[0].ending = b"lost"


def record_of_nobody(history: History) -> None:
    for reading in history.readings:
        reading.records.append((4, 2, b"d"))


def writer_that_is_not_fenced(history: History) -> None:
    history.appendings[1].answered = 2.6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (second_writer_of_an_epoch, "two writers had one epoch"),
        (record_behind_a_later_writer, "a record of epoch 1 stands behind 1, where epoch 2 began"),
        (lost_record, "record 3 of epoch 2 was acknowledged and is not there"),
        (doubled_record, "reader 0 has seen the numbers"),
        (skipped_record, "reader 0 has seen the numbers"),
        (another_record, "reader 0 has seen what is not in the log"),
        (early_end, "reader 0 has seen the end after 2 of 3 records"),
        (two_endings, "the run has ended in 2 ways"),
        (record_of_nobody, "nobody of epoch 2 has appended record 4"),
        (writer_that_is_not_fenced, "epoch 1 has appended after epoch 2 had begun"),
    ],
)
def test_the_judge_finds(change: Callable[[History], None], said: str) -> None:
    history = lawful()
    change(history)
    assert any(said in fault for fault in faults_of(history))
