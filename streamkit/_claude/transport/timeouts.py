"""
The limits on waiting: `Timeouts`, in seconds for each kind of wait.
"""

from __future__ import annotations

import math
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Final, Self

from streamkit._core.checks import as_number, known_names

if TYPE_CHECKING:
    import httpx2

__all__ = ["Timeouts", "waits_for_connection"]

waits_for_connection: Final[ContextVar[bool]] = ContextVar("streamkit_waits_for_connection", default=False)
"""Whether the request of this task waits for a connection of its client, or was cancelled while it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """
    How long each thing may take, in seconds; None for no limit.

    The first four are limits of the HTTP client. Before the response begins they end in what the SDK raises,
    `anthropic.APITimeoutError`. The others are limits of `messages()` and end in a `StreamStalled`. It is retried as any
    other failure, except for `total`. Only the time spent waiting for the API counts: a slow consumer never trips a limit.

    Attributes:
        connect: Until a connection is made.
        read: For one read from the network. A ping counts as one.
        write: For one write to the network.
        pool: Until a connection in the client's pool is free.
        first_event: From sending a request to the first event of its response; pings do not count.
        liveness: Between two reads of the response, whatever they bring; pings count. Where a client has no raw server-sent
            events (Bedrock's InvokeModel), streamkit does not see the bytes, and `read` alone limits the silence.
        progress: Between two events of the response; pings do not count, so that an endless row of pings ends too.
        total: For all requests of one run together, including the waits between them.

    Raises:
        ValueError: A limit is not a number above 0.
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

    if not TYPE_CHECKING:  # for a checker this is an error already

        def __new__(cls, *args: object, **limits: object) -> Self:
            if args:
                raise TypeError(
                    f"Timeouts({args[0]!r}) does not say which limit: write Timeouts(read={args[0]!r}), or "
                    f"Timeouts(total={args[0]!r}) for all requests together"
                )
            known_names("Timeouts", limits, (each.name for each in fields(cls)), called="limits")
            return object.__new__(cls)

    def __post_init__(self) -> None:
        for each in fields(self):
            seconds = getattr(self, each.name)
            if seconds is None:
                continue
            number = as_number(seconds)
            if number is None or not 0 < number < math.inf:
                raise ValueError(
                    f"Timeouts({each.name}=…) must be a number of seconds above 0, or None for no limit, not {seconds!r}"
                )
            if type(seconds) not in (int, float):  # the HTTP client takes Python's own alone
                object.__setattr__(self, each.name, number)

    def for_http(self) -> httpx2.Timeout:
        """
        The limits that an HTTP client keeps, as its own type.
        """
        import httpx2

        return httpx2.Timeout(connect=self.connect, read=self.read, write=self.write, pool=self.pool)
