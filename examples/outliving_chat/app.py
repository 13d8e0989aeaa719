"""
A chat whose answers outlive their page, their connection and their process.

Load the page again while the answer comes, or open it in a second window, and it goes on. Stop it in one window, and it stops in
both. With a hub that several processes share, kill the one that writes, and another one finishes the answer:

    python -m pip install "claude-streamkit[sse,sqlite]" uvicorn
    CHAT_HUB=sqlite:///chats.db PORT=8001 python examples/outliving_chat/app.py
    CHAT_HUB=sqlite:///chats.db PORT=8002 python examples/outliving_chat/app.py

Without CHAT_HUB, answers are kept in the memory of the one process; "redis://localhost" is for several machines. With
ANTHROPIC_API_KEY set, Claude answers; without it, a script inside this program.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import streamkit as sk
from streamkit.testing import FakeClaude, Reply, Request, reply, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette import requests

MODEL = "claude-sonnet-5"
LIVE = bool(os.environ.get("ANTHROPIC_API_KEY"))
HUB = os.environ.get("CHAT_HUB", "memory:")
PACE = float(os.environ.get("CHAT_PACE", "0.03"))  # seconds between two pieces of the script's answer
LEASE = 2.0
"""Seconds after which another process goes on with the answers of one that has died."""

# -- the answers -------------------------------------------------------------------------------------------


def add_recipe(hub: sk.hub.Hub, client: anthropic.AsyncAnthropic) -> None:
    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[Any]:
        return sk.messages(
            client,
            retry=sk.RetryPolicy(resume="continue"),
            model=MODEL,
            max_tokens=4096,
            messages=payload["messages"],
            so_far=so_far,
        )


@asynccontextmanager
async def working(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """
    A hub, and a worker that runs what is asked, here or in another process.
    """
    async with answering() as client, sk.hub.connect(HUB, lease=LEASE) as hub:
        add_recipe(hub, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work, hub)
            yield {"hub": hub}
            tasks.cancel_scope.cancel()


async def work(hub: sk.hub.Hub) -> None:
    await hub.work(lease=LEASE)


# -- the requests of the page ------------------------------------------------------------------------------


async def ask(request: requests.Request) -> Response:
    try:
        messages = asked(json.loads(await request.body()))
    except (ValueError, RecursionError):
        return JSONResponse({"message": "the request is not JSON with messages"}, 400)
    # Whoever knows it can read the answer, so it cannot be guessed.
    answer = secrets.token_urlsafe()
    await request.state.hub.submit(answer, "chat", {"messages": messages})
    return JSONResponse({"id": answer})


async def watch(request: requests.Request) -> Any:
    return sk.sse.resume(request.state.hub, request.path_params["id"], request.headers.get("last-event-id"))


async def stop(request: requests.Request) -> Response:
    try:
        await request.state.hub.cancel(request.path_params["id"], "the user has pressed stop")
    except ValueError:
        return Response(status_code=400)
    return Response(status_code=204)


def asked(sent: Any) -> list[dict[str, str]]:
    match sent:
        case {"messages": [_, *_] as messages}:
            return [said(message) for message in messages]
        case _:
            raise ValueError("no messages")


def said(message: Any) -> dict[str, str]:
    match message:
        case {"role": "user" | "assistant" as role, "content": str(content)} if content.encode():
            return {"role": role, "content": content}
        case _:
            raise ValueError("neither the user nor the assistant has said something")


# -- who answers -------------------------------------------------------------------------------------------

ANSWER = (
    "A river does not wait for anyone who stands beside it.\n\n"
    "It has no page that could be loaded again, no connection that could break, and no process that could be killed. It comes "
    "from behind the hills, where nobody has seen it begin, and it goes to the sea, where nobody sees it end. Whoever comes late "
    "sees the same water as the others: it has kept its place in the valley, and only you have moved.\n\n"
    "Dam it, and it is a lake for a while; open the dam, and it is the same river. That is all there is to say."
)


@asynccontextmanager
async def answering() -> AsyncIterator[anthropic.AsyncAnthropic]:
    """
    A client that is answered by Claude, or by a script.
    """
    if LIVE:
        async with anthropic.AsyncAnthropic() as claude:
            yield claude
    else:
        async with FakeClaude(script, repeat=True) as server:
            yield server.client()


def script(request: Request) -> Reply:
    """
    The answer; where the request asks to go on with it, the rest.
    """
    told = next((each["content"] for each in request.body["messages"][1:] if each["role"] == "assistant"), "")
    rest = ANSWER.removeprefix(told) if isinstance(told, str) else ANSWER
    return reply(text(rest, chunk=4), pace=PACE)


app = Starlette(
    routes=[
        Route("/answers", ask, methods=["POST"]),
        Route("/answers/{id}", watch),
        Route("/answers/{id}/stop", stop, methods=["POST"]),
        Mount("/", StaticFiles(directory=Path(__file__).parent / "page", html=True)),
    ],
    lifespan=working,
)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), timeout_graceful_shutdown=1)
