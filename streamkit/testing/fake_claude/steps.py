"""
What a server does to answer one request: bytes, waits and faults, in order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

__all__ = ["Drop", "Pause", "Reply", "Stall", "Step", "is_last"]

FRAME_END = re.compile(rb"(?<=\n\n)|(?<=\r\r)|(?<=\r\n\r\n)")


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


Step: TypeAlias = bytes | Pause | Stall | Drop
"""
One thing that the server does. `bytes` are one write to the network.
"""


def is_last(step: object) -> bool:
    """
    Tell whether nothing can be sent after this step.
    """
    return isinstance(step, Stall | Drop)


@dataclass(frozen=True, slots=True)
class Reply:
    """
    The answer to one request, a plain value that may be used any number of times.

    The status line and headers go out together with the first `bytes` step, so `Reply([Drop()])` closes the
    connection without any response, and `Reply([b"", Stall()])` sends the headers and then nothing. When the
    steps are done, the body ends as HTTP asks for, even if the message in it did not.

    Attributes:
        steps: What to do, in order.
        status: The HTTP status.
        headers: Headers to add to those that the server sends, or to put in their place.

    Raises:
        TypeError: A step is none of `bytes`, `Pause`, `Stall`, `Drop`.
        ValueError: A step follows `Stall()` or `Drop()`, or the status is not a final HTTP status.
    """

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        steps = tuple(self.steps)
        for step in steps:
            if not isinstance(step, bytes | Pause | Stall | Drop):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"a step is bytes, Pause, Stall or Drop, not {step!r}")
        for step, following in pairwise(steps):
            if is_last(step):
                raise ValueError(f"{following!r} comes after {step!r}, so it would never be sent")
        if not 200 <= self.status <= 599:
            raise ValueError(f"status={self.status!r}: give a final HTTP status, 200 to 599")
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "headers", {name.lower(): value for name, value in self.headers.items()})

    @classmethod
    def file(cls, path: str | PathLike[str]) -> Self:
        """
        Send a recorded `.sse` body, byte for byte, one write for each event.

        Args:
            path: The file.
        """
        return cls([frame for frame in FRAME_END.split(Path(path).read_bytes()) if frame])

    @property
    def is_events(self) -> bool:
        """
        Whether the body is server-sent events, as it is unless the status or a `content-type` says otherwise.
        """
        return self.status == 200 and "content-type" not in self.headers

    @property
    def body(self) -> bytes:
        """
        Every byte that the steps send.
        """
        return b"".join(step for step in self.steps if isinstance(step, bytes))

    def after(self, *steps: Step) -> Self:
        """
        Do these steps first.

        Args:
            steps: Usually `Pause(seconds)`: the response then begins late.
        """
        return replace(self, steps=(*steps, *self.steps))

    def cut(self, events: int, *then: Step) -> Self:
        """
        Send only the first writes and then do something else.

        Args:
            events: How many of the writes to keep, with what comes before each; negative counts from the end.
            then: What follows, such as `Drop()`. Nothing: the body ends cleanly there.
        """
        writes = [position for position, step in enumerate(self.steps) if isinstance(step, bytes)][:events]
        return replace(self, steps=(*self.steps[: writes[-1] + 1 if writes else 0], *then))

    def chunked(self, size: int) -> Self:
        """
        Send the same bytes in writes of another size, so that events are cut anywhere.

        Pauses keep their places; bytes on either side of one are not joined.

        Args:
            size: Bytes per write.

        Raises:
            ValueError: `size` is less than 1.
        """
        if size < 1:
            raise ValueError(f"chunked({size!r}): give at least 1 byte per write")
        steps: list[Step] = []
        held = bytearray()

        def flush() -> None:
            steps.extend(bytes(held[start : start + size]) for start in range(0, len(held), size))
            held.clear()

        for step in self.steps:
            if isinstance(step, bytes):
                held += step
            else:
                flush()
                steps.append(step)
        flush()
        return replace(self, steps=steps)
