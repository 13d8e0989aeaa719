"""
Reads the body of a response from its HTTP/1.1 connection in httpx2's pool.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import SocketAttribute

from streamkit._claude.transport.chunked import Chunks
from streamkit._claude.transport.direct_body import DirectBody, ReadTimer, innermost, loaded

if TYPE_CHECKING:
    import h11
    import httpx2
    from anyio.abc import ByteStream

__all__ = ["Http11Body", "http11_body"]

_MOST = 64 * 1024
"""Bytes of a read, which is what httpx2 takes."""


def http11_body(response: Any) -> Http11Body | None:
    """
    The body of a response of httpx2's own transports that comes in chunks, over HTTP/1.1; None for another.
    """
    if (
        response.headers.get_list("transfer-encoding") != ["chunked"]
        or "trace" in response.request.extensions
    ):
        return None
    connection = _connection(response)
    if connection is None:
        return None
    parser: h11.Connection = connection._h11_state
    chunks = Chunks()
    begun = chunks.feed(parser.trailing_data[0])
    if chunks.rest is not None or parser.trailing_data[1] or len(chunks.to_boundary) > _MOST:
        return None
    stream: Any = connection._network_stream
    if type(stream) is loaded("httpcore2._backends.anyio", "AnyIOStream"):
        bottom: ByteStream = stream._stream
        if bottom.extra(SocketAttribute.raw_socket, None) is None:
            return None
        read: type[Http11Body] = _AsyncioBody
    elif type(stream) is loaded("httpcore2._backends.trio", "TrioStream"):
        bottom, read = stream, _TrioBody
    else:
        return None
    return read(response, bottom, parser, chunks, begun)


def _connection(response: Any) -> Any:
    """
    The connection that a response comes from, if all that stands between is as it is known; otherwise None.
    """
    layers = (
        ("httpx2._transports.default", "AsyncResponseStream", "_httpcore_stream"),
        ("httpcore2._async.connection_pool", "PoolByteStream", "_stream"),
        ("httpcore2._async.http11", "HTTP11ConnectionByteStream", "_connection"),
    )
    found = innermost(response)
    for module, name, attribute in layers:
        if type(found) is not loaded(module, name):
            return None
        found = getattr(found, attribute)
    return found if type(found) is loaded("httpcore2._async.http11", "AsyncHTTP11Connection") else None


class Http11Body(DirectBody):
    """
    The body on an HTTP/1.1 connection.

    httpx2's parser sees the beginning of the body and its end, and nothing between, so that to it the body was a short one.

    Args:
        response: httpx2's response.
        stream: The network.
        parser: httpx2's parser of this connection.
        chunks: What takes the chunks apart.
        begun: The part of the body that had arrived with the head.
    """

    __slots__ = ("_begun", "_chunks", "_parser", "_stream")

    def __init__(
        self, response: Any, stream: Any, parser: h11.Connection, chunks: Chunks, begun: bytes
    ) -> None:
        super().__init__(response)
        self._stream = stream
        self._parser = parser
        self._chunks = chunks
        self._begun = begun
        self._show(chunks.to_boundary)

    async def _read(self) -> bytes:
        if begun := self._begun:
            self._begun = b""
            return begun
        chunks = self._chunks
        while chunks.rest is None:
            if data := await self._receive():
                if body := chunks.feed(data):
                    return body
            else:
                self._show(chunks.broken_off)
                self._parser.receive_data(b"")  # the connection has ended
                return b""
        self._parser.receive_data(chunks.rest)
        return b""

    def _show(self, body: bytes) -> None:
        """
        Give a part of the body to httpx2's parser, and have it forgotten.
        """
        import h11

        if body:
            self._parser.receive_data(body)
        while isinstance(self._parser.next_event(), h11.Data):
            pass

    async def _receive(self) -> bytes:
        raise NotImplementedError

    def _failed(self, kind: type[httpx2.TransportError], cause: Exception) -> httpx2.TransportError:
        error = kind(str(cause), request=self._response.request)
        observer = getattr(self._response.stream, "stream_observer", None)
        if observer is not None:  # the SDK's span of the call, which its own reading would have told
            observer.end("failed", error)
        return error


class _AsyncioBody(Http11Body):
    """
    Read from anyio's stream on asyncio, with one timer for all reads.
    """

    __slots__ = ("_timer",)

    def __init__(self, *given: Any) -> None:
        import asyncio

        super().__init__(*given)
        self._timer = ReadTimer(asyncio.get_running_loop(), self._given_limit(), self._hang_up)

    def limit_silence(self, seconds: float) -> None:
        self._timer.limit = seconds

    async def _receive(self) -> bytes:
        import httpx2

        try:
            with self._timer:
                data: bytes = await self._stream.receive(_MOST)
        except anyio.EndOfStream as error:
            if self._timer.expired:
                raise self._failed(httpx2.ReadTimeout, error) from error
            return b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            kind = httpx2.ReadTimeout if self._timer.expired else httpx2.ReadError
            raise self._failed(kind, error) from error
        return data

    def _leave(self) -> None:
        self._timer.cancel()

    def _hang_up(self) -> None:
        """
        End the read that goes on. Its connection is of no use any more.
        """
        from asyncio.trsock import TransportSocket

        own = self._stream.extra(SocketAttribute.raw_socket)
        if isinstance(own, TransportSocket):
            own.shutdown(socket.SHUT_RDWR)
            return
        # uvloop's stands for a socket that it does not give away.
        with socket.socket(fileno=os.dup(own.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)


class _TrioBody(Http11Body):
    """
    Read from httpx2's stream on trio.
    """

    __slots__ = ("_limit",)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._limit = self._given_limit()

    def limit_silence(self, seconds: float) -> None:
        self._limit = seconds

    async def _receive(self) -> bytes:
        import httpcore2
        import httpx2

        try:
            data: bytes = await self._stream.read(_MOST, timeout=self._limit)
        except httpcore2.ReadTimeout as error:
            raise self._failed(httpx2.ReadTimeout, error) from error
        except httpcore2.ReadError as error:
            raise self._failed(httpx2.ReadError, error) from error
        return data

    def _leave(self) -> None: ...
