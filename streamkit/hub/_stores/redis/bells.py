"""
Tells readers when a log may have changed: one subscription for all that a process watches.

Redis forgets what it tells those who are not connected. So nothing but "look again" is told, the log alone is read, and each
subscription that begins, or begins again, tells it too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio

from streamkit.hub._stores.redis.connection import as_command
from streamkit.hub._stores.redis.link import Link

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from streamkit.hub._stores.redis.address import Address
    from streamkit.hub._stores.redis.connection import Connection, Reply

__all__ = ["Bell", "Bells"]


class Bell:
    """
    Rings for any number of tasks.

    Attributes:
        rung: How often it has.
        due: The time of the event loop at which it is to ring by itself.
        listeners: How many there are.
    """

    __slots__ = ("_event", "due", "listeners", "rung")

    def __init__(self) -> None:
        self.rung = 0
        self.due = math.inf
        self.listeners = 0
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        """
        Wake all who wait.
        """
        self.rung += 1
        if self._event is not None:
            self._event.set()
            self._event = None

    async def heard(self, before: int) -> int:
        """
        Wait until it has rung more than `before` times; returns how often it has now.
        """
        while self.rung == before:
            if self._event is None:
                self._event = anyio.Event()
            with anyio.CancelScope(deadline=self.due):
                await self._event.wait()
            if anyio.current_time() >= self.due:
                self.due = math.inf
                self.ring()
        return self.rung


class Bells:
    """
    The bells of one process.

    Args:
        address: Where Redis is.
        base: With what the names of channels begin.
    """

    def __init__(self, address: Address, base: str) -> None:
        self.submitted = Bell()
        self._base = base
        self._link = Link(address, self._subscribe, self._hear)
        self._bells = {f"{base}:bell".encode(): self.submitted}

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """
        Keep the subscription.

        Raises:
            StreamError: Of type "hub": the first connection cannot be made.
        """
        await self._link.run(task_status=task_status)

    def ring_all(self) -> None:
        """
        Have everybody look again.
        """
        for bell in self._bells.values():
            bell.ring()

    def listen(self, run: str) -> Bell:
        """
        A log's bell, for somebody who will `leave` it. It rings when the subscription has begun, so that nothing is missed.
        """
        channel = self._channel(run)
        bell = self._bells.get(channel)
        if bell is None:
            bell = self._bells[channel] = Bell()
            self._post("SUBSCRIBE", channel)
        bell.listeners += 1
        return bell

    def leave(self, run: str) -> None:
        """
        One listener less.
        """
        channel = self._channel(run)
        bell = self._bells[channel]
        bell.listeners -= 1
        if not bell.listeners:
            del self._bells[channel]
            self._post("UNSUBSCRIBE", channel)

    def bell_of(self, run: str) -> Bell | None:
        """
        The bell of a log, where somebody listens to it.
        """
        return self._bells.get(self._channel(run))

    def _channel(self, run: str) -> bytes:
        return f"{self._base}:bell:{run}".encode()

    def _post(self, command: str, channel: bytes) -> None:
        # Without a connection there is nothing to be told: the next one subscribes to all that is listened to.
        if self._link.connection is not None:
            self._link.connection.post(as_command(command, channel))

    def _subscribe(self, connection: Connection) -> None:
        connection.post(as_command("SUBSCRIBE", *self._bells))

    def _hear(self, told: Reply) -> None:
        match told:
            case [b"message" | b"subscribe", bytes(channel), *_]:
                bell = self._bells.get(channel)
                if bell is not None:
                    bell.ring()
            case _:
                pass
