"""
One pipeline, four ways to a screen: server-sent events, a WebSocket, the AI SDK's protocol, and AG-UI's.

Install `"claude-streamkit[sse]" "uvicorn[standard]"`, run it with `python examples/web/app.py`, and open the page that it
names. With ANTHROPIC_API_KEY set, Claude answers; without it, a scripted Messages API inside this program.
"""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import FakeClaude, Reply, Request, reply, text, thinking, tool_use
from streamkit.ui import ag_ui, ai_sdk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anthropic.types import ToolParam
    from starlette import requests, websockets

MODEL = "claude-sonnet-5"
LIVE = bool(os.environ.get("ANTHROPIC_API_KEY"))
QUESTION = "Can we walk over to the island tomorrow, and be back for lunch?"

# -- the pipeline ------------------------------------------------------------------------------------------

TIDES: ToolParam = {
    "name": "tide_table",
    "description": "The tides at a place, and when its causeway is dry.",
    "input_schema": {
        "type": "object",
        "properties": {"place": {"type": "string"}, "day": {"type": "string"}},
        "required": ["place", "day"],
    },
}


async def tide_table(place: str, day: str) -> str:
    await anyio.sleep(0.6)  # a slow service
    return f"{place}, {day}: low water 09:40, high water 15:55; causeway dry 07:50 to 11:30"


def conversation(client: anthropic.AsyncAnthropic, messages: Any) -> sk.Stream[Any]:
    """
    The events of all turns, and between them the results of the tools.
    """

    def turn(history: Any) -> sk.Stream[Any]:
        return sk.messages(
            client,
            retry=sk.RetryPolicy(resume="continue"),
            model=MODEL,
            max_tokens=4096,
            thinking={"type": "enabled", "budget_tokens": 1024},
            tools=[TIDES],
            messages=history,
        )

    async def answer_tools(outcome: sk.Outcome) -> sk.Stream[Any] | None:
        if outcome.stop_reason != "tool_use":
            return None
        results = [call.result(await tide_table(**call.input)) for call in outcome.tool_calls]
        return sk.concat(
            sk.from_iterable(results), turn([*outcome.history, {"role": "user", "content": results}])
        )

    return sk.follow(turn(messages), answer_tools)


def as_event(item: Any) -> Any:
    """
    A result as the events beside it, which have a `type`.
    """
    return from_dict(item) if isinstance(item, dict) else item


PARTS = sk.map(as_event) | sk.split(
    thinking=sk.thinking(),
    text=sk.text(),
    block=sk.only("content_block_start"),
    input=sk.only("input_json_delta"),
    call=sk.tool_calls(broken="emit", server=True),
    result=sk.only("tool_result"),
    found=sk.tool_results(),
    source=sk.citations(),
    usage=sk.usage(),
)
"""What the page shows."""


# -- four ways to a screen -----------------------------------------------------------------------------------


async def over_sse(request: requests.Request) -> sk.sse.Response:
    messages = asked_by_page(await request.body())
    return sk.sse.Response(conversation(request.state.client, messages) | PARTS)


async def over_websocket(ws: websockets.WebSocket) -> None:
    await ws.accept()
    with suppress(WebSocketDisconnect, ai_sdk.BadRequest, *sk.ERRORS):  # of the last ones the page is told
        messages = asked_by_page(await ws.receive_text())
        answer = conversation(ws.state.client, messages) | PARTS
        await (answer | sk.sinks.websocket(ws, stop={"type": "stop"}))
    with suppress(RuntimeError):  # the page has gone
        await ws.close()


async def over_ai_sdk(request: requests.Request) -> ai_sdk.Response:
    sent = await request.body()
    asked = ai_sdk.params(sent)
    return ai_sdk.Response(conversation(request.state.client, asked["messages"]), body=sent)


async def over_ag_ui(request: requests.Request) -> ag_ui.Response:
    sent = await request.body()
    asked = ag_ui.params(sent)
    match json.loads(sent):
        case {"threadId": str(thread_id), "runId": str(run_id), "messages": messages} if thread_id and run_id:
            events = ag_ui.events(thread_id, run_id, messages=messages)
            return ag_ui.Response(conversation(request.state.client, asked["messages"]) | events)
        case _:
            raise ag_ui.BadRequest("the request has no threadId or no runId")


def asked_by_page(sent: bytes | str) -> Any:
    with suppress(ValueError, RecursionError):
        match json.loads(sent):
            case {"messages": [_, *_] as messages}:
                return [said(message) for message in messages]
    raise ai_sdk.BadRequest("the request is not JSON with messages")


def said(message: Any) -> Any:
    match message:
        case {"role": "user" | "assistant" as role, "content": str(text)} if text.encode():
            return {"role": role, "content": text}
        case _:
            raise ValueError("neither the user nor the assistant has said something")


async def refuse(request: requests.Request, error: Any) -> JSONResponse:
    return JSONResponse({"message": str(error)}, error.status)


async def about(request: requests.Request) -> JSONResponse:
    answers = f"{MODEL} answers" if LIVE else "a script answers: ANTHROPIC_API_KEY is not set"
    return JSONResponse({"note": answers, "ways": ["sse", "websocket"], "questions": [QUESTION]})


@asynccontextmanager
async def client(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """
    A client that is answered by Claude, or by a script.
    """
    if LIVE:
        async with anthropic.AsyncAnthropic() as claude:
            yield {"client": claude}
    else:
        async with FakeClaude(script, repeat=True) as server:
            yield {"client": server.client()}


def script(request: Request) -> Reply:
    if "tool_result" not in str(request.body["messages"][-1]):
        thought = "The causeway floods twice a day.\nI should look up the tides of tomorrow, and not guess."
        asks = tool_use("tide_table", {"place": "Lindholm", "day": "tomorrow"}, chunk=4)
        return reply(thinking(thought, chunk=5), text("Let me look at the tides.", chunk=4), asks, pace=0.03)
    answer = (
        "Yes, if you start early.\n\n"
        "The causeway is dry from 07:50 to 11:30, with low water at 09:40. Leave at eight, give the island two hours, and be "
        "back on the mainland by eleven: half an hour to spare, and hungry for lunch.\n\n"
        "Do not wait for the last minute. Over the flats, the sea comes in faster than a person walks."
    )
    return reply(text(answer, chunk=5), pace=0.03)


app = Starlette(
    routes=[
        Route("/about", about),
        Route("/sse", over_sse, methods=["POST"]),
        WebSocketRoute("/ws", over_websocket),
        Route("/ai-sdk", over_ai_sdk, methods=["POST"]),
        Route("/ag-ui", over_ag_ui, methods=["POST"]),
        Mount("/", StaticFiles(packages=[("streamkit.cli", "chat_page")], html=True)),
    ],
    exception_handlers={ai_sdk.BadRequest: refuse},
    lifespan=client,
)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, port=8000)
