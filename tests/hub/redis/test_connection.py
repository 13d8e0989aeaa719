"""
One connection: what is asked at once goes out together, what several ask is answered once, and whoever gives up while it is made
leaves nothing open.
"""

from __future__ import annotations

import anyio
from anyio import lowlevel

from streamkit.hub._stores.contract import Batch, Limits, Page
from streamkit.hub._stores.redis import RedisStore, parse_address
from streamkit.hub._stores.redis.opening import open_wire
from tests.support.leftovers import sockets_open
from tests.support.patience import patience
from tests.support.redis_servers import running_redis


async def test_what_is_asked_at_once_is_sent_at_once() -> None:
    asked: list[bytes] = []
    taken: list[bytes] = []
    heard: list[bytes] = []
    answered = anyio.Event()

    def take() -> bytes:
        taken.append(b"".join(asked))
        asked.clear()
        return taken[-1]

    def hear(data: bytes) -> None:
        heard.append(data)
        if len(b"".join(heard)) == 10 * len(b"+PONG\r\n"):
            answered.set()

    with patience():
        wire = await open_wire(parse_address(running_redis().url))
        wire.begin(take, hear)
        async with anyio.create_task_group() as tasks:
            for job in wire.jobs:
                tasks.start_soon(job)
            await anyio.wait_all_tasks_blocked()
            for _ in range(10):
                asked.append(b"PING\r\n")
                wire.send_soon()
            await answered.wait()
            tasks.cancel_scope.cancel()
        await wire.aclose()
    assert [each for each in taken if each] == [b"PING\r\n" * 10]


async def test_of_what_several_read_at_once_there_is_one_page() -> None:
    pages: list[Page | None] = []

    async def read(store: RedisStore) -> None:
        pages.append(await store.read("shared", 0))

    with patience():
        async with RedisStore(parse_address(running_redis().url)) as store:
            grant = await store.open("shared", lease=5.0, limits=Limits(60.0, 1_000))
            await store.append("shared", grant, Batch(1, grant.epoch, 0.0, [b"a"]))
            before = await store.read("shared", 0)  # now the server has the script
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(read, store)
            await store.delete("shared")
    assert len(pages) == 5
    assert len({id(page) for page in pages}) == 1
    assert pages[0] == before
    assert pages[0] is not before


async def test_whoever_gives_up_while_it_is_made_leaves_no_socket() -> None:
    address = parse_address(running_redis().url)
    before = sockets_open()
    gave_up = 0
    for steps in range(20):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:

                async def give_up(scope: anyio.CancelScope, steps: int) -> None:
                    for _ in range(steps):
                        await lowlevel.checkpoint()
                    scope.cancel()

                tasks.start_soon(give_up, scope, steps)
                wire = await open_wire(address)
                with anyio.CancelScope(shield=True):
                    await wire.aclose()
                tasks.cancel_scope.cancel()
        gave_up += scope.cancelled_caught
    with patience():
        while sockets_open() > before:  # noqa: ASYNC110 -- the event loop closes what it has, when it comes to that
            await anyio.sleep(0.001)
    assert gave_up
