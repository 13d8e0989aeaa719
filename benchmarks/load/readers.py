"""
The ways to read one stream of many: a bare socket, the SDK's response, and what makes events of it.
"""

from __future__ import annotations

import asyncio
import re
from array import array
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import anthropic
import httpx2
import msgspec

import streamkit as sk

from ..frames import REQUEST
from ..frameworks import FRAMEWORKS
from .server import FIRST

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from ..frameworks import Ask

__all__ = ["READERS", "TRANSPORTS", "Client", "Seen", "Timed", "raw", "reader", "rust", "sdk"]

READ = 64 * 1024
TIME = re.compile(rb'"text":"(\d+)"').findall
TIMEOUT = 300.0
"""Seconds. Nothing is meant to time out; what hangs is to be seen all the same."""

Client = Literal["the SDK's own client", "aiohttp", "sk.http_client()", "pyreqwest"]
TRANSPORTS: tuple[Client, ...] = ("the SDK's own client", "aiohttp", "sk.http_client()")
"""Those on which the SDK reads."""


class Seen:
    """
    What has come of all streams: their first events, and nothing else.

    Attributes:
        opened: Set when each stream has given something.
    """

    def __init__(self, streams: int) -> None:
        self.opened = asyncio.Event()
        self._missing = streams

    def text(self, text: str) -> None:
        """
        An event's text has come.
        """
        if text == FIRST:
            self._opening()

    def data(self, data: bytes) -> None:
        """
        Bytes have come, with any number of events.
        """
        if FIRST.encode() in data:
            self._opening()

    def _opening(self) -> None:
        self._missing -= 1
        if not self._missing:
            self.opened.set()


class Timed(Seen):
    """
    The same, and how long after their writing the events came, which their text tells.

    Attributes:
        delays: Nanoseconds of each.
        all: Set when all events have come.
    """

    def __init__(self, streams: int, events: int) -> None:
        super().__init__(streams)
        self.delays = array("q")
        self.all = asyncio.Event()
        self._events = streams * events

    def text(self, text: str) -> None:
        if text == FIRST:
            self._opening()
        else:
            self._came(int(text))

    def data(self, data: bytes) -> None:
        for time in TIME(data):
            self.text(time.decode())

    def _came(self, written: int) -> None:
        self.delays.append(monotonic_ns() - written)
        if len(self.delays) == self._events:
            self.all.set()


def sdk(url: str, client: Client, streams: int) -> anthropic.AsyncAnthropic:
    """
    The SDK's client on one of the transports, with as many connections as there are streams.
    """
    http: httpx2.AsyncClient
    limits = httpx2.Limits(max_connections=streams + 1)
    if client == "the SDK's own client":
        http = anthropic.DefaultAsyncHttpxClient(limits=limits, timeout=TIMEOUT)
    else:
        options: dict[str, Any] = {"transport": "aiohttp"} if client == "aiohttp" else {}
        timeouts = sk.Timeouts(connect=TIMEOUT, read=TIMEOUT, write=TIMEOUT, pool=TIMEOUT)
        http = sk.http_client(timeouts, connections=streams + 1, **options)
    return anthropic.AsyncAnthropic(api_key="none", base_url=url, http_client=http, max_retries=0)


async def raw(url: str, seen: Seen) -> None:
    """
    The least that asyncio can do: the request as bytes, and reads.
    """
    host = urlsplit(url)
    body = msgspec.json.encode({**REQUEST, "stream": True})
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    writer.write(
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )
    while data := await reader.read(READ):
        seen.data(data)
        if data.endswith(b"\r\n0\r\n\r\n"):
            break
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def rust(url: str, streams: int) -> AsyncGenerator[Callable[[Seen], Awaitable[None]], None]:
    """
    pyreqwest, a client in Rust: the request as bytes, and what comes.
    """
    from pyreqwest.client import ClientBuilder

    body = msgspec.json.encode({**REQUEST, "stream": True})
    patience = timedelta(seconds=TIMEOUT)
    builder = ClientBuilder().timeout(patience).pool_timeout(patience).max_connections(streams + 1)

    async def read(seen: Seen) -> None:
        request = client.post(f"{url}/v1/messages").body_bytes(body)
        # Otherwise it waits for 64 KB before anything is handed on.
        async with request.streamed_read_buffer_limit(0).build_streamed() as response:
            while (data := await response.body_reader.read_chunk()) is not None:
                seen.data(bytes(data))

    async with builder.build() as client:
        yield read


async def only_bytes(client: anthropic.AsyncAnthropic, seen: Seen) -> None:
    """
    The SDK's response, of which nothing is decoded.
    """
    async with client.messages.with_streaming_response.create(**REQUEST, stream=True) as response:
        async for data in response.iter_bytes():
            seen.data(data)


async def streamkit(client: anthropic.AsyncAnthropic, seen: Seen) -> None:
    """
    `sk.messages()`, with everything that it records.
    """
    async with sk.messages(client, **REQUEST).open() as run:
        async for event in run:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                seen.text(event.delta.text)
    assert run.outcome.kind == "complete", run.outcome


async def create(client: anthropic.AsyncAnthropic, seen: Seen) -> None:
    """
    The SDK's events, without a message.
    """
    async with await client.messages.create(**REQUEST, stream=True) as stream:
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                seen.text(event.delta.text)


async def stream(client: anthropic.AsyncAnthropic, seen: Seen) -> None:
    """
    The SDK's helper, with its message.
    """
    async with client.messages.stream(**REQUEST) as stream:
        async for event in stream:
            if event.type == "text":
                seen.text(event.text)


async def _ask(ask: Ask, seen: Seen) -> None:
    async for text in ask():
        seen.text(text)


READERS: dict[str, Callable[[anthropic.AsyncAnthropic, Seen], Awaitable[None]]] = {
    "only bytes": only_bytes,
    "streamkit": streamkit,
    "create(stream=True)": create,
    ".stream()": stream,
}


def reader(name: str, client: anthropic.AsyncAnthropic) -> Callable[[Seen], Awaitable[None]]:
    """
    What reads one stream each time that it is called: one of `READERS`, or of the frameworks.
    """
    if name in FRAMEWORKS:
        return partial(_ask, FRAMEWORKS[name](client))
    return partial(READERS[name], client)
