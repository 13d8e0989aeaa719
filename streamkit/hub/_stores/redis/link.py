"""
A connection that is made again when it breaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
import hiredis

from streamkit._core.errors import StreamError
from streamkit.hub._stores.redis.connection import BROKEN, Connection
from streamkit.hub._stores.redis.opening import open_wire
from streamkit.hub._stores.redis.refused import refused, without_connection
from streamkit.hub._stores.redis.server_check import fault_of, server_facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskStatus

    from streamkit.hub._stores.redis.address import Address
    from streamkit.hub._stores.redis.connection import Reply

__all__ = ["Link"]

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts, which double from the first to the longest."""


class Link:
    """
    A connection to a Redis that has been found fit, as long as `run` runs.

    Args:
        address: Where it is.
        greet: Is given each new connection, to begin it with what it is for.
        on_told: Is given what a subscription tells.

    Attributes:
        address: Where it is now, because a cluster can send elsewhere.
        fault: Why there is no connection, where that is known.
    """

    def __init__(
        self,
        address: Address,
        greet: Callable[[Connection], None] = lambda _: None,
        on_told: Callable[[Reply], None] | None = None,
    ) -> None:
        self.address = self._home = address
        self.fault: StreamError | None = None
        self._greet = greet
        self._on_told = on_told
        self._connection: Connection | None = None
        self._made = anyio.Event()
        self._left = False

    @property
    def connection(self) -> Connection | None:
        """
        The connection, where there is one.
        """
        if self._connection is None or self._connection.error is not None:
            return None
        return self._connection

    async def connected(self) -> Connection:
        """
        Wait for a connection.

        Raises:
            RuntimeError: There will be none.
        """
        while (connection := self.connection) is None:
            if self._left:
                raise RuntimeError("the hub of these logs was left")
            await self._made.wait()
        return connection

    def leave(self) -> None:
        """
        Make no other connection, for whoever waits for one too.
        """
        self._left = True
        self._made.set()

    def drop(self, instead: Address | None = None) -> None:
        """
        Make another connection in place of this one.

        Args:
            instead: Where to, if not to the same address.
        """
        self.address = instead or self._home
        if self._connection is not None:
            self._connection.close(anyio.ClosedResourceError())

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """
        Keep a connection open.

        Raises:
            StreamError: Of type "hub": the first one cannot be made.
        """
        await self._connect_and_stay(task_status.started)
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._connect_and_stay()
                pause = _FIRST_PAUSE
            except StreamError as error:
                self.fault, self.address = error, self._home
                await anyio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _connect_and_stay(self, when_made: Callable[[], None] = lambda: None) -> None:
        try:
            with anyio.fail_after(self.address.timeout):
                wire = await open_wire(self.address)
        except BROKEN as error:
            raise without_connection(self.address, error) from error
        fault: StreamError | None = None
        connection = Connection(wire, self.address.timeout, self._on_told)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.run)
            fault = await self._prepared(connection)
            if fault is None:
                self.fault, self._connection = None, connection
                made, self._made = self._made, anyio.Event()
                made.set()
                when_made()
            else:
                tasks.cancel_scope.cancel()
        self._connection = None
        if fault is not None:
            raise fault

    async def _prepared(self, connection: Connection) -> StreamError | None:
        """
        Log in and look at what is there.

        Returns:
            Why it cannot be used; None where it can.
        """
        try:
            with anyio.fail_after(self.address.timeout):
                await self._prepare(connection)
        except TimeoutError as error:
            return without_connection(self.address, error)
        except anyio.ClosedResourceError:
            return without_connection(self.address, connection.error)
        except hiredis.ReplyError as error:
            return refused(self.address, error)
        except StreamError as error:
            return error
        return None

    async def _prepare(self, connection: Connection) -> None:
        address = self.address
        if address.password is not None:
            user = () if address.username is None else (address.username,)
            await connection.ask("AUTH", *user, address.password)
        if address.db:
            await connection.ask("SELECT", address.db)
        info = await connection.ask("INFO")
        fault = fault_of(address, server_facts(info if isinstance(info, bytes) else b""))
        if fault is not None:
            raise fault
        self._greet(connection)
