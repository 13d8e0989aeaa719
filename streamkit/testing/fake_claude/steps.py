"""
The single things that a server does to answer a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

__all__ = ["Drop", "Pause", "Pings", "Stall", "Step", "is_last"]


@dataclass(frozen=True, slots=True)
class Pause:
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


@dataclass(frozen=True, slots=True)
class Pings:
    """
    Send a `PING` every so often: the connection is alive, and nothing is said.

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


@dataclass(frozen=True, slots=True)
class Stall:
    """
    Send nothing more, for ever: the connection stays open until the client leaves or the server ends.
    """


@dataclass(frozen=True, slots=True)
class Drop:
    """
    Close the TCP connection in the middle of the body, without the end that HTTP asks for.

    The SDK's default transport reports it as `httpx2.RemoteProtocolError`.
    """


Step: TypeAlias = bytes | Pause | Pings | Stall | Drop
"""
One thing that the server does. `bytes` are one write to the network.
"""


def is_last(step: object) -> bool:
    """
    Tell whether nothing can be sent after this step.
    """
    return isinstance(step, Stall | Drop) or (isinstance(step, Pings) and step.count is None)
