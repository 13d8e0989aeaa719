"""
The HTTP client that suits streams: which connections it makes, how many, and what happens when none is free.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import gc
import logging
import re
from typing import Any

import anthropic
import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.transport import pooled_client
from streamkit._claude.transport.connections import Pools
from streamkit.testing import FakeClaude, Stall, error_reply, reply, text
from tests.support.claude import ASK
from tests.support.patience import patience

HELLO = reply(text("Hello", " world"))
ONCE = sk.RetryPolicy(attempts=1)


async def said(client: Any) -> str:
    return await (sk.messages(client, **ASK) | sk.text() | sk.sinks.join())


def made_by(http: Any) -> str:
    """
    The class of what has made the connections of a client.
    """
    return type(http._transport._pools._pools[0]).__name__


# -- which connections ---------------------------------------------------------------------------------------


async def test_it_makes_the_connections_that_cost_least_where_it_runs(anyio_backend_name: str) -> None:
    async with FakeClaude(HELLO) as server, sk.http_client() as http:
        assert await said(server.client(http_client=http)) == "Hello world"
        expected = "AiohttpTransport" if anyio_backend_name == "asyncio" else "AsyncHTTPTransport"
        assert made_by(http) == expected


async def test_without_aiohttp_they_are_httpx2_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled_client, "has_aiohttp", lambda: False)
    async with FakeClaude(HELLO) as server, sk.http_client() as http:
        assert await said(server.client(http_client=http)) == "Hello world"
        assert made_by(http) == "AsyncHTTPTransport"


def test_a_client_outlives_the_loop_that_it_was_used_in() -> None:
    """
    A script may make it outside of any loop, and call `asyncio.run` more than once.
    """
    http: Any = sk.http_client()

    async def main() -> str:
        async with FakeClaude(HELLO) as server:
            client = anthropic.AsyncAnthropic(api_key="key", base_url=server.url, http_client=http)
            return await said(client)

    assert [asyncio.run(main()) for _ in range(2)] == ["Hello world"] * 2


def test_a_client_that_nobody_closes_goes_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    """
    As short scripts leave it. aiohttp tells of each session through the event loop's logger.
    """

    async def main() -> str:
        async with FakeClaude(HELLO) as server:
            client = anthropic.AsyncAnthropic(
                api_key="key", base_url=server.url, http_client=sk.http_client()
            )
            return await said(client)

    assert asyncio.run(main()) == "Hello world"
    gc.collect()
    assert caplog.records == []


def test_it_has_its_timeouts_and_limits() -> None:
    http: Any = sk.http_client(sk.Timeouts(read=7))
    assert http.timeout == httpx2.Timeout(connect=10, read=7, write=30, pool=30)
    assert anthropic.AsyncAnthropic(api_key="key", http_client=http).timeout == http.timeout
    assert http.follow_redirects
    assert sk.http_client(headers={"x-app": "7"}).headers["x-app"] == "7"


async def test_a_proxy_has_connections_of_the_same_kind() -> None:
    http: Any
    async with (
        FakeClaude() as server,
        sk.http_client(proxy=server.url, connections=3) as http,
        anthropic.AsyncAnthropic(api_key="key", base_url="http://api.test", http_client=http) as client,
    ):
        with pytest.raises(anthropic.NotFoundError, match=r"POST http://api\.test/v1/messages"):
            await said(client)
        [mounted] = http._mounts.values()
        assert mounted._pools._connections == 3


# -- how many ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["auto", "httpx2"])
def transport(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_what_has_no_connection_waits_for_one_and_says_so(
    transport: Any, caplog: pytest.LogCaptureFixture
) -> None:
    begun, over = anyio.Event(), anyio.Event()
    heard: list[str] = []

    async def first(client: Any) -> None:
        async with sk.messages(client, **ASK).open() as run:
            async for _ in run:
                begun.set()
                await over.wait()
                break

    async def second(client: Any) -> None:
        heard.append(await said(client))

    caplog.set_level(logging.WARNING, "streamkit")
    async with (
        FakeClaude(HELLO, repeat=True) as server,
        sk.http_client(transport=transport, connections=1) as http,
    ):
        client = server.client(http_client=http)
        with patience():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(first, client)
                await begun.wait()
                tasks.start_soon(second, client)
                await anyio.wait_all_tasks_blocked()
                assert len(server.requests) == 1
                [told] = caplog.messages
                assert re.fullmatch(r"connection_awaited run_id=\w+ connections=1", told)
                over.set()
    assert heard == ["Hello world"]


async def test_many_streams_have_a_connection_each(transport: Any) -> None:
    answer = reply(text("Hello", Stall()))
    async with (
        FakeClaude(answer, repeat=True) as server,
        sk.http_client(transport=transport) as http,
        anyio.create_task_group() as tasks,
    ):
        client = server.client(http_client=http)

        async def read() -> None:
            await sk.messages(client, **ASK).run()

        for _ in range(130):  # more than the SDK's default for aiohttp, and than one pool of httpx2's has
            tasks.start_soon(read)
        with patience():
            while len(server.requests) < 130:  # noqa: ASYNC110 -- the server tells nobody
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


async def test_a_connection_that_is_idle_is_used_again(transport: Any) -> None:
    async with FakeClaude(HELLO, repeat=True) as server, sk.http_client(transport=transport) as http:
        client = server.client(http_client=http)
        for _ in range(4):
            await said(client)
        assert len(server.connections) == 1


async def test_a_request_that_failed_or_was_left_has_given_its_place_back(transport: Any) -> None:
    answers = [error_reply(400), reply(text("Hello", Stall())), HELLO]
    async with FakeClaude(*answers) as server, sk.http_client(transport=transport, connections=1) as http:
        client = server.client(http_client=http)
        with pytest.raises(anthropic.BadRequestError):
            await said(client)
        async with sk.messages(client, **ASK).open() as run:
            await anext(run)
        with patience():
            assert await said(client) == "Hello world"


@pytest.mark.skips_idle_time
async def test_a_wait_for_a_connection_has_a_limit_and_is_told(transport: Any) -> None:
    answer = reply(text("Hello", Stall()))
    async with (
        FakeClaude(answer, repeat=True) as server,
        sk.http_client(transport=transport, connections=1) as http,
    ):
        client = server.client(http_client=http)
        async with sk.messages(client, **ASK).open() as run:
            await anext(run)
            limits = sk.Timeouts(pool=0.1)
            with patience(), pytest.raises(anthropic.APITimeoutError) as caught:
                await sk.messages(client, **ASK, retry=ONCE, timeouts=limits).run()
            assert isinstance(caught.value.__cause__, httpx2.PoolTimeout)
            assert "no connection was free within 0.1 seconds: all 1 were in use" in str(
                caught.value.__cause__
            )
            limits = sk.Timeouts(first_event=0.1)
            with patience(), pytest.raises(sk.StreamStalled, match="no connection was free") as stalled:
                await sk.messages(client, **ASK, retry=ONCE, timeouts=limits).run()
            assert (stalled.value.limit, stalled.value.seconds) == ("first_event", 0.1)
        assert len(server.requests) == 1


class Held(httpx2.AsyncBaseTransport):
    """
    Answers when it is told to.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request.url.path)
        return httpx2.Response(200, stream=httpx2.ByteStream(b""))


async def test_whoever_has_waited_longest_is_next_and_who_has_left_is_passed_over() -> None:
    held = Held()
    pools = Pools(lambda _: held, size=2, connections=1, kept_alive=0)

    async def send(path: str) -> None:
        response = await pools.send(httpx2.Request("GET", f"http://api.test/{path}"))
        await response.aclose()

    first = await pools.send(httpx2.Request("GET", "http://api.test/first"))
    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as leaving:
            leaving.start_soon(send, "left")
            await anyio.wait_all_tasks_blocked()
            for path in ("second", "third"):
                tasks.start_soon(send, path)
                await anyio.wait_all_tasks_blocked()
            leaving.cancel_scope.cancel()
        await first.aclose()
    assert held.sent == ["/first", "/second", "/third"]


async def test_the_pools_are_small_and_the_first_keeps_its_connections() -> None:
    kept: list[int] = []

    def make(keeps: int) -> Held:
        kept.append(keeps)
        return Held()

    pools = Pools(make, size=20, connections=70, kept_alive=25)
    responses = [await pools.send(httpx2.Request("GET", "http://api.test/")) for _ in range(70)]
    assert kept == [25, 5, 0, 0]
    for response in responses:
        await response.aclose()
        await response.aclose()
    await pools.send(httpx2.Request("GET", "http://api.test/"))
    assert len(kept) == 4


# -- what it refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"transport": "httpx"}, ValueError, r'must be "auto", "httpx2" or "aiohttp", not \'httpx\''),
        ({"timeout": 3}, TypeError, r"takes timeouts=Timeouts\(…\) in place of `timeout`"),
        ({"timeouts": 3}, TypeError, "needs Timeouts, such as"),
        ({"connections": "3"}, TypeError, r"connections=…\) must be how many .* not '3'"),
        ({"connections": 0}, ValueError, r"connections=…\) must be at least 1, not 0"),
    ],
)
def test_what_no_client_can_be_made_of_is_refused(
    given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sk.http_client(**given)


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_aiohttp_is_refused_on_trio(anyio_backend: str) -> None:
    with pytest.raises(RuntimeError, match='use "httpx2" on trio'):
        sk.http_client(transport="aiohttp")


def test_aiohttp_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled_client, "has_aiohttp", lambda: False)
    with pytest.raises(ImportError, match=r'pip install "claude-streamkit\[aiohttp\]"'):
        sk.http_client(transport="aiohttp")
