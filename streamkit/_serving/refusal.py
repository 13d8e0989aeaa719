"""
A response without a stream: it says by its status what is wrong, or that there is nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from streamkit._serving.ending import describe_error
from streamkit._serving.http_status import http_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

__all__ = ["Refusal", "refusal"]


def refusal(error: Exception) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """
    The status, the headers and the body that tell of an error before anything else was sent.
    """
    status, body = http_status(error), msgspec.json.encode(describe_error(error))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status.retry_after is not None:
        headers.append((b"retry-after", str(status.retry_after).encode()))
    return status.code, headers, body


class Refusal:
    """
    The response that tells of an error, or that there is nothing to be told.

    Args:
        error: The error; None for 204.
    """

    def __init__(self, error: Exception | None) -> None:
        self._status, self.raw_headers, self._body = (
            (204, [(b"cache-control", b"no-store")], b"") if error is None else refusal(error)
        )

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """
        Serve one request.
        """
        body = b"" if scope.get("method") == "HEAD" else self._body
        with suppress(OSError):  # the client is gone
            await send({"type": "http.response.start", "status": self._status, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})
