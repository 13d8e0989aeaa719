"""
A streamed response of 10,000 text deltas, another one of short blocks, and the ways their bytes reach a client.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anthropic
import httpx2

from .frames import frame, message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence

__all__ = [
    "BLOCKS",
    "DELTAS",
    "FRAMES",
    "IN_BLOCKS",
    "TEXT",
    "in_memory",
    "over_tcp",
    "reads_of",
]

DELTAS = 10_000
BLOCKS = 2_000
_TURNS = 3  # of the loop, for the client to read what was written: selected, received, resumed
_WORDS = ("The", " river", " keeps", " what", " it", " is", " given", ",", " and", " gives", " it", ".\n")
_PIECES = [_WORDS[number % len(_WORDS)] for number in range(DELTAS)]
TEXT = "".join(_PIECES)


def _delta(text: str) -> dict[str, str]:
    return {"type": "text_delta", "text": text}


def _block(index: int, pieces: Iterable[str]) -> list[bytes]:
    return [
        frame("content_block_start", index=index, content_block={"type": "text", "text": ""}),
        *(frame("content_block_delta", index=index, delta=_delta(piece)) for piece in pieces),
        frame("content_block_stop", index=index),
    ]


FRAMES = message(_block(0, _PIECES))
"""The response's events, each as its bytes."""

IN_BLOCKS = message([each for index, piece in enumerate(_PIECES[:BLOCKS]) for each in _block(index, [piece])])
"""The same of a response in which each block has one delta, so that most events are no deltas."""


def reads_of(size: int) -> list[bytes]:
    """
    The response cut into reads of `size` bytes, without regard for where an event ends.
    """
    body = b"".join(FRAMES)
    return [body[start : start + size] for start in range(0, len(body), size)]


class _Body(httpx2.AsyncByteStream):
    def __init__(self, reads: Sequence[bytes]) -> None:
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for read in self._reads:
            yield read


@asynccontextmanager
async def in_memory(reads: Sequence[bytes]) -> AsyncGenerator[anthropic.AsyncAnthropic, None]:
    """
    The SDK's client on a transport that has no socket: every read is there at once.
    """

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Body(reads))

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with anthropic.AsyncAnthropic(api_key="none", http_client=http) as client:
        yield client


@asynccontextmanager
async def over_tcp() -> AsyncGenerator[anthropic.AsyncAnthropic, None]:
    """
    The SDK's client on loopback. The server shares the client's loop and lets it read each event before it
    sends the next, so that each is a read of its own.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for event in FRAMES:
            writer.write(event)
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    # Nothing on loopback is to be verified, and no proxy to go through.
    http = httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(verify=False))
    sdk = anthropic.AsyncAnthropic(api_key="none", base_url=f"http://{host}:{port}", http_client=http)
    async with server, sdk as client:
        yield client
