"""
Redis is killed, stopped, emptied, trimmed and cut off: nothing that was acknowledged is lost or doubled, and nobody hangs.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread

import streamkit as sk
from streamkit import StreamError
from streamkit.hub import Busy, Diverged, Gap, Gone, Hub
from streamkit.hub._stores.contract import Batch, Grant, Limits
from streamkit.hub._stores.redis import RedisStore, parse_address
from tests.support.cut_connections import proxy_to
from tests.support.patience import patience
from tests.support.redis_servers import SURVIVES_KILLS, RedisServer, fresh_redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

LIMITS = Limits(60.0, 1_000_000)
ITEMS = 60


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """
    A server that may be harmed.
    """
    with fresh_redis(**SURVIVES_KILLS) as server:
        yield server


def store_at(url: str) -> RedisStore:
    return RedisStore(parse_address(url))


async def followed(hub: Hub, seen: list[str], *, after: str | None = None) -> None:
    """
    Follow the run to its end.
    """
    async with hub.subscribe("run", after=after).open() as run:
        async for record in run:
            seen.append(record.id)


def words(at: int, harm: Callable[[], Awaitable[object]], *, every: bool = False) -> sk.Stream[str]:
    """
    A stream in the course of which something happens.

    Args:
        at: Before which item.
        harm: What happens.
        every: Whether it happens again after as many items.
    """

    async def source() -> AsyncIterator[str]:
        for number in range(1, ITEMS + 1):
            if number == at or (every and number % at == 0):
                await harm()
            yield f"{number} "
            await anyio.sleep(0.001)

    return sk.from_iterable(source)


IDS = [f"{number}-1" for number in range(1, ITEMS + 1)]


# -- the server ---------------------------------------------------------------------------------------------


async def test_a_server_that_is_killed_and_comes_back_has_lost_nothing(server: RedisServer) -> None:
    async def kill_and_start() -> None:
        await to_thread.run_sync(server.kill)
        await to_thread.run_sync(server.start)

    seen: list[str] = []
    with patience():
        async with (
            sk.hub.connect(server.url) as writing,
            sk.hub.connect(server.url) as reading,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(followed, reading, seen)
            outcome = await writing.publish("run", words(20, kill_and_start, every=True))
            assert outcome.kind == "complete"
    assert seen == IDS


async def test_what_was_acknowledged_survives_a_kill_at_any_moment(server: RedisServer) -> None:
    acknowledged = 0

    async def append(store: RedisStore, grant: Grant) -> None:
        nonlocal acknowledged
        while True:
            await store.append("run", grant, Batch(acknowledged + 1, 1, 0.0, [b"%d" % (acknowledged + 1)]))
            acknowledged += 1

    with patience():
        async with store_at(server.url) as store, anyio.create_task_group() as tasks:
            grant = await store.open("run", lease=5.0, limits=LIMITS)
            tasks.start_soon(append, store, grant)
            await anyio.sleep(0.05)
            server.kill()
            tasks.cancel_scope.cancel()
        await to_thread.run_sync(server.start)
        async with store_at(server.url) as store:
            page = await store.read("run", 0, limit=1_000_000)
    assert page is not None
    assert acknowledged <= page.state.last <= acknowledged + 1
    assert [each.records for each in page.batches] == [[b"%d" % (n + 1)] for n in range(page.state.last)]


async def test_a_server_that_comes_back_empty_ends_the_run_and_its_viewers(server: RedisServer) -> None:
    def lose_everything() -> None:
        server.kill()
        server.lose_everything()
        server.start()

    seen: list[str] = []
    with patience():
        async with sk.hub.connect(server.url) as writing, sk.hub.connect(server.url) as reading:

            async def follow() -> None:
                with pytest.raises((Gone, Diverged)):
                    await followed(reading, seen)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow)
                with pytest.raises(Gone):
                    await writing.publish("run", words(20, lambda: to_thread.run_sync(lose_everything)))
    assert seen == IDS[: len(seen)]


async def test_a_server_that_has_stopped_is_told_of_and_goes_on(server: RedisServer) -> None:
    with patience():
        async with store_at(f"{server.url}?timeout=1") as store:
            grant = await store.open("run", lease=5.0, limits=LIMITS)
            server.stop()
            with pytest.raises(StreamError, match="does not answer") as raised:
                await store.append("run", grant, Batch(1, 1, 0.0, [b"a"]))
            assert raised.value.retriable
            server.go_on()
            await store.append("run", grant, Batch(1, 1, 0.0, [b"a"]))
            page = await store.read("run", 0)
    assert page is not None
    assert [[*each.records] for each in page.batches] == [[b"a"]]


async def test_a_primary_that_becomes_a_replica_is_waited_for(server: RedisServer) -> None:
    with patience():
        async with store_at(f"{server.url}?timeout=1") as store:
            grant = await store.open("run", lease=5.0, limits=LIMITS)
            server.say("REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(
                StreamError, match="is a replica, which only reads: give the address"
            ) as raised:
                await store.append("run", grant, Batch(1, 1, 0.0, [b"a"]))
            assert raised.value.retriable
            server.say("REPLICAOF", "NO", "ONE")
            await store.append("run", grant, Batch(1, 1, 0.0, [b"a"]))


async def test_a_full_memory_is_told_of_and_what_was_appended_can_be_read(server: RedisServer) -> None:
    with patience():
        async with store_at(server.url) as store:
            grant = await store.open("run", lease=5.0, limits=LIMITS)
            await store.append("run", grant, Batch(1, 1, 0.0, [b"a"]))
            server.say("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(StreamError, match="it is full; raise maxmemory") as raised:
                await store.append("run", grant, Batch(2, 1, 0.0, [b"b"]))
            page = await store.read("run", 0)
            assert page is not None
            assert page.state.last == 1
            assert await store.delete("run")
    assert raised.value.type == "hub"


async def test_scripts_that_somebody_has_thrown_away_are_sent_again(server: RedisServer) -> None:
    with patience():
        async with store_at(server.url) as store:
            grant = await store.open("run", lease=5.0, limits=LIMITS)
            server.say("SCRIPT", "FLUSH")
            await store.append("run", grant, Batch(1, 1, 0.0, [b"a"]))


async def test_a_log_that_somebody_has_trimmed_has_a_gap(server: RedisServer) -> None:
    with patience():
        async with sk.hub.connect(server.url) as hub:
            await hub.publish("run", sk.from_iterable(f"{number} " for number in range(100)))
            assert server.say("XTRIM", "{streamkit}:log:run", "MAXLEN", "1") != ":0"
            with pytest.raises(Gap):
                await hub.subscribe("run").collect()
            [*rest] = await hub.subscribe("run", after="99-1").collect()
    assert [record.id for record in rest] == ["100-1"]


async def test_keys_of_another_application_are_told_of(server: RedisServer) -> None:
    server.say("SET", "{streamkit}:head:run", "mine")
    with patience():
        async with store_at(server.url) as store:
            with pytest.raises(
                StreamError, match="another application uses the hub's keys; give the hub a prefix"
            ):
                await store.read("run", 0)


async def test_of_writers_that_begin_at_once_one_is_the_writer(server: RedisServer) -> None:
    won: list[Grant] = []

    async def begin() -> None:
        async with store_at(server.url) as store:
            ready.append(True)
            await all_ready.wait()
            with suppress(Busy):
                won.append(await store.open("run", lease=5.0, limits=LIMITS))

    ready: list[bool] = []
    all_ready = anyio.Event()
    with patience():
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(begin)
            while len(ready) < 8:  # noqa: ASYNC110 -- counted by all of them
                await anyio.sleep(0.001)
            all_ready.set()
    assert [grant.epoch for grant in won] == [1]


# -- the connection -----------------------------------------------------------------------------------------


async def test_connections_that_are_cut_lose_and_double_nothing(server: RedisServer) -> None:
    seen: list[str] = []
    with patience():
        async with (
            proxy_to(server.port) as near_writer,
            proxy_to(server.port) as near_reader,
            sk.hub.connect(near_writer.url) as writing,
            sk.hub.connect(near_reader.url) as reading,
            anyio.create_task_group() as tasks,
        ):

            async def cut() -> None:
                near_writer.cut()
                near_reader.cut()

            tasks.start_soon(followed, reading, seen)
            outcome = await writing.publish("run", words(6, cut, every=True))
            assert outcome.kind == "complete"
    assert seen == IDS


async def test_an_append_whose_answer_is_lost_is_not_appended_twice(server: RedisServer) -> None:
    with patience():
        async with proxy_to(server.port) as proxy, store_at(proxy.url) as store:
            grant = await store.open("run", lease=5.0, limits=LIMITS)
            for number in range(1, 21):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(proxy.lose_an_answer)
                    await store.append("run", grant, Batch(number, 1, 0.0, [b"%d" % number]))
            page = await store.read("run", 0)
    assert page is not None
    assert [[*each.records] for each in page.batches] == [[b"%d" % number] for number in range(1, 21)]


@pytest.mark.parametrize("call", ["open", "submit", "claim", "end"])
async def test_a_call_whose_answer_is_lost_has_its_effect_once(server: RedisServer, call: str) -> None:
    with patience():
        async with proxy_to(server.port) as proxy, store_at(proxy.url) as store:
            if call == "claim":
                await store.submit("run", "chat", b"payload", limits=LIMITS)
            grant = Grant(0, 0, 0.0)
            if call == "end":
                grant = await store.open("run", lease=5.0, limits=LIMITS)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(proxy.lose_an_answer)
                if call == "open":
                    grant = await store.open("run", lease=5.0, limits=LIMITS)
                elif call == "submit":
                    await store.submit("run", "chat", b"payload", limits=LIMITS)
                elif call == "claim":
                    claim = await store.claim(["chat"], lease=5.0)
                    assert claim is not None
                    grant = claim.grant
                else:
                    await store.end("run", grant, b"end")
            page = await store.read("run", 0)
            assert page is not None
            assert page.state.epoch == (0 if call == "submit" else 1) == grant.epoch


async def test_a_watch_hears_what_happens_while_it_is_cut_off(server: RedisServer) -> None:
    with patience(), ExitStack() as at_end:
        async with (
            proxy_to(server.port) as proxy,
            store_at(server.url) as writing,
            store_at(proxy.url) as reading,
        ):
            watch = reading.watch("run")
            at_end.callback(watch.close)
            await watch.changed()
            proxy.cut()
            await writing.open("run", lease=1000.0, limits=LIMITS)
            await watch.changed()
            page = await reading.read("run", 0)
    assert page is not None
    assert page.state.phase == "live"
