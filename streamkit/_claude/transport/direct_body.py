"""
Reads the body of a response below the layers that the SDK and its HTTP client have around it.

They add nothing to its bytes, and with events that come one by one, each of them is passed for every event. This and the two
modules for the parts at the bottom, `aiohttp_body` and `http11_body`, touch private parts of the HTTP clients. Where one is not
what it is expected to be, the public way is read, and `tests/claude/transport/test_direct_body.py` says so.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final, Self, cast

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from collections.abc import AsyncGenerator

__all__ = ["DirectBody", "ReadTimer", "innermost", "loaded"]

_LAYERS: Final = {
    ("httpx2._client", "BoundAsyncStream"): "_stream",
    ("anthropic._tracing", "AsyncSpanEndingStream"): "_async_body",
    ("streamkit._claude.transport.connections", "HeldBody"): "body",
}
"""Bodies around a body, as module and class, that hand its bytes on unchanged; and their attribute that has it."""


def loaded(module: str, name: str) -> Any:
    """
    A class of a module, if that has been imported, so that there can be instances of it; otherwise None.
    """
    return getattr(sys.modules.get(module), name, None)


def innermost(response: Any) -> Any:
    """
    The body of a response without the known layers around it.
    """
    body = response.stream
    while (attribute := _LAYERS.get((type(body).__module__, type(body).__qualname__))) is not None:
        body = getattr(body, attribute)
    return body


class DirectBody:
    """
    The bytes of a body. What stands at its end, and whatever else is not plain, is read the public way, which also gives the
    connection back.

    Args:
        response: The response, of which nothing has been read.
    """

    __slots__ = ("_public", "_response")

    def __init__(self, response: Any) -> None:
        self._response = response
        self._public: AsyncGenerator[bytes, None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        public = self._public
        if public is None:
            if data := await self._read():
                return data
            self._leave()
            self._public = public = cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())
        return await anext(public)

    async def aclose(self) -> None:
        """
        Read nothing more. Closing the response remains the caller's task.
        """
        self._leave()
        if self._public is not None:
            await self._public.aclose()

    @abstractmethod
    def limit_silence(self, seconds: float) -> None:
        """
        Let a read take so many seconds, and no longer.
        """

    @abstractmethod
    async def _read(self) -> bytes:
        """
        Bytes of the body; none where the public way is to be taken from here on.
        """

    @abstractmethod
    def _leave(self) -> None:
        """
        There will be no further `_read`.
        """

    def _given_limit(self) -> float | None:
        timeouts = self._response.request.extensions.get("timeout")
        return cast("dict[str, float | None]", timeouts).get("read") if isinstance(timeouts, dict) else None


class ReadTimer:
    """
    Limits each of many waits by one timer, which looks now and then how long the one that goes on has taken.

    Args:
        loop: asyncio's.
        limit: Seconds that a wait may take; None for no limit.

    Attributes:
        limit: The same, which may be changed.
        expired: Whether a wait has taken longer.
    """

    __slots__ = ("_began", "_handle", "_interrupt", "_loop", "expired", "limit")

    def __init__(self, loop: AbstractEventLoop, limit: float | None, interrupt: Any) -> None:
        self._loop = loop
        self._interrupt = interrupt
        self._began: float | None = None
        self._handle: TimerHandle | None = None
        self.limit = limit
        self.expired: bool = False

    def __enter__(self) -> None:
        now = self._began = self._loop.time()
        if self._handle is None and self.limit is not None:
            self._handle = self._loop.call_at(now + self.limit, self._look)

    def __exit__(self, *_: object) -> None:
        self._began = None

    def cancel(self) -> None:
        """
        There will be no further wait.
        """
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self.limit = None

    def _look(self) -> None:
        self._handle = None
        if self._began is None or self.limit is None:
            return  # the next wait sets it again
        due = self._began + self.limit
        if due > self._loop.time():
            self._handle = self._loop.call_at(due, self._look)
            return
        self.expired = True
        self._interrupt()
