"""
The bytes of one connection, to Redis and back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

import anyio

from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from anyio.abc import ByteStream

__all__ = ["StreamWire", "Wire"]

_READ_AT_ONCE: Final = 65_536


class Wire(ABC):
    """
    Sends what is taken from one side, and hands what comes to it.
    """

    @abstractmethod
    def begin(self, take: Callable[[], bytes], hear: Callable[[bytes], None]) -> None:
        """
        Say who uses it, which is done once and before anything else.

        Args:
            take: Gives what is to be sent, maybe nothing. It is called when that can be sent, so that what comes about in one
                turn of the event loop goes out together.
            hear: Is given what comes.
        """

    @abstractmethod
    def send_soon(self) -> None:
        """
        There is something to be taken.
        """

    @property
    @abstractmethod
    def jobs(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        """
        The tasks that it needs. Each raises how the connection has ended.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """
        Close the connection at once.
        """


class StreamWire(Wire):
    """
    A wire of anyio.

    Args:
        stream: Its bytes.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._more = Wakeup()

    def begin(self, take: Callable[[], bytes], hear: Callable[[bytes], None]) -> None:
        self._take = take
        self._hear = hear

    def send_soon(self) -> None:
        self._more.wake()

    @property
    def jobs(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        return self._send, self._receive

    async def aclose(self) -> None:
        await anyio.aclose_forcefully(self._stream)

    async def _send(self) -> None:
        while True:
            if data := self._take():
                await self._stream.send(data)
            else:
                await self._more.wait()

    async def _receive(self) -> None:
        while True:
            self._hear(await self._stream.receive(_READ_AT_ONCE))
