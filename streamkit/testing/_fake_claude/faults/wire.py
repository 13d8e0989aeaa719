"""
Faults on the connection: waits, pings and broken ends, which a server puts between the writes of a body.

The folder's docstring has the other kinds of fault.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import repeat
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

import anyio

from streamkit.testing._fake_claude.frames import PING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Drop", "Pause", "Pings", "Stall", "Step", "WireFault"]


class WireFault(ABC):
    """
    Something that the server does between two writes.
    """

    __slots__ = ()

    @property
    def ends(self) -> bool:
        """
        Whether nothing can be sent after it.
        """
        return False

    @abstractmethod
    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """
        Do it. If it returns and `ends`, the server closes the connection without the end that HTTP asks for.

        Args:
            send: Writes bytes of the body; the status line and the headers go out before the first of them.
        """

    def in_json(self) -> WireFault:
        """
        The fault that stands for this one in a response that is one JSON document, before any byte of it.
        """
        return self


@dataclass(frozen=True, slots=True)
class Pause(WireFault):
    """
    Wait before the next step.

    Attributes:
        seconds: How long.

    Raises:
        ValueError: `seconds` is negative or not finite (to wait for ever, use `Stall()`).
    """

    seconds: float

    def __post_init__(self) -> None:
        if not isfinite(self.seconds) or self.seconds < 0:
            raise ValueError(f"Pause({self.seconds!r}): give a finite number of seconds >= 0, or use Stall()")

    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        await anyio.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Pings(WireFault):
    """
    Send a `PING` at intervals: the connection is alive, but nothing is said.

    Attributes:
        every: Seconds before each of them.
        count: How many; None goes on for ever, as `Stall()` does.

    Raises:
        ValueError: `every` is not a finite number above 0, or `count` is less than 1.
    """

    every: float
    count: int | None = None

    def __post_init__(self) -> None:
        if not isfinite(self.every) or self.every <= 0:
            raise ValueError(f"Pings({self.every!r}): give a finite number of seconds > 0")
        if self.count is not None and self.count < 1:
            raise ValueError(f"Pings(count={self.count!r}): give at least 1, or None for pings without end")

    @property
    def ends(self) -> bool:
        return self.count is None

    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        for _ in repeat(None) if self.count is None else repeat(None, self.count):
            await anyio.sleep(self.every)
            await send(PING)

    def in_json(self) -> WireFault:
        return Stall() if self.count is None else Pause(self.every * self.count)


@dataclass(frozen=True, slots=True)
class Stall(WireFault):
    """
    Send nothing more, for ever: the connection stays open until the client leaves or the server ends.
    """

    @property
    def ends(self) -> bool:
        return True

    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        await anyio.sleep_forever()


@dataclass(frozen=True, slots=True)
class Drop(WireFault):
    """
    Close the TCP connection in the middle of the body, without the end that HTTP asks for.

    The SDK's default transport reports it as `httpx2.RemoteProtocolError`.
    """

    @property
    def ends(self) -> bool:
        return True

    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """
        Send nothing: the server closes the connection after a fault that `ends`.
        """


Step: TypeAlias = bytes | WireFault
"""
One thing that the server does. `bytes` are one write to the network.
"""
