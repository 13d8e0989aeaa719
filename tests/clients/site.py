"""
A web server on loopback, in a thread of its own, so that clients in other processes can ask it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import count
from typing import Any, Literal, TypeAlias, TypeVar

from anyio.from_thread import start_blocking_portal

from tests.support.servers import uvicorn_serves

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
    with served(site) as site.port:
        yield site


@contextmanager
def served(app: App, lifespan: Literal["on", "off"] = "off") -> Generator[int]:
    """
    Serve an application in a thread of its own; gives the port.
    """
    with beside(uvicorn_serves(app, lifespan, ws="websockets-sansio")) as port:
        yield port


@contextmanager
def beside(context: AbstractAsyncContextManager[T]) -> Generator[T]:
    """
    Enter an asynchronous context in a thread with an event loop of its own.
    """
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(context) as entered:
        yield entered
