"""
The end of a body: awaited for a limited time after the message, and not read on for ever after an error.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.transport import response
from streamkit.testing import PING, ErrorEvent, FakeClaude, Pause, Pings, Reply, Stall, reply, text
from tests.support.claude import ASK
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HELLO = reply(text("Hello"))
ENDINGS: dict[str, list[Any]] = {
    "silence": [Stall()],
    "pings": [Pings(0.03)],
    "comments": [*[Pause(0.03), b": alive\n\n"] * 200],
    "frames": [*[Pause(0.03), b'data: {"type":"receipt"}\n\n'] * 200],
}


@pytest.mark.parametrize("watched", [True, False], ids=["with timeouts", "without"])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_the_end_of_a_body_has_one_deadline_from_the_message_s_end_on(
    ending: str, watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response, "_DRAIN", 0.2)
    async with FakeClaude(Reply([*HELLO.steps, *ENDINGS[ending]])) as server:
        chat = sk.messages(server.client(), **ASK, timeouts=sk.Timeouts() if watched else None)
        began = anyio.current_time()
        with patience():
            async with (chat | sk.text()).open() as run:
                assert [piece async for piece in run] == ["Hello"]
        assert run.outcome.kind == "complete"
        assert anyio.current_time() - began < 2


async def test_so_it_is_through_the_sdk_s_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "_DRAIN", 0.2)
    async with FakeClaude(Reply([*HELLO.steps, *ENDINGS["frames"]])) as server:
        with patience():
            stream = sk.from_sdk(server.client().messages.stream(**ASK))
            assert await (stream | sk.text()).collect() == ["Hello"]


async def test_another_message_has_its_own_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "_DRAIN", 0.3)
    slow = Reply([*HELLO.steps, *reply(text("Again", Pause(0.5), " and again")).steps])
    async with FakeClaude(slow) as server:
        assert await (sk.messages(server.client(), **ASK) | sk.text()).collect() == [
            "Hello",
            "Again",
            " and again",
        ]


class Endless(httpx2.AsyncByteStream):
    """
    A body that is ready at once, for ever.
    """

    def __init__(self, begins: bytes, piece: bytes, *, compressed: bool) -> None:
        self.sent = 0
        self._begins = begins
        self._piece = piece
        self._gzip = zlib.compressobj(wbits=31) if compressed else None

    def _coded(self, data: bytes) -> bytes:
        return data if self._gzip is None else self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._coded(self._begins)
        while True:
            self.sent += 1
            assert self.sent < 1000, "it is read for ever"
            yield self._coded(self._piece)


PIECE = PING * 3000


@pytest.mark.parametrize("way", ["messages", "create"])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
async def test_what_is_read_on_after_an_error_has_a_limit_in_bytes(way: str, compressed: bool) -> None:
    begins = HELLO.cut(3, ErrorEvent()).body
    body = Endless(begins, PIECE, compressed=compressed)
    headers = {"content-type": "text/event-stream", **({"content-encoding": "gzip"} if compressed else {})}
    http = httpx2.AsyncClient(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, stream=body))
    )
    async with anthropic.AsyncAnthropic(api_key="key", http_client=http, max_retries=0) as client:
        if way == "messages":
            chat = sk.messages(client, **ASK, retry=None)
        else:
            chat = sk.from_sdk(client.messages.create(**ASK, stream=True))
        with pytest.raises(sk.StreamError, match="Overloaded"), patience():
            await chat.run()
        assert body.sent * len(PIECE) < 2 * 1024 * 1024
