"""
One connection to Redis: commands go out together as they come, and replies come back in the same order.

streamkit needs few commands, each of them safe to repeat, and speaks Redis's protocol itself: what a client of everything
does around a command costs several times what the append does (docs/decisions/0006-own-redis-connection.md has the figures).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
import hiredis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from streamkit.hub._stores.redis.wire import Wire

__all__ = ["BROKEN", "Connection", "as_command"]

if TYPE_CHECKING:
    Reply: TypeAlias = bytes | int | list["Reply"] | hiredis.ReplyError | None

BROKEN: Final = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    hiredis.ProtocolError,
    OSError,
)
"""How a connection ends. Whether Redis has done what was asked is not known then."""

_LOOKS: Final = 4
"""
How often in a row nothing has come before a connection is taken for dead. A process that was stopped for a while looks once when
it goes on, and then reads first what has come.
"""
_PING: Final = b"PING\r\n"

_pack: Final[Callable[[tuple[bytes | str | int, ...]], bytes]] = cast("Any", hiredis).pack_command
"""hiredis tells checkers of a tuple with one part alone."""


def as_command(*parts: bytes | str | int) -> bytes:
    """
    A command as Redis reads it.
    """
    return _pack(parts)


class _Call:
    """
    A command that waits for its reply.
    """

    __slots__ = ("answered", "reply")

    def __init__(self) -> None:
        self.answered = anyio.Event()
        self.reply: Reply = None


class Connection:
    """
    An open connection. Calls may be made while `run` runs.

    Args:
        wire: Its bytes.
        timeout: Seconds after which it is taken for dead where something is expected and nothing comes.
        on_told: Is given what comes without a call, which is a subscription's. Such a connection is pinged.

    Attributes:
        error: Why it is broken; None as long as it is not.
    """

    def __init__(self, wire: Wire, timeout: float, on_told: Callable[[Reply], None] | None = None) -> None:
        self.error: Exception | None = None
        self._wire = wire
        self._timeout = timeout
        self._on_told = on_told
        self._reader = hiredis.Reader()
        self._unsent: list[bytes] = []
        self._shared: dict[bytes, _Call] = {}
        self._calls: deque[_Call] = deque()
        self._heard = True
        self._scope = anyio.CancelScope()
        wire.begin(self._taken, self._hear)

    async def run(self) -> None:
        """
        Send and receive until the connection breaks. All calls that wait are told then.
        """
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    for job in (*self._wire.jobs, self._notice_silence):
                        tasks.start_soon(self._until_broken, job)
        finally:
            self.close(anyio.ClosedResourceError())
            await self._wire.aclose()

    async def call(self, command: bytes, *, shared: bool = False) -> Reply:
        """
        Send a command and wait for its reply.

        Args:
            command: As `as_command` makes it.
            shared: Whether it only reads, so that the reply to the same command will do where that has not been sent yet.

        Raises:
            ClosedResourceError: The connection is broken.
        """
        call = self._shared.get(command) if shared else None
        if call is None:
            self.post(command)
            call = _Call()
            self._calls.append(call)
            if shared:
                self._shared[command] = call
        await call.answered.wait()
        if self.error is not None and call.reply is None:
            raise anyio.ClosedResourceError from self.error
        return call.reply

    async def ask(self, *parts: bytes | str | int) -> Reply:
        """
        Send a command, and raise what Redis refuses it with.

        Raises:
            ClosedResourceError: The connection is broken.
            ReplyError: Redis refuses.
        """
        reply = await self.call(as_command(*parts))
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def post(self, command: bytes) -> None:
        """
        Send a command without waiting for its reply.

        Raises:
            ClosedResourceError: The connection is broken.
        """
        if self.error is not None:
            raise anyio.ClosedResourceError from self.error
        self._unsent.append(command)
        self._wire.send_soon()

    def close(self, error: Exception) -> None:
        """
        Take the connection for broken. `run` ends soon.
        """
        if self.error is None:
            self.error = error
            while self._calls:
                self._calls.popleft().answered.set()
            self._scope.cancel()

    async def _until_broken(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except BROKEN as error:
            self.close(error)

    def _taken(self) -> bytes:
        data = b"".join(self._unsent)
        self._unsent.clear()
        self._shared.clear()
        return data

    def _hear(self, data: bytes) -> None:
        self._heard = True
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if self._calls:
                call = self._calls.popleft()
                call.reply = reply
                call.answered.set()
            elif self._on_told is not None:
                self._on_told(reply)

    async def _notice_silence(self) -> None:
        looks = 0
        while looks < _LOOKS:
            await anyio.sleep(self._timeout / _LOOKS)
            if self._on_told is not None and not self._calls:
                self.post(_PING)
            expects = self._on_told is not None or bool(self._calls)
            looks = looks + 1 if expects and not self._heard else 0
            self._heard = False
        raise TimeoutError(f"no answer in {self._timeout:g} seconds")
