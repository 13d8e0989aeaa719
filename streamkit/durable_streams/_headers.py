"""
The headers of the protocol's responses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLOSED",
    "CURSOR",
    "HEADERS",
    "NEXT_OFFSET",
    "ON_ALL",
    "RUN_KIND",
    "SSE_ENCODING",
    "UP_TO_DATE",
    "encoded",
]

NEXT_OFFSET: Final = "stream-next-offset"
UP_TO_DATE: Final = "stream-up-to-date"
CLOSED: Final = "stream-closed"
CURSOR: Final = "stream-cursor"
SSE_ENCODING: Final = "stream-sse-data-encoding"
RUN_KIND: Final = "stream-run-kind"
"""Not the protocol's, which knows one way to be closed: `kind` of the run's status."""

HEADERS: Final[tuple[str, ...]] = (NEXT_OFFSET, UP_TO_DATE, CLOSED, CURSOR, SSE_ENCODING, RUN_KIND, "etag")
"""What a page of another origin has to be allowed to read: `CORSMiddleware(…, expose_headers=sk.durable_streams.HEADERS)`."""

ON_ALL: Final = {"x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin"}
"""No browser guesses what a response is, or shows it inside a page of another site. It says nothing of what `fetch` may read."""


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """
    Headers as ASGI has them.
    """
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
