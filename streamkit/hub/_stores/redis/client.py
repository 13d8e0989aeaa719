"""
Runs scripts in Redis, over one connection for all callers, and repeats them where it is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
import hiredis

from streamkit.hub._stores.redis.connection import as_command
from streamkit.hub._stores.redis.link import Link
from streamkit.hub._stores.redis.refused import kind_of, refused, will_pass, without_connection

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from streamkit._core.errors import StreamError
    from streamkit.hub._stores.redis.address import Address
    from streamkit.hub._stores.redis.connection import Reply
    from streamkit.hub._stores.redis.scripts import Script

__all__ = ["Client"]

_PAUSE: Final = 0.05
"""Seconds before a command is repeated that Redis cannot do just now."""


class Client:
    """
    A Redis that runs scripts.

    Args:
        address: Where it is.
        base: With what the names of all keys begin.
    """

    def __init__(self, address: Address, base: str) -> None:
        self._link = Link(address)
        self._base = base
        self._timeout = address.timeout

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """
        Keep the connection open.

        Raises:
            StreamError: Of type "hub": the first one cannot be made.
        """
        await self._link.run(task_status=task_status)

    def leave(self) -> None:
        """
        Take no more calls.
        """
        self._link.leave()

    async def run_script(self, script: Script, *args: bytes | str | int, shared: bool = False) -> list[Reply]:
        """
        Run a script.

        Args:
            script: Which one. It is run again where the connection is lost before it has answered.
            args: For the script.
            shared: Whether it only reads, so that callers at the same moment may have one answer.

        Raises:
            StreamError: Of type "hub": Redis refuses, or has not answered for `timeout` seconds.
        """
        command = as_command("EVALSHA", script.sha, 1, self._base, *args)
        connection = self._link.connection
        if connection is not None:
            try:
                reply = await connection.call(command, shared=shared)
            except anyio.ClosedResourceError:
                pass
            else:
                if isinstance(reply, list):
                    return reply
        in_full = as_command("EVAL", script.source, 1, self._base, *args)
        return _as_list(await self._insist(command, in_full))

    async def ask(self, *parts: bytes | str | int) -> list[Reply]:
        """
        Send a command that only reads, and whose reply is a list.
        """
        command = as_command(*parts)
        return _as_list(await self._insist(command, command))

    async def _insist(self, command: bytes, in_full: bytes) -> Reply:
        """
        Repeat a command until Redis has done it.
        """
        fault: StreamError | None = None
        with anyio.move_on_after(self._timeout):
            while True:
                connection = await self._link.connected()
                try:
                    reply = await connection.call(command)
                except anyio.ClosedResourceError:
                    continue
                if not isinstance(reply, hiredis.ReplyError):
                    return reply
                kind = kind_of(reply)
                fault = refused(self._link.address, reply)
                if kind == "NOSCRIPT":
                    command = in_full
                elif kind == "MOVED":
                    host, _, port = str(reply).rpartition(" ")[2].rpartition(":")
                    self._link.drop(self._link.address.moved(host, int(port)))
                elif not will_pass(reply):
                    raise fault
                else:
                    if kind == "READONLY":  # where this address leads to may have changed
                        self._link.drop()
                    await anyio.sleep(_PAUSE)
        raise self._link.fault or fault or without_connection(self._link.address, None)


def _as_list(reply: Reply) -> list[Reply]:
    if not isinstance(reply, list):
        raise TypeError(f"Redis has answered with {type(reply).__name__} in place of a list")
    return reply
