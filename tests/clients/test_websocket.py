"""
The client of the library `websockets` reads what `sk.sinks.websocket` sends, through Starlette and uvicorn.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

import streamkit as sk
from streamkit.testing import Stall, reply, text
from tests.clients import packages
from tests.clients.answers import failing, faults, played, takes_time
from tests.clients.conftest import needs
from tests.clients.judges import Told, told_by_outcome
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from streamkit.events import Event
    from tests.clients.site import Site

    Opening = Callable[[], AbstractAsyncContextManager[sk.Stream[Event]]]

PARTS: Final = sk.split(
    text=sk.text(),
    thinking=sk.thinking(),
    call=sk.tool_calls(broken="skip", server=True),
    result=sk.tool_results(),
    source=sk.citations(),
)


@asynccontextmanager
async def playing(path: Path) -> AsyncGenerator[sk.Stream[Event]]:
    yield sk.replay(path)


def streams() -> dict[str, Opening]:
    """
    Every recording, and every fault but those that only time shows. The parts would hide that an answer starts over.
    """
    found: dict[str, Opening] = {path.stem: partial(playing, path) for path in played()}
    for name, first, resume in faults():
        if not takes_time(first):
            found[name] = partial(failing, first, "continue" if resume == "restart" else resume)
    found["no end"] = partial(failing, reply(text("Once ", "upon ", Stall())), "never")
    return found


class Service:
    """
    Answers whoever asks for a stream by its name, one after the other on one connection.

    The end is sent before the run is over.
    """

    def __init__(self) -> None:
        self._outcomes = SimpleQueue[sk.Outcome]()
        self.streams = streams()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        ws = WebSocket(scope, receive, send)
        await ws.accept()
        with suppress(WebSocketDisconnect):
            while True:
                await self._answer(ws, await ws.receive_text())

    async def _answer(self, ws: WebSocket, name: str) -> None:
        async with self.streams[name]() as stream:
            job = stream | PARTS | sk.sinks.websocket(ws, stop={"type": "stop"})
            run = job.open()
            with suppress(*sk.ERRORS):
                async with run:
                    pass
            self._outcomes.put(run.outcome)

    def outcome(self) -> sk.Outcome:
        """
        That of the next run that has ended.
        """
        return self._outcomes.get(timeout=PATIENCE)


@pytest.fixture(scope="module")
def service() -> Service:
    return Service()


@pytest.fixture
def client(site: Site, service: Service) -> Iterator[ClientConnection]:
    """
    A client that is connected to the service.
    """
    needs(packages.websockets)
    from websockets.sync.client import connect

    with connect(site.put(service).replace("http", "ws", 1), proxy=None) as connection:
        yield connection


def read(client: ClientConnection) -> tuple[Told, dict[str, Any]]:
    """
    Read one answer: what it says, and the message with which it ends.
    """
    told = Told()
    while True:
        message = json.loads(client.recv(timeout=PATIENCE))
        content = message.get("content")
        match message["type"]:
            case "text":
                told.text += content
            case "thinking":
                told.reasoning += content
            case "source":
                told.sources.append(content)
            case "call":
                told.calls.append((content["id"], content["name"], content["input"]))
            case "result":
                told.results[content["block"]["tool_use_id"]] = content["block"]["content"]
            case _:
                return told, message


def test_it_ends_with_what_the_outcome_has(client: ClientConnection, service: Service) -> None:
    wrong: dict[str, object] = {}
    for name in [*service.streams][:-1]:
        client.send(name)
        told, end = read(client)
        outcome = service.outcome()
        if told != (expected := told_by_outcome(outcome)):
            wrong[name] = told, expected
        elif outcome.error is not None:
            if end["type"] != "error" or not end["error"]["message"]:
                wrong[name] = end
        elif end != {
            "type": "complete",
            "kind": outcome.kind,
            "stop_reason": outcome.stop_reason,
            "usage": outcome.usage.to_dict(),
        }:
            wrong[name] = end
    assert wrong == {}


def test_it_can_stop_an_answer_and_ask_again(client: ClientConnection, service: Service) -> None:
    for _ in range(2):
        client.send("no end")
        for piece in ("Once ", "upon "):
            assert json.loads(client.recv(timeout=PATIENCE)) == {"type": "text", "content": piece}
        client.send(json.dumps({"type": "stop"}))
        told, end = read(client)
        assert (told.text, end["type"], end["kind"]) == ("", "complete", "stopped")
        assert service.outcome().kind == "stopped"
