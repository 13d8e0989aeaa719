"""
WebSockets of other libraries, each as the sink uses them. None of those libraries is imported: what an object can do tells
which it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Connection", "connect"]

_BEING_READ: set[int] = set()
"""The ids of the sockets that are read at the moment."""


class Connection(ABC):
    """
    A WebSocket that is open.
    """

    def __init__(self, ws: Any) -> None:
        self._ws = ws

    @abstractmethod
    async def send(self, text: str) -> None:
        """
        Send a message of text.
        """

    @abstractmethod
    async def receive(self) -> str | bytes | None:
        """
        The next message; None where the client is gone.
        """

    @contextmanager
    def reading(self) -> Generator[None]:
        """
        A block that reads.

        Raises:
            RuntimeError: Another one reads it, too: each would miss what the other gets, the end of the connection as well.
        """
        if id(self._ws) in _BEING_READ:
            raise RuntimeError(
                "websocket(stop=…) reads this WebSocket for another answer already: of answers that run at once, give stop to "
                "one, or to none and read it yourself"
            )
        _BEING_READ.add(id(self._ws))
        try:
            yield
        finally:
            _BEING_READ.discard(id(self._ws))

    async def closed(self) -> bool:
        """
        Wait until the client is gone, without reading what it sends.

        Returns:
            Whether it is; False where only reading would tell.
        """
        return False

    @abstractmethod
    def is_gone(self, error: Exception) -> bool:
        """
        Whether an error of `send` or `receive` says that the client is gone.
        """


class _Starlette(Connection):
    """
    A `WebSocket` of Starlette, and so of FastAPI.
    """

    async def send(self, text: str) -> None:
        try:
            await self._ws.send_text(text)
        except RuntimeError as error:
            # Starlette holds it for open: so the server has closed it, such as for a frame of the client's that is broken.
            if self._is_in("CONNECTED", "application_state"):
                raise ConnectionResetError from error
            raise

    async def receive(self) -> str | bytes | None:
        try:
            message = await self._ws.receive()
        except Exception as error:
            if self.is_gone(error):
                return None
            raise
        if message["type"] == "websocket.disconnect":
            return None
        text: str | bytes | None = message.get("text")
        return message.get("bytes") or b"" if text is None else text

    def is_gone(self, error: Exception) -> bool:
        return (
            isinstance(error, OSError)
            or _is_named(error, "WebSocketDisconnect", "WebSocketDisconnected")
            or self._is_in("DISCONNECTED", "client_state", "application_state")
        )

    def _is_in(self, state: str, *sides: str) -> bool:
        return any(getattr(getattr(self._ws, side, None), "name", None) == state for side in sides)


class _WebSockets(Connection):
    """
    A connection of the library `websockets`.
    """

    async def send(self, text: str) -> None:
        await self._ws.send(text)

    async def receive(self) -> str | bytes | None:
        try:
            message: str | bytes = await self._ws.recv()
        except Exception as error:
            if self.is_gone(error):
                return None
            raise
        return message

    async def closed(self) -> bool:
        if not _can(self._ws, "wait_closed"):
            return False
        await self._ws.wait_closed()
        return True

    def is_gone(self, error: Exception) -> bool:
        return isinstance(error, OSError) or _is_named(error, "ConnectionClosed")


def connect(ws: object, *, reads: bool) -> Connection:
    """
    The connection that `ws` is.

    Args:
        ws: What was given to the sink.
        reads: Whether it has to be read, too.

    Raises:
        TypeError: It is of no known kind.
    """
    if _can(ws, "send_text") and (_can(ws, "receive") or not reads):
        return _Starlette(ws)
    if _can(ws, "send") and (_can(ws, "recv") or not reads):
        return _WebSockets(ws)
    raise TypeError(
        "websocket() needs a WebSocket of Starlette or FastAPI, or a connection of the library websockets, "
        f"not {type(ws).__name__}: for any other, sinks.call(fn) calls a function with each item"
    )


def _can(ws: object, method: str) -> bool:
    return callable(getattr(ws, method, None))


def _is_named(error: Exception, *names: str) -> bool:
    return any(each.__name__ in names for each in type(error).__mro__)
