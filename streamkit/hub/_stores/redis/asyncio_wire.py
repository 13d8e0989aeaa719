"""
The bytes of one connection on asyncio, without a task between the socket and whoever waits for a reply.

anyio's stream stops reading after each read and begins again before the next one, and needs one task that reads and one that
writes. For calls that are made one after another, this takes more time than everything else that the client does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, cast

import anyio

from streamkit.hub._stores.redis.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from streamkit.hub._stores.redis.address import Address

__all__ = ["AsyncioWire"]


class AsyncioWire(asyncio.Protocol, Wire):
    """
    A wire of asyncio.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._will_send = False
        self._error: Exception | None = None
        self._lost = anyio.Event()

    @classmethod
    async def connected(cls, address: Address) -> Self:
        """
        A wire to where a Redis should be, without TLS.

        Raises:
            OSError: Nobody listens there.
        """
        loop = asyncio.get_running_loop()
        if address.path is not None:
            _, wire = await loop.create_unix_connection(cls, address.path)
        else:
            _, wire = await loop.create_connection(cls, address.host, address.port)
        return wire

    def begin(self, take: Callable[[], bytes], hear: Callable[[bytes], None]) -> None:
        self._take = take
        self._hear = hear
        self._transport.resume_reading()

    def send_soon(self) -> None:
        if not self._will_send:
            self._will_send = True
            self._loop.call_soon(self._send)

    @property
    def jobs(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        return (self._last,)

    async def aclose(self) -> None:
        self._transport.abort()
        with anyio.CancelScope(shield=True):
            await self._lost.wait()

    async def _last(self) -> None:
        await self._lost.wait()
        raise self._error or anyio.EndOfStream

    def _send(self) -> None:
        self._will_send = False
        if not self._transport.is_closing() and (data := self._take()):
            self._transport.write(data)

    # -- asyncio's side -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's is one without being derived from it
        self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        try:
            self._hear(data)
        except Exception as error:
            self._error = error
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = self._error or exc
        self._lost.set()
