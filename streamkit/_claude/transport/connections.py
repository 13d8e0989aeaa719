"""
A transport with a number of connections: it says when a request waits for one, and stays quick with thousands of them.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import anyio
import httpx2
from anyio.lowlevel import current_token

from streamkit._claude.transport.timeouts import waits_for_connection
from streamkit._core.log import log_warning, running_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["HeldBody", "PooledTransport", "Pools"]


class PooledTransport(httpx2.AsyncBaseTransport):
    """
    Sends its requests through pools that it has made for the event loop. Those of a loop that has ended, as before another
    `asyncio.run`, are of no use.

    Args:
        choose: Makes the pools. It is called at the first request, in the event loop that they are for.
    """

    def __init__(self, choose: Callable[[], Pools]) -> None:
        self._choose = choose
        self._pools: Pools | None = None
        self._loop: object = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._pools is None or self._loop != current_token():
            self._pools, self._loop = self._choose(), current_token()
        return await self._pools.send(request)

    async def aclose(self) -> None:
        pools, self._pools = self._pools, None
        if pools is not None and self._loop == current_token():
            await pools.aclose()


class Pools:
    """
    Gives each request one of so many places, the lowest that is free, for as long as its response is open. So connections that
    are idle are used again. And httpx2's pool, which looks at all its connections for every request, is one of many small ones.

    Args:
        make: Makes a pool that opens as many connections as it is asked for. It is given how many it may keep while idle.
        size: How many places each of them has; None for all of them in one.
        connections: How many places there are.
        kept_alive: How many connections are kept in all.
    """

    def __init__(
        self,
        make: Callable[[int], httpx2.AsyncBaseTransport],
        *,
        size: int | None,
        connections: int,
        kept_alive: int,
    ) -> None:
        self._make = make
        self._size = size or connections
        self._connections = connections
        self._kept_alive = kept_alive
        self._pools: list[httpx2.AsyncBaseTransport] = []
        self._free = list(range(connections))
        self._waiting: deque[_Waiter] = deque()

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """
        Send a request, once there is a place for it.

        Raises:
            httpx2.PoolTimeout: None was free in time.
        """
        place = heappop(self._free) if self._free else await self._awaited(request)
        try:
            response = await self._pool(place // self._size).handle_async_request(request)
        except BaseException:
            self.leave(place)
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = HeldBody(response.stream, self, place)
        return response

    def leave(self, place: int) -> None:
        """
        A place is free: it is given to who has waited longest.
        """
        if self._waiting:
            self._waiting.popleft().give(place)
        else:
            heappush(self._free, place)

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        for pool in self._pools:
            await pool.aclose()

    def _pool(self, number: int) -> httpx2.AsyncBaseTransport:
        while len(self._pools) <= number:
            places_before = len(self._pools) * self._size
            self._pools.append(self._make(max(0, self._kept_alive - places_before)))
        return self._pools[number]

    async def _awaited(self, request: httpx2.Request) -> int:
        limits: dict[str, float | None] = request.extensions.get("timeout", {})
        seconds = limits.get("pool")
        log_warning("connection_awaited", running_in.get(), connections=self._connections)
        waiter = _Waiter()
        self._waiting.append(waiter)
        waits_for_connection.set(True)
        try:
            with anyio.fail_after(seconds):
                place = await waiter.place()
        except BaseException as error:
            with suppress(ValueError):
                self._waiting.remove(waiter)
            if waiter.given is not None:
                self.leave(waiter.given)
            if not isinstance(error, TimeoutError):
                raise
            waits_for_connection.set(False)
            raise httpx2.PoolTimeout(
                f"no connection was free within {seconds} seconds: all {self._connections} were in use, and "
                "http_client(connections=…) says how many there are",
                request=request,
            ) from None
        waits_for_connection.set(False)
        return place


class _Waiter:
    """
    A request that waits for a place.

    Attributes:
        given: The place that it has got.
    """

    def __init__(self) -> None:
        self.given: int | None = None
        self._event = anyio.Event()

    def give(self, place: int) -> None:
        self.given = place
        self._event.set()

    async def place(self) -> int:
        await self._event.wait()
        assert self.given is not None
        return self.given


class HeldBody(httpx2.AsyncByteStream):
    """
    The body of a response, which has a place until it is closed.

    Attributes:
        body: The body itself.
    """

    def __init__(self, body: httpx2.AsyncByteStream, pools: Pools, place: int) -> None:
        self.body = body
        self._pools: Pools | None = pools
        self._place = place

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self.body)

    async def aclose(self) -> None:
        pools, self._pools = self._pools, None
        try:
            await self.body.aclose()
        finally:
            if pools is not None:
                pools.leave(self._place)
