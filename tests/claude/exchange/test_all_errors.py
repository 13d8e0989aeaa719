"""
`sk.ERRORS` is all that a stream of `messages()` raises, whatever goes wrong outside of the program; docs/failures.md lists what
is the programmer's own mistake instead. The failure matrix has what happens inside of a stream.
"""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import anthropic
import pytest

import streamkit as sk
from streamkit.testing import Drop, FakeClaude, Reply, Stall, error_reply, redirect, reply, text
from tests.support.claude import ASK
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamkit._claude.transport.pooled_client import Transport

RETRIES = [None, sk.RetryPolicy(attempts=2, base=0)]
LIMITS = sk.Timeouts(connect=0.5, read=0.5, first_event=0.5)
STATUSES = [*range(400, 432), 451, 499, *range(500, 512), 520, 529, 599, 204, 205, 300, 304]

Made: TypeAlias = "Callable[..., anthropic.AsyncAnthropic]"


@pytest.fixture(params=["httpx2", "aiohttp"])
async def client(
    request: pytest.FixtureRequest, anyio_backend_name: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Made]:
    """
    Makes clients of either transport, which no proxy of the environment's is between.
    """
    transport: Transport = request.param
    if transport == "aiohttp" and anyio_backend_name == "trio":
        pytest.skip("aiohttp needs asyncio")
    made: list[anthropic.AsyncAnthropic] = []

    def make(base_url: str, *, proxy: str | None = None, api_key: str = "k") -> anthropic.AsyncAnthropic:
        options: dict[str, Any] = {"trust_env": False} if proxy is None else {"proxy": proxy}
        http = sk.http_client(LIMITS, transport=transport, **options)
        made.append(
            anthropic.AsyncAnthropic(base_url=base_url, api_key=api_key, max_retries=0, http_client=http)
        )
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def ask(client: anthropic.AsyncAnthropic, retry: sk.RetryPolicy | None = None, **changes: Any) -> None:
    await sk.messages(client, retry=retry, timeouts=LIMITS, **{**ASK, **changes}).run()


def unused_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize("retry", RETRIES, ids=["once", "again"])
async def test_every_status_is_one(client: Made, retry: sk.RetryPolicy | None) -> None:
    for status in STATUSES[:: examples(pr=9, full=1)]:
        refused = error_reply(status) if status >= 400 else Reply([], status=status)
        async with FakeClaude(refused, repeat=True) as server:
            with pytest.raises(sk.ERRORS):
                await ask(client(server.url), retry)


@pytest.mark.skips_idle_time
@pytest.mark.parametrize("retry", RETRIES, ids=["once", "again"])
@pytest.mark.parametrize(
    "answer",
    [Reply([Stall()]), Reply([Drop()]), Reply([b"", Stall()]), redirect("/v1/messages")],
    ids=["no response", "no connection", "headers alone", "redirects for ever"],
)
async def test_a_server_that_does_not_answer_is_one(
    client: Made, retry: sk.RetryPolicy | None, answer: Reply
) -> None:
    async with FakeClaude(answer, repeat=True) as server:
        with pytest.raises(sk.ERRORS):
            await ask(client(server.url), retry)


@pytest.mark.parametrize("retry", RETRIES, ids=["once", "again"])
@pytest.mark.parametrize(
    "url",
    [
        "http://nowhere.invalid",
        f"http://{'a' * 300}.invalid",
        "http://a..b",
        "http://127.0.0.1:0",
        "ftp://127.0.0.1",
        "nonsense",
    ],
    ids=["no such host", "a name that is too long", "an empty label", "port 0", "another scheme", "no URL"],
)
async def test_an_address_that_leads_nowhere_is_one(
    client: Made, retry: sk.RetryPolicy | None, url: str
) -> None:
    with pytest.raises(sk.ERRORS):
        await ask(client(url), retry)


@pytest.mark.parametrize("retry", RETRIES, ids=["once", "again"])
async def test_a_connection_that_is_refused_is_one(client: Made, retry: sk.RetryPolicy | None) -> None:
    nobody = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(sk.ERRORS):
        await ask(client(nobody), retry)
    for url in ("http://nowhere.invalid", "https://nowhere.invalid"):
        with pytest.raises(sk.ERRORS):
            await ask(client(url, proxy=nobody), retry)


@pytest.mark.parametrize("retry", RETRIES, ids=["once", "again"])
async def test_a_proxy_that_refuses_is_one(client: Made, retry: sk.RetryPolicy | None) -> None:
    async with FakeClaude(error_reply(407), repeat=True) as server:
        with pytest.raises(sk.ERRORS):
            await ask(client("https://nowhere.invalid", proxy=server.url), retry)


async def test_tls_with_a_server_that_has_none_is_one(client: Made) -> None:
    async with FakeClaude() as server:
        with pytest.raises(sk.ERRORS):
            await ask(client(server.url.replace("http:", "https:")))


@pytest.mark.parametrize("retry", RETRIES, ids=["once", "again"])
async def test_a_client_that_is_closed_is_one(client: Made, retry: sk.RetryPolicy | None) -> None:
    async with FakeClaude(reply(text("Hello")), repeat=True) as server:
        closed = client(server.url)
        await closed.close()
        with pytest.raises(sk.ERRORS):
            await ask(closed, retry)


@pytest.mark.parametrize("key", ["k\ny", "k\0y"])
async def test_a_key_that_is_not_a_header_is_one(client: Made, key: str) -> None:
    async with FakeClaude(reply(text("Hello")), repeat=True) as server:
        with pytest.raises(sk.ERRORS):
            await ask(client(server.url, api_key=key))


MISTAKES: dict[str, tuple[type[Exception], dict[str, Any]]] = {
    "what JSON cannot say": (TypeError, {"messages": [{"role": "user", "content": object()}]}),
    "half a character": (UnicodeEncodeError, {"messages": [{"role": "user", "content": "\ud800"}]}),
    "a parameter that the SDK does not know": (TypeError, {"nonsense": 1}),
    "no messages": (TypeError, {"messages": None}),
}


@pytest.mark.parametrize(("error", "changes"), MISTAKES.values(), ids=MISTAKES)
async def test_a_mistake_of_the_programmers_is_none(
    client: Made, error: type[Exception], changes: dict[str, Any]
) -> None:
    async with FakeClaude(reply(text("Hello")), repeat=True) as server:
        with pytest.raises(error) as raised:
            await ask(client(server.url), **changes)
    assert not isinstance(raised.value, sk.ERRORS)
