"""
The body of a response that is written to a cassette while it is read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import anyio
import httpx2

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._claude.sources.cassette import Cassette, End

__all__ = ["RecordedBody"]


class RecordedBody(httpx2.AsyncByteStream):
    """
    The body of a response, which is written to a cassette while it is read.

    Args:
        body: The body.
        began: When the request was sent.
        cassette: A function that makes the cassette; called when the body is first read.
    """

    def __init__(self, body: httpx2.AsyncByteStream, began: float, cassette: Callable[[], Cassette]) -> None:
        self._body = body
        self._began = began
        self._make = cassette
        self._cassette: Cassette | None = None

    def __getattr__(self, name: str) -> Any:
        # The SDK's tracing and httpx2 set attributes on a body, and look for them there.
        return getattr(self._body, name)

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        cassette = self._cassette = self._make()
        chunks = aiter(self._body)
        how: End = "closed"
        try:
            async for chunk in chunks:
                cassette.note_read(anyio.current_time() - self._began, chunk)
                yield chunk
        except Exception:
            how = "dropped"
            raise
        finally:
            try:
                self._end(how)
            finally:
                if isinstance(chunks, AsyncGenerator):
                    await chunks.aclose()

    async def aclose(self) -> None:
        try:
            self._end("closed")
        finally:
            await self._body.aclose()

    def _end(self, how: End) -> None:
        if self._cassette is not None:
            self._cassette.note_end(anyio.current_time() - self._began, how)
