"""
A proxy in front of a server, which cuts connections and keeps answers back.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import ByteStream, SocketStream

__all__ = ["Proxy", "proxy_to"]

_OVER = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)


class Proxy:
    """
    What stands between a client and a server.

    Attributes:
        url: Of the Redis behind it.
    """

    def __init__(self, server_port: int, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}"
        self._server_port = server_port
        self._open: set[anyio.CancelScope] = set()
        self._answers = anyio.Event()
        self._answers.set()
        self._kept_back = anyio.Event()

    def cut(self) -> None:
        """
        Cut all connections, as a network does that goes away.
        """
        for scope in self._open:
            scope.cancel()

    async def lose_an_answer(self) -> None:
        """
        Wait until the server has answered something, and cut the connections before it arrives.
        """
        self._answers, self._kept_back = anyio.Event(), anyio.Event()
        try:
            await self._kept_back.wait()
            self.cut()
        finally:
            self._answers.set()

    async def serve(self, client: SocketStream) -> None:
        """
        Pass on what one connection has to say.
        """
        with suppress(*_OVER):
            async with (
                client,
                await anyio.connect_tcp("127.0.0.1", self._server_port) as server,
                anyio.create_task_group() as tasks,
            ):
                self._open.add(tasks.cancel_scope)
                try:
                    tasks.start_soon(self._pass_on, client, server, tasks.cancel_scope)
                    await self._pass_on(server, client, tasks.cancel_scope, answers=True)
                finally:
                    self._open.discard(tasks.cancel_scope)

    async def _pass_on(
        self, source: ByteStream, to: ByteStream, scope: anyio.CancelScope, *, answers: bool = False
    ) -> None:
        with suppress(*_OVER):
            while True:
                data = await source.receive()
                if answers:
                    self._kept_back.set()
                    await self._answers.wait()
                await to.send(data)
        scope.cancel()


@asynccontextmanager
async def proxy_to(server_port: int) -> AsyncGenerator[Proxy]:
    """
    A proxy in front of the server that listens at a port on loopback.
    """
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    proxy = Proxy(server_port, listener.extra(SocketAttribute.local_port))
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, proxy.serve)
        yield proxy
        tasks.cancel_scope.cancel()
