"""
httpx2's client on connections that are made as it suits the event loop: aiohttp's on asyncio, httpx2's own elsewhere.
"""

from __future__ import annotations

import socket
import sys
import weakref
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Literal

import httpx2
from anyio import NoEventLoopError, get_cancelled_exc_class

from streamkit._claude.transport.connections import PooledTransport, Pools

if TYPE_CHECKING:
    import aiohttp

__all__ = ["PooledClient", "Transport", "has_aiohttp", "on_trio"]

Transport = Literal["auto", "httpx2", "aiohttp"]

_POOL_SIZE: Final = 20
"""Places of one of httpx2's pools, for which a look at all of them costs little beside a request."""

_KEEP_ALIVE: Final = (("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5), ("TCP_KEEPIDLE", 60))
"""What the SDK sets for its own connections, where the system has it."""


class PooledClient(httpx2.AsyncClient):
    """
    A client whose transports, also those to a proxy, are a `PooledTransport` each.

    Args:
        transport: How connections are made. `"auto"` decides at the first request.
        connections: How many there are at most, to each proxy and without one.
        options: Those of `httpx2.AsyncClient`.
    """

    def __init__(self, transport: Transport, connections: int, **options: Any) -> None:
        self._connects_by: Transport = transport
        self._connections = connections
        super().__init__(**options)

    # httpx2 calls these two for what it needs, as the SDK's own client for aiohttp has it too. What they are given is handed on.
    def _init_transport(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, **settings: Any
    ) -> httpx2.AsyncBaseTransport:
        return self._pooled(settings)

    def _init_proxy_transport(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, proxy: httpx2.Proxy, **settings: Any
    ) -> httpx2.AsyncBaseTransport:
        return self._pooled({**settings, "proxy": proxy})

    def _pooled(self, settings: dict[str, Any]) -> httpx2.AsyncBaseTransport:
        settings.pop("transport", None)
        limits: httpx2.Limits = settings.pop("limits")
        # Reading the certificates is too much for each of many pools, and it tells at once what is wrong with them.
        context = httpx2.create_ssl_context(*(settings.pop(name) for name in ("verify", "cert", "trust_env")))
        return PooledTransport(
            partial(_pools, self._connects_by, self._connections, limits, {**settings, "verify": context})
        )


def _pools(transport: Transport, connections: int, limits: httpx2.Limits, settings: dict[str, Any]) -> Pools:
    kept_alive = connections if limits.max_keepalive_connections is None else limits.max_keepalive_connections
    by_aiohttp = transport == "aiohttp" or (
        transport == "auto" and not on_trio() and not settings["http2"] and has_aiohttp()
    )
    make = partial(_aiohttp_pool if by_aiohttp else _httpx2_pool, limits.keepalive_expiry, settings)
    # One connection of HTTP/2 has many requests at once, so that pools would only part them.
    whole = by_aiohttp or settings["http2"]
    return Pools(make, size=None if whole else _POOL_SIZE, connections=connections, kept_alive=kept_alive)


def _httpx2_pool(
    expiry: float | None, settings: dict[str, Any], kept_alive: int
) -> httpx2.AsyncBaseTransport:
    limits = httpx2.Limits(
        max_connections=None, max_keepalive_connections=kept_alive, keepalive_expiry=expiry
    )
    return httpx2.AsyncHTTPTransport(limits=limits, socket_options=_socket_options(), **settings)


def _aiohttp_pool(expiry: float | None, settings: dict[str, Any], _: int) -> httpx2.AsyncBaseTransport:
    import aiohttp
    from anthropic._vendor.httpx_aiohttp import AiohttpTransport

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=expiry, ssl=settings["verify"], socket_factory=_socket
        )
        # httpx2's client keeps the cookies.
        made = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        weakref.finalize(pool, _give_up, made)
        return made

    pool = AiohttpTransport(**settings, client=session)
    return pool


def _give_up(session: aiohttp.ClientSession) -> None:
    """
    Close the connections of a client that nobody has closed, as short scripts leave it. aiohttp would tell of each of them, which
    httpx2 does not.
    """
    connector = session.connector
    if connector is None or connector.closed:
        return
    closing: Any = connector.close()
    with suppress(StopIteration):
        closing.send(
            None
        )  # they are closed by now; what would be waited for is that the other side has heard
    closing.close()


def _socket(address: Any) -> socket.socket:
    made = socket.socket(*address[:3])  # its family, its type, its protocol
    for option in _socket_options():
        made.setsockopt(*option)
    return made


def _socket_options() -> list[tuple[int, int, int]]:
    there = [(getattr(socket, name), value) for name, value in _KEEP_ALIVE if hasattr(socket, name)]
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, name, value) for name, value in there),
    ]


def has_aiohttp() -> bool:
    """
    Whether aiohttp is installed, and the SDK's transport for it is there.
    """
    if "aiohttp" not in sys.modules and find_spec("aiohttp") is None:
        return False
    try:
        import_module("anthropic._vendor.httpx_aiohttp")
    except (ImportError, AttributeError):
        return False
    return True


def on_trio() -> bool:
    """
    Whether this is called in a program of trio's.
    """
    try:
        return get_cancelled_exc_class().__module__.partition(".")[0] == "trio"
    except NoEventLoopError:
        return False
