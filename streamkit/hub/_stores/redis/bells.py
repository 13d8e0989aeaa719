"""
Tells readers when a log may have changed: one subscription for all that a process watches.

Redis forgets what it tells those who are not connected. So nothing but "look again" is told, the log alone is read, and each
subscription that begins, or begins again, tells it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from streamkit.hub._stores.redis.connection import as_command
from streamkit.hub._stores.redis.link import Link
from streamkit.hub._stores.watches import Watches

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from streamkit.hub._stores.redis.address import Address
    from streamkit.hub._stores.redis.connection import Connection, Reply

__all__ = ["Bells"]


class _Bell:
    """
    Rings for any number of tasks.

    Attributes:
        rung: How often it has.
    """

    def __init__(self) -> None:
        self.rung = 0
        self._event = anyio.Event()

    def ring(self) -> None:
        """
        Wake all who wait.
        """
        self.rung += 1
        self._event.set()
        self._event = anyio.Event()

    async def heard(self, before: int) -> None:
        """
        Wait until it has rung more than `before` times.
        """
        while self.rung == before:
            await self._event.wait()


class Bells:
    """
    The bells of one process.

    Args:
        address: Where Redis is.
        base: With what the names of channels begin.

    Attributes:
        submitted: Rings when something was submitted.
        watches: Those of logs. Each is told when the subscription has begun, so that nothing is missed.
    """

    def __init__(self, address: Address, base: str) -> None:
        self.submitted = _Bell()
        self.watches = Watches(
            begin=lambda run: self._post("SUBSCRIBE", run), forget=lambda run: self._post("UNSUBSCRIBE", run)
        )
        self._channel = f"{base}:bell".encode()
        self._link = Link(address, self._subscribe, self._hear)

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
        self.submitted.ring()
        self.watches.all_changed()

    def _channel_of(self, run: str) -> bytes:
        return b"%b:%b" % (self._channel, run.encode())

    def _post(self, command: str, run: str) -> None:
        # Without a connection there is nothing to be told: the next one subscribes to all that is watched.
        if self._link.connection is not None:
            self._link.connection.post(as_command(command, self._channel_of(run)))

    def _subscribe(self, connection: Connection) -> None:
        connection.post(as_command("SUBSCRIBE", self._channel, *map(self._channel_of, self.watches)))

    def _hear(self, told: Reply) -> None:
        match told:
            case [b"message" | b"subscribe", bytes(channel), *_]:
                if channel == self._channel:
                    self.submitted.ring()
                else:
                    self.watches.changed(channel[len(self._channel) + 1 :].decode())
            case _:
                pass
