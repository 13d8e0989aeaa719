"""
A web server on loopback, in a thread of its own, so that clients in other processes can ask it.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import count
from typing import Any, Literal, TypeAlias, TypeVar

import anyio
import uvicorn
from anyio.from_thread import start_blocking_portal

T = TypeVar("T")

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
    with beside(uvicorn_serves(site)) as site.port:
        yield site


@contextmanager
def beside(context: AbstractAsyncContextManager[T]) -> Generator[T]:
    """
    Enter an asynchronous context in a thread with an event loop of its own.
    """
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(context) as entered:
        yield entered


@asynccontextmanager
async def uvicorn_serves(app: App, lifespan: Literal["on", "off"] = "off") -> AsyncGenerator[int]:
    """
    Serve an application; gives the port.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan=lifespan, ws="websockets-sansio")
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listening])
        while not server.started:  # noqa: ASYNC110 -- it tells nobody
            await anyio.sleep(0.001)
        yield listening.getsockname()[1]
        server.should_exit = True
