"""
The bytes of a response: by the shortest way there is to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.transport.aiohttp_body import aiohttp_body
from streamkit._claude.transport.direct_body import DirectBody
from streamkit._claude.transport.http11_body import http11_body

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["body_of", "limit_silence"]


def body_of(response: Any) -> DirectBody | AsyncGenerator[bytes, None]:
    """
    The bytes of a response, of which nothing has been read: from below the client's layers where they are known and nothing has
    to be decompressed, and otherwise through the client.
    """
    if response.is_stream_consumed or "content-encoding" in response.headers:
        decompressed: AsyncGenerator[bytes, None] = response.aiter_bytes()
        return decompressed
    return _direct(response) or response.aiter_raw()


def _direct(response: Any) -> DirectBody | None:
    if response.is_closed:
        return None
    try:
        return aiohttp_body(response) or http11_body(response)
    except AttributeError:  # a layer has changed, or is a stand-in
        return None


def limit_silence(response: Any, body: object, seconds: float) -> bool:
    """
    Have the HTTP client end a read of this response's body after so many seconds, which it counts anyway.

    Returns:
        Whether it will. httpx2's own transports look up the timeout when the body is begun, and show the network stream that
        they read from. What another transport does is not known.
    """
    timeouts = response.request.extensions.get("timeout")
    counts = "network_stream" in response.extensions and isinstance(timeouts, dict)
    if counts:
        timeouts["read"] = seconds
    if isinstance(body, DirectBody):  # which may come to read on in the public way
        body.limit_silence(seconds)
        return True
    return counts
