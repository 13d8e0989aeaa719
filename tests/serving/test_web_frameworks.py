"""
Runs inside the responses of real web frameworks, under real servers, with clients that leave whenever they like.
"""

from __future__ import annotations

import gc
import logging
import random
import socket
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import anyio.abc
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

import streamkit as sk
from streamkit.sinks import collect
from streamkit.testing import FakeClaude, Pause, reply, text
from tests.support.claude import ASK
from tests.support.leftovers import sockets_open
from tests.support.patience import patience
from tests.support.profiles import examples
from tests.support.servers import SERVERS, skip_unless_it_runs_on

# Trio says so of every async generator that is left behind, whatever is in it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(uvicorn|hypercorn|websockets|starlette|fastapi)"),
]

Pipeline = sk.Operator[Any, str]
SAID = "word " * 40
PIPELINES: dict[str, Pipeline] = {
    "sequential": sk.text(),
    "concurrent": sk.tee(collect()) | sk.text() | sk.smooth(max_lag=0.01) | sk.heartbeat(5, ""),
}
LAST_CHUNK = b"\r\n0\r\n\r\n"
"""How a response ends; some servers leave the connection open then, whatever they were asked."""
LEAVES = ("before the first byte", "in the middle", "while the server writes", "after the end")


class Service:
    """
    An application whose responses are runs.

    Attributes:
        outcomes: Of every run.
    """

    def __init__(self, upstream: FakeClaude) -> None:
        self.outcomes: list[sk.Outcome] = []
        self._client = upstream.client()
        self._chat = sk.messages(self._client, **ASK)

    async def close(self) -> None:
        await self._client.close()

    async def body(self, pipeline: Pipeline) -> AsyncGenerator[str, None]:
        async with (self._chat | pipeline).open() as run:
            self.outcomes.append(run.outcome)
            async for piece in run:
                yield piece  # noqa: ASYNC119 -- what everybody writes

    def response(self, name: str) -> StreamingResponse:
        """
        A run in a generator, as people write it.
        """
        return StreamingResponse(self.body(PIPELINES[name]), media_type="text/plain")


class EventService(Service):
    """
    An application whose responses own their runs.
    """

    def response(self, name: str) -> Any:
        return sk.sse.Response(self._chat | sk.finalize(self.outcomes.append) | PIPELINES[name])


SERVICES = {"generators": Service, "responses": EventService}


def starlette_app(service: Service) -> Any:
    async def chat(request: Any) -> Any:
        return service.response(request.path_params["name"])

    return Starlette(routes=[Route("/{name}", chat)])


def fastapi_app(service: Service) -> Any:
    app = FastAPI()

    @app.get("/{name}", response_model=None)
    async def chat(name: str) -> Any:
        return service.response(name)

    return app


async def visit(port: int, name: str, leaves: str | None, chance: random.Random) -> bytes:
    """
    Ask for an answer, and leave when it is said.

    Returns:
        What has come.
    """
    came = b""
    stream = await anyio.connect_tcp("127.0.0.1", port)
    try:
        request = f"GET /{name} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        await stream.send(request.encode())
        if leaves == "before the first byte":
            await anyio.sleep(chance.choice([0, 0.005, 0.02]))
            return came
        while not came.endswith(LAST_CHUNK):
            came += await stream.receive()
            if leaves == "in the middle" and chance.random() < 0.5:
                break
            if leaves == "while the server writes":
                # Nothing is read any more, and then the connection is reset.
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                await anyio.sleep(chance.choice([0, 0.01]))
                break
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass
    finally:
        await stream.aclose()
    return came


async def settled(service: Service) -> None:
    """
    Wait until every run has ended.
    """
    with patience():
        while any(outcome.kind == "running" for outcome in service.outcomes):
            gc.collect()
            await anyio.sleep(0.005)


APPS = {"starlette": starlette_app, "fastapi": fastapi_app}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("made_of", SERVICES)
async def test_clients_that_leave_whenever_they_like_leave_nothing_behind(
    made_of: str, app: str, server: str, anyio_backend_name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    skip_unless_it_runs_on(server, anyio_backend_name)
    chance = random.Random(f"{app} {server}")
    clients = examples(pr=12, full=250)
    answer = reply(text(*[f"{word} " for word in SAID.split()]), Pause(0.02))
    before = len(anyio.get_running_tasks()), sockets_open()
    logs: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logs.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        async with FakeClaude(answer, repeat=True) as upstream:
            service = SERVICES[made_of](upstream)
            async with SERVERS[server](APPS[app](service)) as port:
                with patience():
                    async with anyio.create_task_group() as visitors:
                        for number in range(clients):
                            name = chance.choice([*PIPELINES])
                            leaves = LEAVES[number % len(LEAVES)]
                            visitors.start_soon(visit, port, name, leaves, chance)
                            await anyio.sleep(0.002)
                    await settled(service)
                    for name in PIPELINES:  # later requests are unharmed
                        assert SAID.split()[0].encode() in await visit(port, name, None, chance)
                        assert service.outcomes[-1].kind == "complete"
            await service.close()
            with patience():
                for connection in upstream.connections:
                    await connection.closed.wait()
        with patience():
            while (len(anyio.get_running_tasks()), sockets_open()) != before:
                gc.collect()
                await anyio.sleep(0.005)
    finally:
        logging.getLogger().removeHandler(handler)
    assert {outcome.kind for outcome in service.outcomes} <= {"complete", "stopped", "cancelled"}
    assert [line for line in logs if "Error" in line or "xception" in line] == []
    assert capfd.readouterr().err == ""
