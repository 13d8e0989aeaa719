"""
`sk.sse` in other people's frameworks, under real servers.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

import streamkit as sk
from streamkit.testing import FakeClaude, Pause, Reply, error_reply, reply, text
from tests.serving.asgi import parsed
from tests.support.claude import ASK
from tests.support.patience import patience
from tests.support.servers import SERVERS, skip_unless_it_runs_on

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Async generator .* was garbage collected:ResourceWarning"
    ),  # the client's
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(uvicorn|hypercorn|websockets|litestar|quart)"),
]

Chat = Callable[[], sk.Stream[Any]]


def starlette_app(chat: Chat) -> Any:
    async def answer(_: Any) -> Any:
        return sk.sse.Response(chat())

    # It leaves server-sent events alone, and would collect anything else.
    return Starlette(routes=[Route("/", answer)], middleware=[Middleware(GZipMiddleware)])


def fastapi_app(chat: Chat) -> Any:
    app = FastAPI()

    @app.get("/")
    async def answer() -> sk.sse.Response:
        response = sk.sse.Response(chat())
        response.set_cookie("seen", "yes")  # as every response of Starlette has it
        return response

    return app


async def live(receive: Any, send: Any) -> None:
    """
    The lifespan of an application that has nothing to set up.
    """
    for done in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{done}.complete"})


def bare_app(chat: Chat) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        await sk.sse.Response(chat())(scope, receive, send)

    return app


def litestar_app(chat: Chat) -> Any:
    from litestar import Litestar, get
    from litestar.types import ASGIApp  # noqa: TC002 -- the annotation is read

    @get("/")
    async def answer() -> ASGIApp:
        return sk.sse.Response(chat())  # type: ignore[return-value]

    return Litestar([answer], logging_config=None)


def quart_app(chat: Chat) -> Any:
    from quart import Quart, Response

    app = Quart("tests", root_path=".")

    @app.get("/")
    async def answer() -> Response:
        return Response(sk.sse.events(chat()), content_type="text/event-stream")

    return app


APPS = {
    "starlette": starlette_app,
    "fastapi": fastapi_app,
    "bare": bare_app,
    "litestar": litestar_app,
    "quart": quart_app,
}
ON_BOTH = ("starlette", "fastapi", "bare")


@asynccontextmanager
async def serving(
    app: str, server: str, answer: Reply
) -> AsyncGenerator[tuple[httpx2.AsyncClient, FakeClaude]]:
    """
    An application that streams this answer of Claude's, and a client of it.
    """
    with patience():
        async with FakeClaude(answer, repeat=True) as upstream, upstream.client() as claude:
            chat = sk.messages(claude, retry=None, **ASK) | sk.split(text=sk.text())
            async with (
                SERVERS[server](APPS[app](lambda: chat)) as port,
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
            ):
                yield client, upstream


@pytest.fixture(params=[(app, server) for app in APPS for server in SERVERS], ids="-".join)
def kind(request: pytest.FixtureRequest, anyio_backend_name: str) -> tuple[str, str]:
    app, server = request.param
    skip_unless_it_runs_on(server, anyio_backend_name)
    if anyio_backend_name == "trio" and app not in ON_BOTH:
        pytest.skip(f"{app} is of asyncio only, or needs another class on trio")
    return app, server


async def test_a_client_gets_the_answer_and_its_end(
    kind: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(*kind, reply(text("Hello", "\n world"))) as (client, _):
        response = await client.get("/")
    events = [(name, json.loads(data)) for name, data in parsed(response.text)]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in response.headers
    assert events[:2] == [("text", "Hello"), ("text", "\n world")]
    assert (events[2][0], events[2][1]["stop_reason"]) == ("done", "end_turn")
    if kind[0] == "fastapi":
        assert response.cookies["seen"] == "yes"
    assert capfd.readouterr().err == ""


async def test_a_client_that_goes_ends_the_request_to_claude(
    kind: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(*kind, reply(text("Hello", Pause(1000), " world"))) as (client, upstream):
        async with client.stream("GET", "/") as response:
            async for piece in response.aiter_text():
                assert "Hello" in piece
                break
        await upstream.connections[0].closed.wait()
    assert capfd.readouterr().err == ""


async def test_an_error_before_the_first_byte_has_its_status(kind: tuple[str, str]) -> None:
    if kind[0] == "quart":
        pytest.skip("events() gives the body alone")
    refused = error_reply(429, "rate_limit_error", headers={"retry-after": "7"})
    async with serving(*kind, refused) as (client, _):
        response = await client.get("/")
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.json()["type"] == "rate_limit_error"


async def test_a_head_request_has_headers_alone(anyio_backend_name: str) -> None:
    skip_unless_it_runs_on("hypercorn", anyio_backend_name)
    async with serving("starlette", "hypercorn", reply(text("Hello"))) as (client, upstream):
        response = await client.head("/")
        assert (response.status_code, response.text) == (200, "")
        assert upstream.requests == []


async def test_a_slow_client_slows_the_answer_down(anyio_backend_name: str) -> None:
    """
    Nothing is kept for a client that does not read, beyond what the sockets hold.
    """
    given = 0

    async def items() -> AsyncGenerator[str]:
        nonlocal given
        while True:
            given += 1
            yield "x" * 10_000
            await anyio.lowlevel.checkpoint()

    app = bare_app(lambda: sk.from_iterable(items))
    with patience():
        async with SERVERS["hypercorn"](app) as port:
            stream = await anyio.connect_tcp("127.0.0.1", port)
            await stream.send(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            before = -1
            while before != given:  # until it stands still
                before = given
                await anyio.sleep(0.2)
            assert 0 < given < 5_000
            await stream.aclose()


@pytest.mark.full("hundreds of real connections take seconds")
@pytest.mark.parametrize("server", SERVERS)
async def test_hundreds_of_clients_half_of_which_read_nothing(server: str, anyio_backend_name: str) -> None:
    skip_unless_it_runs_on(server, anyio_backend_name)
    given = {"fast": 0, "slow": 0}

    async def items(kind: str, number: int) -> AsyncGenerator[str]:
        for _ in range(number):
            given[kind] += 1
            yield "x" * 20_000
            await anyio.sleep(0.005)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        kind, number = ("fast", 20) if scope["path"] == "/fast" else ("slow", 100_000)
        await sk.sse.Response(sk.from_iterable(lambda: items(kind, number)))(scope, receive, send)

    async def fast(port: int) -> None:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(b"GET /fast HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            tail = b""
            while b"event: done" not in tail:
                tail = (tail + await stream.receive())[-1000:]

    clients = 500
    with patience():
        async with SERVERS[server](app) as port, anyio.create_task_group() as tasks:
            silent: list[anyio.abc.SocketStream] = []
            for _ in range(clients // 2):
                silent.append(await anyio.connect_tcp("127.0.0.1", port))
                await silent[-1].send(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n")
                tasks.start_soon(fast, port)
            before = -1
            while given["fast"] < clients // 2 * 20 or before != given["slow"]:  # until nothing moves
                before = given["slow"]
                await anyio.sleep(0.5)
            assert given["slow"] < clients // 2 * 1000  # the sockets hold some megabytes at most
            for each in silent:
                await each.aclose()
