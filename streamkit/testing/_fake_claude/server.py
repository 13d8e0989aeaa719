"""
FakeClaude: a Messages API on loopback that answers from a script.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import anyio
import anyio.abc

from streamkit._core.naming import value_text
from streamkit.testing._fake_claude.blocks import Block
from streamkit.testing._fake_claude.connection import Connection, Request
from streamkit.testing._fake_claude.faults.responses import error_reply
from streamkit.testing._fake_claude.reply import Reply
from streamkit.testing._fake_claude.whole_message import as_json
from streamkit.testing._virtual_time.detection import is_virtual

if TYPE_CHECKING:
    from types import TracebackType

    import anthropic

__all__ = ["VIRTUAL", "FakeClaude", "Script"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

Script: TypeAlias = Reply | Callable[[Request], Reply]
"""
A reply, or a function of the request that returns one.
"""


VIRTUAL: Final = (
    "FakeClaude answers over sockets, for which virtual time does not wait: run this test in real time, or play the answer "
    "without a server, with from_sse(reply(…).body) or replay(path)"
)

_BETWEEN_TRIES = 0.05
"""Seconds until the next try to accept a connection, after one has failed."""


def _hint(given: object) -> str:
    """
    How to make a reply of what was given in its place.
    """
    if isinstance(given, Block):
        return f": write reply({given.start['type']}(…))"
    if isinstance(given, list | tuple):
        return ": write FakeClaude(*replies)"
    return ": write reply(text(…))" if isinstance(given, str) else ""


class FakeClaude:
    """
    A real HTTP server on loopback that speaks the Messages API to the real SDK, from a script.

    It answers `POST /v1/messages` with its replies in turn: as events to a request with `stream=True`, else
    as the message that these events build. Use it as `async with FakeClaude(reply(text("Hi"))) as server:`.
    The end of the block closes the clients that `server.client()` made, every connection and every task; an
    exception in a reply function ends the block and is raised there. It runs in real time: sockets do not
    follow a virtual clock, so in virtual time the block is refused.

    Args:
        replies: What to answer, one for each request.
        repeat: Answer further requests with the last reply, instead of status 500.
        port: The TCP port on 127.0.0.1; 0 takes a free one.

    Attributes:
        requests: Every request that arrived, in order.
        connections: Every connection that was made, in order.

    Raises:
        TypeError: A reply is neither a `Reply` nor a callable.
        ValueError: `repeat` without a reply.
        RuntimeError: It is entered in virtual time.
    """

    def __init__(self, *replies: Script, repeat: bool = False, port: int = 0) -> None:
        for script in replies:
            if not isinstance(script, Reply) and not callable(script):
                raise TypeError(
                    f"give Reply values, or functions from a request to one, not {value_text(script)}{_hint(script)}"
                )
        if repeat and not replies:
            raise ValueError("repeat=True needs at least one reply")
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self._replies = replies
        self._repeat = repeat
        self._port = port
        self._asked = 0
        self._responses = 0
        self._changed = anyio.Event()
        self._failure: Exception | None = None
        self._serving = False
        self._resources = AsyncExitStack()
        self._clients = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if is_virtual():
            raise RuntimeError(VIRTUAL)
        async with AsyncExitStack() as stack:
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self._port)
            await stack.enter_async_context(listener)
            self._port = listener.extra(anyio.abc.SocketAttribute.local_port)
            self._group = await stack.enter_async_context(anyio.create_task_group())
            for each in listener.listeners:
                self._group.start_soon(self._accept, each)
            self._resources = stack.pop_all()
        self._serving = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._serving = False
        with anyio.fail_after(5, shield=True):
            await self._clients.aclose()
        self._group.cancel_scope.cancel()
        # The task group must see a cancellation. Any other exception of the block it would wrap in a group.
        if isinstance(error, anyio.get_cancelled_exc_class()):
            await self._resources.__aexit__(kind, error, traceback)
        else:
            await self._resources.aclose()
        if self._failure is not None:
            raise self._failure

    @property
    def url(self) -> str:
        """
        The base URL for a client, such as `"http://127.0.0.1:40123"`.
        """
        return f"http://127.0.0.1:{self._port}"

    @property
    def open_connections(self) -> int:
        """
        How many connections are open now, including those that wait in a client's pool.
        """
        return sum(1 for connection in self.connections if not connection.closed.is_set())

    def client(self, **options: Any) -> anthropic.AsyncAnthropic:
        """
        Make an SDK client for this server; the server's end closes it and its `http_client`.

        Args:
            options: Arguments of `anthropic.AsyncAnthropic`. They are added to a dummy `api_key`, `base_url=server.url`,
                `max_retries=0` and an `http_client` that uses no proxy, or replace these.

        Raises:
            RuntimeError: The server is not running.
        """
        if not self._serving:
            raise RuntimeError(
                "this FakeClaude is not running: call client() inside `async with FakeClaude(…) as server:`"
            )
        import anthropic
        import httpx2

        if "http_client" not in options:
            # Loopback has no TLS, and loading certificates would take most of a test's time.
            direct = httpx2.AsyncHTTPTransport(verify=False, limits=anthropic.DEFAULT_CONNECTION_LIMITS)
            options["http_client"] = anthropic.DefaultAsyncHttpxClient(transport=direct)
        defaults: dict[str, Any] = {"api_key": "fake-key", "base_url": self.url, "max_retries": 0}
        client = anthropic.AsyncAnthropic(**defaults | options)
        self._clients.push_async_callback(client.close)
        return client

    async def request_arrived(self, number: int = 0) -> Request:
        """
        Wait for a request.

        Args:
            number: Its place in `requests`.
        """
        await self._until(lambda: len(self.requests) > number)
        return self.requests[number]

    async def connection_closed(self, number: int = 0) -> Connection:
        """
        Wait until a connection was made and has ended.

        Args:
            number: Its place in `connections`.
        """
        await self._until(lambda: len(self.connections) > number)
        connection = self.connections[number]
        await connection.closed.wait()
        return connection

    async def all_closed(self) -> None:
        """
        Wait until no connection is open.
        """
        await self._until(lambda: self.open_connections == 0)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _accept(self, listener: anyio.abc.Listener[anyio.abc.SocketStream]) -> None:
        assert isinstance(listener, anyio.abc.SocketListener)
        while True:
            try:
                stream = await listener.accept()
            except (OSError, anyio.BrokenResourceError):
                # The process has no free descriptor, or the client has gone already. Those that are served go on.
                await anyio.sleep(_BETWEEN_TRIES)
            else:
                self._group.start_soon(self._connected, stream)

    async def _connected(self, stream: anyio.abc.SocketStream) -> None:
        connection = Connection(len(self.connections), stream, self._arrived)
        self.connections.append(connection)
        self._notify()
        try:
            await connection.serve(self._answer)
        finally:
            self._notify()

    def _arrived(self, request: Request) -> None:
        self.requests.append(request)
        self._notify()

    def _answer(self, request: Request) -> tuple[Reply, dict[str, str]]:
        self._responses += 1
        reply = self._choose(request)
        if not request.stream and reply.is_events:
            reply = as_json(reply)
        headers = {
            "date": formatdate(usegmt=True),
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "request-id": f"req_{self._responses:024}",
            "anthropic-organization-id": "00000000-0000-0000-0000-000000000000",
        }
        return reply, {**headers, **reply.headers}

    def _answer_other(self, request: Request) -> Reply:
        """
        The reply to a request that does not ask for a message.
        """
        return error_reply(404, message=f"FakeClaude has no {request.method} {request.path}")

    def _choose(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/v1/messages"):
            return self._answer_other(request)
        if request.too_large:
            return error_reply(413, message="FakeClaude: the request's body is larger than 32 MiB")
        if not isinstance(request.body, dict):
            return error_reply(400, message="FakeClaude: the request's body is not a JSON object")
        number, given = self._asked, len(self._replies)
        self._asked += 1
        if number >= given and not self._repeat:
            message = f"FakeClaude was given {given} replies, and this is message request {number + 1}"
            return error_reply(500, message=message, headers={"x-should-retry": "false"})
        script = self._replies[min(number, given - 1)]
        if isinstance(script, Reply):
            return script
        try:
            chosen = script(request)
            if not isinstance(chosen, Reply):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"a reply function gave {chosen!r} instead of a Reply")
            return chosen
        except Exception as failure:
            self._failure = failure
            self._group.cancel_scope.cancel()
            return error_reply(500, message="FakeClaude: the reply function failed")
