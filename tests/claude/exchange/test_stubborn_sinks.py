"""
Stopping early where a sink does not want to end: it takes longer than `close_timeout`, under a shield or swallowing every
cancellation. The connection ends all the same, and control comes back as soon as the sink lets go.

In real time: a task that is cancelled again and again is never idle.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest

import streamkit as sk
from streamkit.testing import FakeClaude
from tests.support.claude import ASK
from tests.support.patience import PATIENCE, patience

from .stopping import AT_AN_ITEM, AT_ANY_TIME, MOMENTS, NATIVELY, NEVER, Scene, by_break

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from .stopping import Way


asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left_to_the_garbage_collector() -> Iterator[None]:
    gc.collect()
    yield
    gc.collect()  # a generator found suspended warns on trio, and gets a task on asyncio


CLOSE_TIMEOUT = 0.02
WORK = 3 * CLOSE_TIMEOUT
"""Seconds that a sink works on, whatever it is told."""

STUBBORN_WAYS = {
    name: way
    for name, way in (AT_ANY_TIME | AT_AN_ITEM).items()
    if name not in {"a cancelled job", "return", "SystemExit", "take_while", "take_while, inclusive", "until"}
}


async def work_on(shielded: bool) -> None:
    """
    Take longer than `close_timeout`, under a shield or swallowing every cancellation.
    """
    until = anyio.current_time() + WORK
    if shielded:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_until(until)
    while anyio.current_time() < until:
        with suppress(anyio.get_cancelled_exc_class()):
            await anyio.sleep(0.01)


@pytest.mark.parametrize("shielded", [True, False], ids=["shielded", "swallowing"])
@pytest.mark.parametrize("way", STUBBORN_WAYS.values(), ids=STUBBORN_WAYS)
async def test_the_connection_ends_at_once_also_where_a_sink_ignores_that_it_is_over(
    way: Way, shielded: bool
) -> None:
    await check_with_a_stubborn_sink(way, shielded)


@asyncio_only
@pytest.mark.parametrize("shielded", [True, False], ids=["shielded", "swallowing"])
async def test_so_does_it_where_the_task_is_cancelled_natively(shielded: bool, anyio_backend: str) -> None:
    await check_with_a_stubborn_sink(NATIVELY["asyncio's own"], shielded)


async def check_with_a_stubborn_sink(way: Way, shielded: bool) -> None:
    leave, kind, stopped_by, _ = way
    log: list[str] = []
    told = 0.0

    @sk.sink
    async def stubborn(items: AsyncIterator[object]) -> None:
        nonlocal told
        with suppress(BaseException):
            async for _ in items:
                pass
        told = anyio.current_time()
        with anyio.fail_after(PATIENCE, shield=True):
            await server.connection_closed()
        log.append("the connection has ended")
        await work_on(shielded)
        log.append("the sink has ended")

    moment = MOMENTS["in the text"]
    async with FakeClaude(*moment.answers) as server:
        chat = sk.messages(server.client(), **ASK) | sk.tee(stubborn())
        scene = Scene(server, chat, moment, patience=0.5, close_timeout=CLOSE_TIMEOUT)
        with patience():
            await leave(scene)
        log.append("control is back")
        assert log == ["the connection has ended", "the sink has ended", "control is back"]
        assert anyio.current_time() - told >= WORK, "no sooner than the sink lets go of its task"
        assert (scene.run.outcome.kind, scene.run.outcome.stopped_by) == (kind, stopped_by)


@pytest.mark.parametrize("way", STUBBORN_WAYS.values(), ids=STUBBORN_WAYS)
async def test_a_sink_that_has_time_is_told_the_end_while_the_connection_ends(way: Way) -> None:
    leave, kind, stopped_by, _ = way
    ended = False

    @sk.sink
    async def patient(items: AsyncIterator[object]) -> None:
        nonlocal ended
        with suppress(Exception):
            async for _ in items:
                pass
        # Without a shield: it is told, and not cancelled.
        await server.connection_closed()
        ended = True

    moment = MOMENTS["in the text"]
    async with FakeClaude(*moment.answers) as server:
        chat = sk.messages(server.client(), **ASK) | sk.tee(patient())
        scene = Scene(server, chat, moment, patience=0.5, close_timeout=NEVER)
        with patience():
            await leave(scene)
        assert ended
        assert (scene.run.outcome.kind, scene.run.outcome.stopped_by) == (kind, stopped_by)


async def test_a_sink_that_does_end_when_its_time_is_up_ends_then() -> None:
    @sk.sink
    async def slow(items: AsyncIterator[object]) -> None:
        async for _ in items:
            pass
        await anyio.sleep_forever()

    moment = MOMENTS["in the text"]
    async with FakeClaude(*moment.answers) as server:
        chat = sk.messages(server.client(), **ASK) | sk.tee(sk.branch(slow(), on_error="detach"))
        scene = Scene(server, chat, moment, close_timeout=CLOSE_TIMEOUT)
        with patience():
            await by_break(scene)
        assert scene.ended
        assert (scene.run.outcome.kind, scene.run.outcome.stopped_by) == ("stopped", "consumer")
        assert isinstance(scene.run.report.sinks["slow"].error, TimeoutError)
