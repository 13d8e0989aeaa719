"""
Real web servers on loopback, inside the event loop that asks for them.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, Final, Literal

import anyio
import pytest

from tests.support.patience import PATIENCE

__all__ = ["SERVERS", "hypercorn_serves", "skip_unless_it_runs_on", "uvicorn_serves"]


def _listening() -> socket.socket:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
    # Its connections have as much, so that it is soon felt when a client does not read.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    # As those that servers make themselves: what is written goes out at once.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@asynccontextmanager
async def uvicorn_serves(
    app: Any, lifespan: Literal["on", "off"] = "off", ws: Literal["auto", "websockets-sansio"] = "auto"
) -> AsyncGenerator[int]:
    """
    Serve an application with uvicorn; gives the port.

    Args:
        app: The application.
        lifespan: Whether it has a beginning and an end of its own.
        ws: Which implementation of WebSockets serves it.
    """
    import uvicorn

    listening = _listening()
    # A client on a busy machine may use a connection again just as it is closed for having been idle.
    idle = round(PATIENCE)
    config = uvicorn.Config(
        app, log_level="warning", lifespan=lifespan, loop="none", ws=ws, timeout_keep_alive=idle
    )
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listening])
        while not server.started:  # noqa: ASYNC110 -- it tells nobody
            await anyio.sleep(0.001)
        yield listening.getsockname()[1]
        server.should_exit = True


@asynccontextmanager
async def hypercorn_serves(app: Any) -> AsyncGenerator[int]:
    """
    Serve an application with hypercorn, on the backend that runs; gives the port.
    """
    from hypercorn.config import Config, Sockets

    listening = _listening()
    listening.setblocking(False)
    port: int = listening.getsockname()[1]

    class OneSocket(Config):
        loglevel = "WARNING"

        def create_sockets(self) -> Sockets:
            return Sockets([], [listening], [])

    over = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_hypercorn(app, OneSocket(), over.wait))
        yield port
        over.set()


def _hypercorn(
    app: Any, config: Any, over: Callable[[], Awaitable[None]]
) -> Callable[[], Coroutine[Any, Any, None]]:
    on_trio = anyio.get_cancelled_exc_class().__module__.startswith("trio")
    server: Any = import_module("hypercorn.trio" if on_trio else "hypercorn.asyncio")

    async def serve() -> None:
        await server.serve(app, config, shutdown_trigger=over)

    return serve


SERVERS: Final = {"uvicorn": uvicorn_serves, "hypercorn": hypercorn_serves}


def skip_unless_it_runs_on(server: str, backend: str) -> None:
    """
    Skip the test where a server does not run on an event loop.
    """
    if server == "uvicorn" and backend == "trio":
        pytest.skip("uvicorn is of asyncio only")
