"""
One HTTP/1.1 connection of FakeClaude: it reads requests while it writes replies.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias

import anyio
import anyio.abc
import h11

from streamkit.testing._fake_claude.reply import Reply

__all__ = ["Connection", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request that has arrived whole.

    Attributes:
        method: The HTTP method.
        path: The path without the query, such as `"/v1/messages"`.
        query: The query, such as `"beta=true"`, or `""`.
        headers: The headers, with their names in lower case.
        body: The JSON body, or None without one.
        too_large: Whether there was more of it than 32 MiB, none of which is kept.
        connection: The number of the connection that it came on.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    connection: int
    too_large: bool = False

    @property
    def stream(self) -> bool:
        """
        Whether the request asks for events.
        """
        match self.body:
            case {"stream": True}:
                return True
            case _:
                return False


LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a request's body, as the Messages API takes them, and of what comes behind a request that is being answered."""

REQUEST_TIME = 60.0
"""Seconds in which a request has to arrive whole once it has begun. The connection is closed otherwise."""

Answer: TypeAlias = Callable[[Request], tuple[Reply, Mapping[str, str]]]
"""
A function that gives the reply to a request, and all headers of the response.
"""


class Connection:
    """
    A connection that a client made.

    Attributes:
        number: Its place in `FakeClaude.connections`: 0, 1, …
        requests: The requests that arrived on it, in order.
        closed: Set when the client has closed the connection, or the server has.
    """

    def __init__(self, number: int, stream: anyio.abc.ByteStream, arrived: Callable[[Request], None]) -> None:
        self.number = number
        self.requests: list[Request] = []
        self.closed: anyio.Event = anyio.Event()
        self._stream = stream
        self._arrived = arrived
        self._http = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._bodiless = False
        self._body = bytearray()
        self._too_large = False
        self._ahead = 0
        self._due = inf
        self._waiting = deque[Request]()
        self._more = anyio.Event()

    def __repr__(self) -> str:
        state = "closed" if self.closed.is_set() else "open"
        return f"<Connection {self.number}: {len(self.requests)} requests, {state}>"

    async def serve(self, answer: Answer) -> None:
        """
        Answer requests until either side ends the connection.

        Args:
            answer: Gives the reply to each request.
        """
        try:
            async with anyio.create_task_group() as group:
                # Requests are read while a reply is written, because a client that leaves during a Stall is seen only so.
                group.start_soon(self._read, group.cancel_scope)
                await self._write(answer)
                group.cancel_scope.cancel()
        finally:
            self.closed.set()
            await anyio.aclose_forcefully(self._stream)

    async def _read(self, scope: anyio.CancelScope) -> None:
        try:
            while self._ahead <= LARGEST_BODY:
                with anyio.fail_after(self._due - anyio.current_time()):
                    data = await self._stream.receive()
                if self._http.their_state is h11.DONE:
                    self._ahead += len(data)
                self._http.receive_data(data)
                self._parse()
                self._set_due()
        except (
            TimeoutError,
            anyio.EndOfStream,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
            h11.RemoteProtocolError,
        ):
            pass
        scope.cancel()

    def _set_due(self) -> None:
        if self._http.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self._due = inf
        elif self._due == inf:
            self._due = anyio.current_time() + REQUEST_TIME

    def _parse(self) -> None:
        while True:
            match self._http.next_event():
                case h11.Request() as head:
                    self._head = head
                    self._bodiless = head.method == b"HEAD"
                    self._body.clear()
                    self._too_large = False
                case h11.Data(data=data):
                    self._too_large = self._too_large or len(self._body) + len(data) > LARGEST_BODY
                    if self._too_large:
                        self._body.clear()
                    else:
                        self._body += data
                case h11.EndOfMessage():
                    self._complete()
                case _:
                    return

    def _complete(self) -> None:
        assert self._head is not None
        path, _, query = self._head.target.decode("latin-1").partition("?")
        headers = {name.decode(): value.decode("latin-1") for name, value in self._head.headers}
        try:
            body = json.loads(self._body) if self._body else None
        except (ValueError, RecursionError):
            body = None
        self._body.clear()
        request = Request(
            self._head.method.decode(), path, query, headers, body, self.number, self._too_large
        )
        self.requests.append(request)
        self._waiting.append(request)
        self._more.set()
        self._arrived(request)

    async def _write(self, answer: Answer) -> None:
        while True:
            while not self._waiting:
                self._more = anyio.Event()
                await self._more.wait()
            reply, headers = answer(self._waiting.popleft())
            try:
                await self._play(reply, headers)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()
            self._ahead = 0
            try:
                self._parse()
            except h11.RemoteProtocolError:  # what came behind the request is not HTTP
                return

    async def _play(self, reply: Reply, headers: Mapping[str, str]) -> None:
        head = h11.Response(status_code=reply.status, headers=list(headers.items()))

        async def send(data: bytes) -> None:
            await self._send_head(head)
            if not self._bodiless:
                await self._send(h11.Data(data=data))

        for step in reply.steps:
            if isinstance(step, bytes):
                await send(step)
                continue
            await step.play(send)
            if step.ends:
                return
        await self._send_head(head)
        await self._send(h11.EndOfMessage())

    async def _send_head(self, head: h11.Response) -> None:
        if self._http.our_state is h11.SEND_RESPONSE:
            await self._send(head)

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send(data)
