"""
The sink of WebSockets under real servers, with a client that nobody here has written.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from fastapi import FastAPI, WebSocket as FastAPIWebSocket
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

import streamkit as sk
from streamkit.testing import FakeClaude, Pause, error_reply, reply, text
from tests.support.claude import ASK
from tests.support.patience import patience
from tests.support.servers import SERVERS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(uvicorn|hypercorn|websockets)")

STOP = {"type": "stop"}
WHOLE = reply(text("Hello", " world"))
LONG = reply(text("Hello", Pause(1000), " world"))


class Service:
    """
    Serves one stream to each client that comes.

    Attributes:
        outcomes: Of every run.
        told: What the sink has returned: whether the client is still there.
    """

    def __init__(self, upstream: FakeClaude, stop: Any) -> None:
        self.outcomes: list[sk.Outcome] = []
        self.told: list[bool] = []
        self.served = anyio.Event()
        self._client = upstream.client()
        self._stop = stop

    async def serve(self, ws: Any) -> None:
        chat = sk.messages(self._client, **ASK) | sk.split(text=sk.text())
        try:
            async with (chat | sk.sinks.websocket(ws, stop=self._stop)).open() as run:
                self.outcomes.append(run.outcome)
                self.told.append(await run)
        finally:
            self.served.set()


def starlette_app(service: Service) -> Any:
    async def endpoint(ws: Any) -> None:
        await ws.accept()
        await service.serve(ws)

    return Starlette(routes=[WebSocketRoute("/", endpoint)])


def fastapi_app(service: Service) -> Any:
    app = FastAPI()

    @app.websocket("/")
    async def endpoint(ws: FastAPIWebSocket) -> None:
        await ws.accept()
        await service.serve(ws)

    return app


APPS = {"starlette": starlette_app, "fastapi": fastapi_app}


@asynccontextmanager
async def served(kind: str, service: Service) -> AsyncGenerator[int]:
    """
    Serve the service, with this framework and server.

    Returns:
        The port.
    """
    app, _, server = kind.partition(" ")
    if app == "websockets":
        from websockets.asyncio.server import serve

        async with serve(service.serve, "127.0.0.1", 0) as listening:
            yield next(iter(listening.sockets)).getsockname()[1]
    else:
        async with SERVERS[server](APPS[app](service)) as port:
            yield port


KINDS = ["starlette uvicorn", "starlette hypercorn", "fastapi uvicorn", "websockets"]


@asynccontextmanager
async def serving(
    kind: str, answer: Any, capfd: pytest.CaptureFixture[str], *, stop: Any = None
) -> AsyncGenerator[tuple[Service, FakeClaude, Any]]:
    """
    A service and a client of it. What they do is in no log, and nothing is printed.
    """
    from websockets.asyncio.client import connect

    with patience():
        async with FakeClaude(answer) as upstream:
            service = Service(upstream, stop)
            async with served(kind, service) as port:
                client = await connect(f"ws://127.0.0.1:{port}/", proxy=None)
                try:
                    yield service, upstream, client
                finally:
                    await client.close()
                await service.served.wait()
    assert capfd.readouterr().err == ""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, anyio_backend_name: str) -> str:
    if anyio_backend_name == "trio":
        pytest.skip("the client is of asyncio only")
    name: str = request.param
    return name


async def test_a_client_gets_each_item_and_the_end(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    async with serving(kind, WHOLE, capfd) as (service, _, client):
        got = [json.loads(await client.recv()) for _ in range(3)]
    assert got[:2] == [{"type": "text", "content": each} for each in ("Hello", " world")]
    assert (got[2]["type"], got[2]["kind"], got[2]["stop_reason"]) == ("complete", "complete", "end_turn")
    assert [each.kind for each in service.outcomes] == ["complete"]
    assert service.told == [True]


async def test_a_client_stops_the_answer_and_is_told_so(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    async with serving(kind, LONG, capfd, stop=STOP) as (service, upstream, client):
        assert json.loads(await client.recv())["content"] == "Hello"
        await client.send(json.dumps(STOP))
        end = json.loads(await client.recv())
        assert (end["type"], end["kind"]) == ("complete", "stopped")
        await upstream.connections[0].closed.wait()
    assert [each.kind for each in service.outcomes] == ["stopped"]
    assert service.told == [True]


@pytest.mark.parametrize("how", ["closes", "breaks"])
async def test_a_client_that_goes_in_silence_stops_the_run(
    kind: str, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(kind, LONG, capfd, stop=STOP) as (service, upstream, client):
        await client.recv()
        if how == "closes":
            await client.close()
        else:
            client.transport.abort()
        await service.served.wait()
        await upstream.connections[0].closed.wait()
    assert [each.kind for each in service.outcomes] == ["stopped"]
    assert service.told == [False]


async def test_a_client_that_goes_is_noticed_by_sending_too(
    capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    if "hypercorn" in kind:
        pytest.skip("hypercorn says nothing where something is sent to a client that is gone")
    long = reply(text(*["word "] * 200), pace=0.02)
    async with serving(kind, long, capfd) as (service, _, client):
        await client.recv()
        client.transport.abort()
        await service.served.wait()
    assert [each.kind for each in service.outcomes] == ["stopped"]
    assert service.told == [False]


class Chat(Service):
    """
    Answers one question after another on the same connection, as the page on serving has it.
    """

    async def serve(self, ws: Any) -> None:
        try:
            async for question in ws.iter_json():
                if question == STOP:
                    continue
                chat = sk.messages(self._client, retry=None, **ASK) | sk.split(text=sk.text())
                try:
                    self.told.append(await (chat | sk.sinks.websocket(ws, stop=STOP)))
                except sk.ERRORS:
                    continue
                if not self.told[-1]:
                    break
        finally:
            self.served.set()


@pytest.mark.parametrize("leaves", ["in an answer", "between answers"])
@pytest.mark.parametrize("kind", KINDS[:3])
async def test_a_client_asks_again_until_it_goes(
    kind: str, leaves: str, capfd: pytest.CaptureFixture[str], anyio_backend_name: str
) -> None:
    """
    After an answer, after one that was stopped, and after one that has failed. A stop that comes too late is not a question.
    """
    from websockets.asyncio.client import connect

    if anyio_backend_name == "trio":
        pytest.skip("the client is of asyncio only")
    with patience():
        async with FakeClaude(WHOLE, LONG, error_reply(429), LONG) as upstream:
            service = Chat(upstream, STOP)
            async with (
                served(kind, service) as port,
                connect(f"ws://127.0.0.1:{port}/", proxy=None) as client,
            ):

                async def ask() -> Any:
                    await client.send("{}")
                    return json.loads(await client.recv())

                async def end() -> Any:
                    while (said := json.loads(await client.recv()))["type"] not in ("complete", "error"):
                        pass
                    return said

                await ask()
                assert (await end())["kind"] == "complete"
                await client.send(json.dumps(STOP))  # too late
                await ask()
                await client.send(json.dumps(STOP))
                assert (await end())["kind"] == "stopped"
                assert (await ask())["error"]["type"] == "rate_limit_error"
                if leaves == "in an answer":
                    assert (await ask())["content"] == "Hello"
                await client.close()
                await service.served.wait()
    assert service.told == [True, True, False][: 3 if leaves == "in an answer" else 2]
    assert capfd.readouterr().err == ""
