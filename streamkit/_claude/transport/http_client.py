"""
The HTTP client that suits streams, and the limit on silence that it can keep by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from anyio import NoEventLoopError, get_cancelled_exc_class

from streamkit._claude.transport.timeouts import Timeouts
from streamkit._core.checks import choice
from streamkit._core.keyword_hints import keyword_hints

if TYPE_CHECKING:
    import httpx2

__all__ = ["client_limit", "http_client", "is_read_timeout", "limit_silence"]

Transport = Literal["httpx2", "aiohttp"]

_CONNECTIONS = 100
_KEPT_ALIVE = 20
_EXPIRY = 30.0
"""Seconds that an idle connection is kept."""


@keyword_hints
def http_client(
    timeouts: Timeouts | None = None, *, transport: Transport = "httpx2", **options: Any
) -> httpx2.AsyncClient:
    """
    An HTTP client for `anthropic.AsyncAnthropic(http_client=…)`, with the part of the timeouts that an HTTP client keeps.

    It makes at most 100 connections and keeps at most 20 of them while they are idle, for 30 seconds. TCP keep-alive stays
    on. The SDK takes clients of httpx2 only, not of httpx. `messages(timeouts=…)` sets its own timeouts for its requests,
    whatever the client.

    Args:
        timeouts: By default `Timeouts()`. Only `connect`, `read`, `write` and `pool` are an HTTP client's.
        transport: `"httpx2"` works on asyncio and on trio; `"aiohttp"` on asyncio only, where each read costs less. It
            needs the extra `aiohttp`.
        options: Other options of `httpx2.AsyncClient`, such as `proxy`, `verify` or `headers`.

    Raises:
        TypeError: `timeouts` is not a `Timeouts`, or `timeout` is given.
        ValueError: `transport` is unknown.
        ImportError: aiohttp is not installed.
        RuntimeError: `transport="aiohttp"` on trio.
    """
    if timeouts is not None and not isinstance(timeouts, Timeouts):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"http_client() needs Timeouts, such as Timeouts(read=30), not {timeouts!r}")
    if "timeout" in options:
        raise TypeError("http_client() takes timeouts=Timeouts(…) in place of `timeout`")
    choice("http_client", "transport", transport, get_args(Transport))
    import anthropic
    import httpx2

    settings: dict[str, Any] = {
        "timeout": (timeouts or Timeouts()).for_http(),
        "limits": httpx2.Limits(
            max_connections=_CONNECTIONS, max_keepalive_connections=_KEPT_ALIVE, keepalive_expiry=_EXPIRY
        ),
        **options,
    }
    if transport == "httpx2":
        return anthropic.DefaultAsyncHttpxClient(**settings)
    if _on_trio():
        raise RuntimeError('http_client(transport="aiohttp") works on asyncio only: use "httpx2" on trio')
    try:
        return anthropic.DefaultAioHttpClient(**settings)
    except RuntimeError as error:
        raise ImportError(
            'http_client(transport="aiohttp") needs aiohttp: pip install "claude-streamkit[aiohttp]"'
        ) from error


def limit_silence(response: Any, seconds: float) -> bool:
    """
    Have the HTTP client end a read of this response's body after so many seconds, which it counts anyway.

    Returns:
        Whether it will. httpx2's own transports look up the timeout when the body is begun, and show the network stream that
        they read from. What another transport does is not known.
    """
    timeouts = response.request.extensions.get("timeout")
    if "network_stream" not in response.extensions or not isinstance(timeouts, dict):
        return False
    timeouts["read"] = seconds
    return True


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


def _on_trio() -> bool:
    try:
        return get_cancelled_exc_class().__module__.partition(".")[0] == "trio"
    except NoEventLoopError:
        return False
