"""
The client of the library `websockets` reads what `sk.sinks.websocket` sends, through Starlette and uvicorn: every recording, and
every fault of the failure matrix.
"""

from __future__ import annotations

import json
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

import streamkit as sk
from streamkit.testing import FakeClaude, Stall, reply, text
from tests.clients import packages
from tests.clients.answers import PARTS, PARTS_OF_RESTARTS, over_websocket, written
from tests.clients.conftest import needs
from tests.clients.judges import Told, told_by_outcome
from tests.support.claude import ASK
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.sync.client import ClientConnection

    from streamkit.events import Event
    from tests.clients.answers import Answer
    from tests.clients.site import App, Site
    from tests.conformance.failure_matrix import Resume


@pytest.fixture
def connected(site: Site) -> Callable[[App], ClientConnection]:
    """
    Connects a client to an application.
    """
    needs(packages.websockets)
    from websockets.sync.client import connect

    return lambda app: connect(site.put(app).replace("http", "ws", 1), proxy=None)


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
            case "restarted":
                told = Told()
            case _:
                return told, message


def write(stream: sk.Stream[Event], resume: Resume) -> App:
    return over_websocket(PARTS_OF_RESTARTS if resume == "restart" else PARTS)(stream)


def test_it_ends_with_what_the_outcome_has(connected: Callable[[App], ClientConnection]) -> None:
    wrong: dict[str, object] = {}
    for name, answer in written(write, "websocket").items():
        with connected(answer.app) as client:
            if found := difference(answer, *read(client)):
                wrong[name] = found
    assert wrong == {}


def difference(answer: Answer, told: Told, end: dict[str, Any]) -> object:
    """
    What a client has read otherwise than it should have, if anything.
    """
    outcome = answer.outcome
    if told != (expected := told_by_outcome(outcome)):
        return told, expected
    if outcome.error is not None:
        return (end["type"] != "error" or not end["error"]["message"]) and end
    complete = {
        "type": "complete",
        "kind": outcome.kind,
        "stop_reason": outcome.stop_reason,
        "usage": outcome.usage.to_dict(),
    }
    return end != complete and (end, complete)


def test_it_can_stop_an_answer_and_ask_again(connected: Callable[[App], ClientConnection]) -> None:
    outcomes = SimpleQueue[sk.Outcome]()

    async def service(scope: Any, receive: Any, send: Any) -> None:
        ws = WebSocket(scope, receive, send)
        await ws.accept()
        with suppress(WebSocketDisconnect):
            while True:
                await ws.receive_text()
                await answer(ws)

    async def answer(ws: WebSocket) -> None:
        async with FakeClaude(reply(text("Once ", "upon ", Stall()))) as server:
            chat = sk.messages(server.client(), retry=None, **ASK)
            run = (chat | PARTS | sk.sinks.websocket(ws, stop={"type": "stop"})).open()
            async with run:
                pass
            outcomes.put(run.outcome)

    with connected(service) as client:
        for _ in range(2):
            client.send("Tell me a story")
            for piece in ("Once ", "upon "):
                assert json.loads(client.recv(timeout=PATIENCE)) == {"type": "text", "content": piece}
            client.send(json.dumps({"type": "stop"}))
            told, end = read(client)
            assert (told.text, end["type"], end["kind"]) == ("", "complete", "stopped")
            # The end is sent before the run is over.
            assert outcomes.get(timeout=PATIENCE).kind == "stopped"
