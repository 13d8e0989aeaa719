"""
A server that costs little: `python -m benchmarks.load.server`, in a process of its own, tells its port and does what it is told.

It answers each request with the beginning of a message, up to its first text. What comes then is for all streams, and is told
on its standard input:

* `pace EVENTS RATE` writes so many events to each, RATE a second, spread evenly, with the time of its writing as its text.
* `ping EVENTS RATE` writes pings instead.
* `pour EVENTS` writes so many to each at once, and the end.
* `end` writes the end.

Each is answered by a line when it is done. The first request is for warming up, and gets a whole answer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from time import monotonic, monotonic_ns
from typing import TYPE_CHECKING

from ..frames import frame, message

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FIRST"]

BACKLOG = 4096
FIRST = "0" * 20
"""The text of the first event. That of the others has as many digits: a time in nanoseconds."""


def chunk(data: bytes) -> bytes:
    """
    As a body of unknown length has it.
    """
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text: str) -> bytes:
    """
    One event with text.
    """
    return frame("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_1\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_START, *_ENDS = message([])
BEGIN = HEAD + chunk(
    _START + frame("content_block_start", index=0, content_block={"type": "text", "text": ""}) + delta(FIRST)
)
END = chunk(frame("content_block_stop", index=0) + b"".join(_ENDS)) + b"0\r\n\r\n"
BEFORE_TIME, AFTER_TIME = chunk(delta(FIRST)).split(FIRST.encode())
POURED = chunk(delta("tide" * 5))
PING = chunk(frame("ping"))


def stamped() -> bytes:
    """
    An event whose text is the time.
    """
    return b"%s%0*d%s" % (BEFORE_TIME, len(FIRST), monotonic_ns(), AFTER_TIME)


class Server:
    """
    All connections whose requests wait for more.
    """

    def __init__(self) -> None:
        self.open: list[asyncio.WriteTransport] = []
        self._warm = False

    def request(self, transport: asyncio.WriteTransport) -> None:
        """
        A whole request has come.
        """
        if self._warm:
            transport.write(BEGIN)
            self.open.append(transport)
        else:
            self._warm = True
            transport.write(BEGIN + END)

    async def pace(self, events: int, rate: float, made: Callable[[], bytes] = stamped) -> None:
        """
        Write to each stream `rate` events a second, evenly over all of them.
        """
        streams = self.open
        step = 1 / (rate * len(streams))
        begun = monotonic()
        for number in range(events * len(streams)):
            if (early := begun + number * step - monotonic()) > 0:
                await asyncio.sleep(early)
            streams[number % len(streams)].write(made())

    def pour(self, events: int) -> None:
        """
        Write it all, and the end.
        """
        body = POURED * events + END
        for transport in self.open:
            transport.write(body)

    def end(self) -> None:
        """
        Write the end.
        """
        for transport in self.open:
            transport.write(END)


class Connection(asyncio.Protocol):
    """
    Reads a request, of which nothing matters but its length.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length):
            self._received = b""
            self._server.request(self._transport)


async def main() -> None:
    """
    Serve, and obey, until the standard input ends.
    """
    loop = asyncio.get_running_loop()
    server = Server()
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=BACKLOG)
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    _say(listening.sockets[0].getsockname()[1])
    while line := await commands.readline():
        match line.decode().split():
            case ["pace", events, rate]:
                await server.pace(int(events), float(rate))
            case ["ping", events, rate]:
                await server.pace(int(events), float(rate), lambda: PING)
            case ["pour", events]:
                server.pour(int(events))
            case ["end"]:
                server.end()
            case words:
                raise ValueError(f"no such command: {words}")
        _say("done")
    # What is still connected is the client's to close, and it has ended.
    os._exit(0)


def _say(what: object) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
