"""
The page reads every recording and every fault of the failure matrix, in both of its ways; and from `streamkit serve --ui`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

import streamkit as sk
from streamkit.cli.page_server import PARTS, PageServer
from streamkit.testing import FakeClaude, Pings, Reply, Stall
from tests.clients.answers import faults, over_websocket, played, written
from tests.clients.chat import Chat, shown_by_outcome, wrong_at_the_end
from tests.clients.site import beside
from tests.support.claude import ASK, read_all

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.requests import Request as HTTPRequest
    from starlette.websockets import WebSocket

    from streamkit.events import Event
    from streamkit.testing import Request
    from tests.clients.answers import Answer
    from tests.clients.chat import Shown
    from tests.clients.site import App, Site
    from tests.conformance.failure_matrix import Resume

pytestmark = pytest.mark.usefixtures("browser")  # before anything is written for it

PARTS_OF_RESTARTS: Final = sk.split(
    thinking=sk.thinking(restarts=True),
    text=sk.text(restarts=True),
    call=sk.tool_calls(broken="emit", when="message"),
)


def parts(resume: Resume) -> sk.Operator[Any, Any]:
    return PARTS_OF_RESTARTS if resume == "restart" else PARTS


def over_sse(stream: sk.Stream[Event], resume: Resume) -> App:
    return sk.sse.Response(stream | parts(resume))


def over_ws(stream: sk.Stream[Event], resume: Resume) -> App:
    return over_websocket(parts(resume))(stream)


class Answering:
    """
    An application with the page, which gives the answer whose name is asked for.
    """

    def __init__(self, answers: dict[str, Answer], way: str) -> None:
        self._answers = answers
        self._way = way

    async def about(self, request: HTTPRequest) -> JSONResponse:
        return JSONResponse({"note": "", "ways": [self._way], "questions": ["?"]})

    async def sse(self, request: HTTPRequest) -> Any:
        return self._asked(await request.json())

    async def ws(self, ws: WebSocket) -> None:
        await ws.accept()
        app = self._asked(await ws.receive_json())

        async def send(message: Any) -> None:
            if message["type"] != "websocket.accept":
                await ws.send(message)

        await app(ws.scope, ws.receive, send)

    def _asked(self, sent: Any) -> App:
        return self._answers[sent["messages"][-1]["content"]].app

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/about", self.about),
                Route("/sse", self.sse, methods=["POST"]),
                WebSocketRoute("/ws", self.ws),
                Mount("/", StaticFiles(packages=[("streamkit.cli", "chat_page")], html=True)),
            ]
        )


@pytest.mark.parametrize("way", ["sse", "websocket"])
def test_it_ends_with_what_the_outcome_has(way: str, site: Site, page: Page, console: list[str]) -> None:
    answers = written(over_sse) if way == "sse" else written(over_ws, "websocket")
    chat = Chat(page, site.put(Answering(answers, way).app()) + "/")
    outcomes = {name: answer.outcome for name, answer in answers.items()}
    assert differences(chat, outcomes) == {}
    # Of a response with the status of an error a browser says so itself.
    console[:] = [line for line in console if "Failed to load resource" not in line]


def test_the_page_of_serve_ends_with_what_the_outcome_has(page: Page) -> None:
    """
    Every recording, and every fault but those that only a limit of time shows.
    """
    replies = {path.stem: Reply.file(path) for path in played()}
    replies |= {name: first for name, first, _ in faults() if not takes_time(first)}
    with ThreadPoolExecutor(1) as threads:  # Playwright keeps an event loop in this one
        outcomes = threads.submit(anyio.run, outcomes_of, replies).result()

    def answer(request: Request) -> Reply:
        return replies[request.body["messages"][-1]["content"]]

    with beside(PageServer(answer, port=0, questions=["?"])) as server:
        assert differences(Chat(page, server.url), outcomes) == {}


def differences(chat: Chat, outcomes: dict[str, sk.Outcome]) -> dict[str, object]:
    """
    What the page shows otherwise than it should.
    """
    answers = zip(outcomes.items(), chat.ask_all(outcomes), strict=True)
    return {name: found for (name, outcome), seen in answers if (found := difference(seen, outcome))}


def difference(seen: Shown, outcome: sk.Outcome) -> object:
    expected = shown_by_outcome(outcome)
    return (seen, expected) if seen != expected else wrong_at_the_end(seen, outcome)


def takes_time(first: Reply) -> bool:
    """
    Whether only a limit of time shows the fault.
    """
    return any(isinstance(step, Stall) or (isinstance(step, Pings) and step.ends) for step in first.steps)


async def outcomes_of(replies: dict[str, Reply]) -> dict[str, sk.Outcome]:
    """
    What becomes of each of these answers.
    """
    outcomes: dict[str, sk.Outcome] = {}
    for name, first in replies.items():
        async with FakeClaude(first) as server:
            run = sk.messages(server.client(), retry=None, **ASK).open()
            with suppress(*sk.ERRORS):
                await read_all(run)
            outcomes[name] = run.outcome
    return outcomes
