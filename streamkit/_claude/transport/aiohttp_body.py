"""
Reads the body of a response where aiohttp has put its bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.transport.direct_body import DirectBody, ReadTimer, innermost, loaded

if TYPE_CHECKING:
    from aiohttp import ClientResponse

__all__ = ["AiohttpBody", "aiohttp_body"]


def aiohttp_body(response: Any) -> AiohttpBody | None:
    """
    The body of a response of the SDK's aiohttp transport; None for one of another.
    """
    body = innermost(response)
    if type(body) is not loaded("anthropic._vendor.httpx_aiohttp.transport", "AiohttpResponseStream"):
        return None
    return AiohttpBody(response, body._aiohttp_response)


class AiohttpBody(DirectBody):
    """
    The body of one of aiohttp's responses.

    Args:
        response: httpx2's response.
        inner: The one of aiohttp under it.
    """

    __slots__ = ("_content", "_timer")

    def __init__(self, response: Any, inner: ClientResponse) -> None:
        import asyncio

        super().__init__(response)
        self._content = inner.content
        self._timer = ReadTimer(asyncio.get_running_loop(), self._given_limit(), self._interrupt)
        protocol = None if inner.connection is None else inner.connection.protocol
        if protocol is not None:
            protocol.read_timeout = None  # aiohttp would set a timer for each read

    def limit_silence(self, seconds: float) -> None:
        self._timer.limit = seconds

    async def _read(self) -> bytes:
        try:
            with self._timer:
                return await self._content.readany()
        except Exception:
            # It fails in the same way when it is read again, and then the transport makes an error of httpx2's out of it.
            return b""

    def _leave(self) -> None:
        self._timer.cancel()

    def _interrupt(self) -> None:
        import aiohttp

        self._content.set_exception(aiohttp.SocketTimeoutError("Timeout on reading data from socket"))
