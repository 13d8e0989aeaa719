"""
Stopping early: in every way, at every moment, under every way of resuming. The outcome says who did it, the server has seen the
end of the connection before control goes on, and nothing is left behind.

`test_lifecycle.py` has the sources and the transports; here are the moments of `messages()`.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.testing import FakeClaude
from streamkit.testing._tasks import running_tasks
from tests.support.claude import ASK

from .stopping import (
    AT_AN_ITEM,
    AT_ANY_TIME,
    MOMENTS,
    NATIVELY,
    NEVER,
    WITH_TEXT,
    Scene,
    by_a_timeout,
    is_last,
    policy,
    said,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .stopping import Moment, Resume, Way


pytestmark = pytest.mark.skips_idle_time

asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left_to_the_garbage_collector() -> Iterator[None]:
    gc.collect()
    yield
    gc.collect()  # a generator found suspended warns on trio, and gets a task on asyncio


def cases(moments: list[str], ways: dict[str, Way]) -> list[Any]:
    return [
        pytest.param(MOMENTS[name], resume, ways[way], id=f"{name}-{resume}-{way}")
        for name in moments
        for resume in MOMENTS[name].resumes
        for way in ways
    ]


async def check(moment: Moment, resume: Resume, way: Way, *, aiohttp: bool = False) -> None:
    if way[0] is not by_a_timeout:
        await check_once(moment, resume, way, NEVER, aiohttp)
        return
    for patience in (0.05, 0.5, 5.0):
        if await check_once(moment, resume, way, patience, aiohttp):
            return
    raise AssertionError("it takes more than 5 seconds to get there")


async def check_once(moment: Moment, resume: Resume, way: Way, patience: float, aiohttp: bool) -> bool:
    """
    Stop a run in this way. False if it was too early for the moment.
    """
    leave, kind, stopped_by, error = way
    before = running_tasks()
    async with FakeClaude(*moment.answers) as server:
        client = server.client(**{"http_client": sk.http_client(transport="aiohttp")} if aiohttp else {})
        chat = sk.messages(client, **ASK, retry=policy(moment, resume))
        scene = Scene(server, chat, moment, patience=patience)
        with anyio.fail_after(10):
            await leave(scene)
        outcome = scene.run.outcome
        if not moment.reached(outcome, server):
            return False
        if moment.streaming:
            assert scene.ended, "control left the run before the server had the end of the connection"
            with anyio.fail_after(5):
                await server.all_closed()
        assert (outcome.kind, outcome.stopped_by) == (kind, stopped_by)
        assert (None if outcome.error is None else type(outcome.error)) is error
        check_known(outcome, moment, resume)
        await anyio.wait_all_tasks_blocked()
        assert len(server.requests) == len(moment.answers), "nothing was asked for after that"
    await anyio.wait_all_tasks_blocked()
    assert running_tasks() == before
    return True


def check_known(outcome: sk.Outcome, moment: Moment, resume: Resume) -> None:
    """
    The outcome tells what is known of a message that nobody waited for.
    """
    usages = [attempt.usage for attempt in outcome.attempts]
    assert [None if usage is None else usage.input_tokens for usage in usages] == list(moment.tokens)
    assert said(outcome) == moment.said
    assert outcome.stop_reason is None
    if moment.said is None:
        assert outcome.usage.input_tokens == 0
    elif resume == "restart":
        # Until something takes its place, the first one counts, and then no more.
        assert outcome.usage.input_tokens == moment.tokens[-1 if moment.items else 0]
    else:
        assert outcome.usage.input_tokens == sum(filter(None, moment.tokens))


@pytest.mark.parametrize(("moment", "resume", "way"), cases(list(MOMENTS), AT_ANY_TIME))
async def test_it_can_be_stopped_at_any_moment(moment: Moment, resume: Resume, way: Way) -> None:
    await check(moment, resume, way)


@asyncio_only
@pytest.mark.parametrize(("moment", "resume", "way"), cases(list(MOMENTS), NATIVELY))
async def test_it_can_be_cancelled_natively_at_any_moment(
    moment: Moment, resume: Resume, way: Way, anyio_backend: str
) -> None:
    await check(moment, resume, way)


@pytest.mark.parametrize(("moment", "resume", "way"), cases(WITH_TEXT, AT_AN_ITEM))
async def test_it_can_be_stopped_at_an_item(moment: Moment, resume: Resume, way: Way) -> None:
    await check(moment, resume, way)


@asyncio_only
@pytest.mark.parametrize("name", ["before the response", "before the first content", "in the text"])
@pytest.mark.parametrize("way", AT_ANY_TIME.values(), ids=AT_ANY_TIME)
async def test_so_it_is_on_the_aiohttp_transport(way: Way, name: str, anyio_backend: str) -> None:
    await check(MOMENTS[name], "continue", way, aiohttp=True)


@pytest.mark.parametrize("name", ["in the text", "in the text that goes on"])
async def test_first_returns_when_the_connection_has_ended(name: str) -> None:
    moment = MOMENTS[name]
    async with FakeClaude(*moment.answers) as server:
        chat = sk.messages(server.client(), **ASK, retry=policy(moment, moment.resumes[0]))
        scene = Scene(server, chat, moment)
        with anyio.fail_after(10):
            assert is_last(await (chat | sk.filter(is_last)).first())
            scene.left()
        assert scene.ended


@pytest.mark.parametrize("name", ["before the response", "before the first content", "in the text"])
async def test_a_job_that_is_awaited_under_a_deadline_ends_its_connection(name: str) -> None:
    moment = MOMENTS[name]
    async with FakeClaude(*moment.answers) as server:
        chat = sk.messages(server.client(), **ASK)
        scene = Scene(server, chat, moment)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:

                async def use() -> None:
                    try:
                        await (chat | sk.sinks.collect())
                    finally:
                        scene.left()

                tasks.start_soon(use)
                await server.request_arrived()
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        assert scene.ended


async def test_a_run_that_was_never_read_has_asked_for_nothing() -> None:
    async with FakeClaude() as server:
        async with sk.messages(server.client(), **ASK).open() as run:
            await anyio.wait_all_tasks_blocked()
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")
        assert (server.requests, server.connections) == ([], [])
