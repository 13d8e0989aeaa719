"""
The HTTP client that suits streams, and the limits that an HTTP client keeps by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from streamkit._claude.transport.timeouts import Timeouts
from streamkit._core.checks import as_whole, choice
from streamkit._core.keyword_hints import keyword_hints

if TYPE_CHECKING:
    import httpx2

    from streamkit._claude.transport.pooled_client import Transport

__all__ = ["client_limit", "http_client", "is_read_timeout"]

_KEPT_ALIVE = 20
_EXPIRY = 30.0
"""Seconds that an idle connection is kept."""


@keyword_hints
def http_client(
    timeouts: Timeouts | None = None,
    *,
    transport: Transport = "auto",
    connections: int = 1000,
    **options: Any,
) -> httpx2.AsyncClient:
    """
    An HTTP client for `anthropic.AsyncAnthropic(http_client=…)` that has many streams at once, with the part of the timeouts that
    an HTTP client keeps.

    A request for which no connection is free waits for one, which is logged. It keeps at most 20 connections while they are idle,
    for 30 seconds, or as `limits=httpx2.Limits(…)` says. TCP keep-alive stays on. The SDK takes clients of httpx2 only, not of
    httpx. `messages(timeouts=…)` sets its own timeouts for its requests, whatever the client.

    Args:
        timeouts: By default `Timeouts()`. Only `connect`, `read`, `write` and `pool` are an HTTP client's.
        transport: How connections are made. `"aiohttp"` costs least for each request and read, works on asyncio only, and needs
            the extra `aiohttp`. `"httpx2"` works on asyncio and on trio. `"auto"` is the better one that there is, decided at the
            first request.
        connections: How many there are at most, each for one stream at a time.
        options: Other options of `httpx2.AsyncClient`, such as `proxy`, `verify` or `headers`.

    Raises:
        TypeError: `timeouts` is not a `Timeouts`, or `timeout` is given, or `connections` is not a whole number.
        ValueError: `transport` is unknown, or `connections` is less than 1.
        ImportError: aiohttp is not installed.
        RuntimeError: `transport="aiohttp"` on trio.
    """
    if timeouts is not None and not isinstance(timeouts, Timeouts):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"http_client() needs Timeouts, such as Timeouts(read=30), not {timeouts!r}")
    if "timeout" in options:
        raise TypeError("http_client() takes timeouts=Timeouts(…) in place of `timeout`")
    most = as_whole(connections)
    if most is None:
        raise TypeError(
            f"http_client(connections=…) must be how many streams there may be at once, not {connections!r}"
        )
    if most < 1:
        raise ValueError(f"http_client(connections=…) must be at least 1, not {connections!r}")
    import httpx2

    from streamkit._claude.transport.pooled_client import PooledClient, Transport, has_aiohttp, on_trio

    choice("http_client", "transport", transport, get_args(Transport))
    if transport == "aiohttp" and on_trio():
        raise RuntimeError('http_client(transport="aiohttp") works on asyncio only: use "httpx2" on trio')
    if transport == "aiohttp" and not has_aiohttp():
        raise ImportError(
            'http_client(transport="aiohttp") needs aiohttp: pip install "claude-streamkit[aiohttp]"'
        )
    limits = options.pop("limits", None) or httpx2.Limits(
        max_keepalive_connections=_KEPT_ALIVE, keepalive_expiry=_EXPIRY
    )
    return PooledClient(
        transport,
        min(most, limits.max_connections or most),
        **{
            "timeout": (timeouts or Timeouts()).for_http(),
            "follow_redirects": True,
            "limits": limits,
            **options,
        },
    )


def client_limit(error: BaseException | None) -> tuple[str | None, float | None]:
    """
    The limit of the HTTP client that has ended a wait with this error.

    Returns:
        Its name, which is that of the field of `Timeouts`, and its seconds; None for what is not known.
    """
    import httpx2

    if not isinstance(error, httpx2.TimeoutException):
        return None, None
    names: dict[type, str] = {
        httpx2.ConnectTimeout: "connect",
        httpx2.ReadTimeout: "read",
        httpx2.WriteTimeout: "write",
        httpx2.PoolTimeout: "pool",
    }
    name = names.get(type(error), "")
    try:
        limits = error.request.extensions.get("timeout")
    except RuntimeError:  # a transport of somebody else's has not said which request
        limits = None
    return name or None, cast("dict[str, float]", limits).get(name) if isinstance(limits, dict) else None


def is_read_timeout(error: Exception) -> bool:
    """
    Whether this is what the HTTP client raises when a read takes too long.
    """
    import httpx2

    return isinstance(error, httpx2.ReadTimeout)
