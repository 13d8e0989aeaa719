"""
A web server on loopback, in a thread of its own, so that clients in other processes can ask it.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any, TypeAlias

import anyio
import uvicorn
from anyio.from_thread import start_blocking_portal
from starlette.responses import Response

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class Site:
    """
    Serves applications, each under an address of its own.
    """

    def __init__(self) -> None:
        self.port = 0
        self._apps: dict[str, App] = {}
        self._numbers = count()

    def put(self, app: App) -> str:
        """
        Serve an application, at any path below the URL that is returned.
        """
        name = f"/{next(self._numbers)}"
        self._apps[name] = app
        return f"http://127.0.0.1:{self.port}{name}"

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        name = "/" + scope["path"].split("/")[1]
        await self._apps[name]({**scope, "root_path": name}, receive, send)


@contextmanager
def serving() -> Generator[Site]:
    """
    A site that is served meanwhile.
    """
    site = Site()
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(_uvicorn(site)) as site.port,
    ):
        yield site


@asynccontextmanager
async def _uvicorn(app: App) -> AsyncGenerator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listening])
        while not server.started:  # noqa: ASYNC110 -- it tells nobody
            await anyio.sleep(0.001)
        yield listening.getsockname()[1]
        server.should_exit = True


async def taken_down(response: App) -> Response:
    """
    What a response sends, to be sent again at any time.
    """
    sent: list[Message] = []
    asked: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not asked:
            await anyio.sleep_forever()
        return asked.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    await response({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send)
    start, *bodies = sent
    content = b"".join(body.get("body", b"") for body in bodies)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    headers.pop("content-length", None)
    return Response(content, start["status"], headers)
