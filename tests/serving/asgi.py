"""
An ASGI server of one request, in memory, which a test can watch and disturb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

__all__ = ["Exchange", "parsed"]

Message = "MutableMapping[str, Any]"


class Exchange:
    """
    One request and its response.

    Attributes:
        sent: The messages of the response, as they were sent.
        gone: Set it to have the client go.
        on_send: Awaited before each message is taken: a slow client, or one that has gone.
    """

    def __init__(self, method: str = "GET", on_send: Callable[[Any], Awaitable[None]] | None = None) -> None:
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": "/",
            "headers": [],
            "asgi": {"version": "3.0", "spec_version": "2.4"},
        }
        self.sent: list[MutableMapping[str, Any]] = []
        self.gone = anyio.Event()
        self.changed = anyio.Event()
        self.on_send = on_send
        self._asked = False

    async def receive(self) -> MutableMapping[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self.on_send is not None:
            await self.on_send(message)
        self.sent.append(message)
        self.changed.set()
        self.changed = anyio.Event()

    async def serve(self, app: Any) -> Exchange:
        """
        Have `app` answer.
        """
        with patience():
            await app(self.scope, self.receive, self.send)
        return self

    async def until(self, text: str) -> None:
        """
        Wait until the body has this text.
        """
        with patience():
            while text not in self.text:
                await self.changed.wait()

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    @property
    def complete(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False


def parsed(body: str) -> list[tuple[str, str]]:
    """
    The events in a body, each with its name and its data, as a browser reads them.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    events: list[tuple[str, str]] = []
    name, data = "", list[str]()
    for line in body.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append((name or "message", "\n".join(data)))
            name, data = "", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return events
