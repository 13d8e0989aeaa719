"""
How long each thing may take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import httpx2

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    How long each thing may take, in seconds; None for as long as it wants.

    The first four are the HTTP client's and end in what the SDK raises (`anthropic.APITimeoutError` before the response
    begins). The others are watched by `messages()` and end in a `StreamStalled`, which is retried as any other failure, but
    for `total`. They count the time spent waiting for the API alone: a slow consumer never trips one.

    Attributes:
        connect: Until a connection is made.
        read: For one read from the network. A ping is one too.
        write: For one write to the network.
        pool: Until a connection of the client's pool is free.
        first_event: From sending a request to the first event of its response; pings do not count.
        liveness: Between two reads of the response, whatever they bring: pings feed it. Where a client has no raw
            server-sent events (Bedrock's InvokeModel), nobody can see bytes, and `read` alone watches them.
        progress: Between two events of the response; pings do not count, so that an endless row of them ends too.
        total: For all requests of one run together, with the waits between them.

    Raises:
        ValueError: A figure is not above 0, or no number.
    """

    __reads_as_source__: ClassVar[bool] = True

    connect: float | None = 10
    read: float | None = 120
    write: float | None = 30
    pool: float | None = 30
    first_event: float | None = 60
    liveness: float | None = 90
    progress: float | None = 300
    total: float | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            seconds = getattr(self, each.name)
            if seconds is not None and not _is_duration(seconds):
                raise ValueError(
                    f"Timeouts({each.name}=…) must be a number of seconds above 0, or None for no limit, not {seconds!r}"
                )

    def for_http(self) -> httpx2.Timeout:
        """
        The HTTP client's part of them.
        """
        import httpx2

        return httpx2.Timeout(connect=self.connect, read=self.read, write=self.write, pool=self.pool)


def _is_duration(seconds: object) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    try:
        return 0 < float(seconds) < math.inf
    except OverflowError:  # of an int with hundreds of digits
        return False
