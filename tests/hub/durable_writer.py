"""
The write side of Durable Streams, for tests alone: it lets the protocol's conformance suite make the streams that it reads. The
library answers what it reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import streamkit as sk
from streamkit.hub._ending import Ending
from streamkit.hub._items import encode_item
from streamkit.hub._stores.contract import Batch, Limits
from tests.serving.asgi import Exchange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from streamkit.hub._stores.contract import Grant

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]

LIMITS: Final = Limits(3600, 64 * 1024 * 1024)
PREFLIGHT: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD",
    "access-control-allow-headers": "if-none-match",
}


class Log:
    """
    A run that is written record by record, without a stream.

    Attributes:
        last: The number of the last record.
    """

    def __init__(self, hub: sk.hub.Hub, run: str, grant: Grant) -> None:
        self._hub = hub
        self._run = run
        self._grant = grant
        self.last = 0

    @classmethod
    async def begin(cls, hub: sk.hub.Hub, run: str, *, lease: float = 600.0) -> Log:
        """
        Begin a run.
        """
        return cls(hub, run, await hub.store.open(run, lease=lease, limits=LIMITS))

    async def append(self, *items: Any) -> None:
        """
        Append records, together.
        """
        batch = Batch(self.last + 1, self._grant.epoch, 0.0, [encode_item(item) for item in items])
        await self._hub.store.append(self._run, self._grant, batch)
        self.last = batch.last

    async def end(self, ending: Ending | None = None) -> None:
        """
        End the run; by default it is complete.
        """
        await self._hub.store.end(self._run, self._grant, (ending or Ending("complete")).encode())


@dataclass
class Written:
    """
    A stream that a client writes.
    """

    log: Log
    media_type: str
    sequence: str = ""
    closed: bool = False

    async def write(self, items: list[Any], *, closed: bool) -> None:
        """
        Append items, and close it.
        """
        if items:
            await self.log.append(*items)
        if closed:
            self.closed = True
            await self.log.end()


class DurableWriter:
    """
    An ASGI application with a stream at each path. PUT, POST and DELETE are its own.

    Args:
        hub: An open hub.
        poll: Seconds that a long poll waits.
    """

    def __init__(self, hub: sk.hub.Hub, *, poll: float) -> None:
        self.hub = hub
        self.poll = poll
        self.written: dict[str, Written] = {}

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        run, method = scope["path"], scope["method"]
        if method in {"GET", "HEAD"}:
            await self.shown(run)(scope, receive, send)
            return
        body = await body_of(receive) if method in {"PUT", "POST"} else b""
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        match method:
            case "PUT":
                status, more = await self.create(run, headers, body)
            case "POST":
                status, more = await self.append(run, headers, body)
            case "DELETE":
                self.written.pop(run, None)
                status, more = 204 if await self.hub.delete(run) else 404, {}
            case "OPTIONS":
                status, more = 204, PREFLIGHT
            case _:
                await self.shown(run)(scope, receive, send)
                return
        if run in self.written and status != 404:
            more = {**more, "stream-next-offset": await self.offset(run)}
        told = [(name.encode(), value.encode()) for name, value in more.items()]
        told.append((b"x-content-type-options", b"nosniff"))
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def shown(self, run: str) -> Any:
        """
        What the library answers.
        """
        written = self.written.get(run)
        media_type = "application/octet-stream" if written is None else written.media_type
        return sk.durable_streams.resume(self.hub, run, media_type=media_type, poll=self.poll)

    async def offset(self, run: str) -> str:
        """
        Where the stream ends.
        """
        return (await Exchange("HEAD").serve(self.shown(run))).headers["stream-next-offset"]

    async def create(self, run: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """
        Begin a stream.
        """
        media_type = headers.get("content-type", "application/octet-stream")
        closed = headers.get("stream-closed", "").lower() == "true"
        written = self.written.get(run)
        if written is not None:
            same = (written.media_type.lower(), written.closed) == (media_type.lower(), closed)
            return (200 if same else 409), {"content-type": written.media_type}
        items = items_of(media_type, body)
        if items is None:
            return 400, {}
        written = self.written[run] = Written(await Log.begin(self.hub, run), media_type)
        await written.write(items, closed=closed)
        created = {"content-type": media_type, "location": f"http://127.0.0.1{run}"}
        return 201, {**created, **({"stream-closed": "true"} if closed else {})}

    async def append(self, run: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """
        Write behind what there is.
        """
        written = self.written.get(run)
        closed = headers.get("stream-closed", "").lower() == "true"
        if written is None:
            return 404, {}
        if not body:
            if closed:
                await written.write([], closed=True)
            return (204, {"stream-closed": "true"}) if closed else (400, {})
        if "content-type" not in headers:
            return 400, {}
        if written.closed:
            return 409, {"stream-closed": "true"}
        sequence = headers.get("stream-seq", "")
        if headers["content-type"].lower() != written.media_type.lower() or (
            sequence and sequence <= written.sequence
        ):
            return 409, {}
        items = items_of(written.media_type, body)
        if not items:
            return 400, {}
        written.sequence = sequence or written.sequence
        await written.write(items, closed=closed)
        return 204, {"stream-closed": "true"} if closed else {}


async def body_of(receive: Callable[[], Awaitable[Message]]) -> bytes:
    """
    The body of a request.
    """
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def items_of(media_type: str, body: bytes) -> list[Any] | None:
    """
    The items that a body writes; None where it is not what it should be.
    """
    if not body:
        return []
    if media_type.lower().startswith("text/"):
        return [body.decode()]
    if not media_type.lower().startswith("application/json"):
        return [body]
    try:
        value: Any = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
