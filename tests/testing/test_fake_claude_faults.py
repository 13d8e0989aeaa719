"""
FakeClaude's faults, as the real SDK meets them, and how soon the server knows that a client has gone.
"""

from __future__ import annotations

from typing import Any

import anthropic
import anyio
import httpx2
import pytest

from streamkit.testing import Drop, FakeClaude, Pause, Reply, Stall, reply, text
from tests.support.claude import ASK

pytestmark = pytest.mark.skips_idle_time


async def read(stream: anthropic.AsyncStream[Any]) -> list[str]:
    return [item.type async for item in stream]


@pytest.mark.parametrize("faults", [(Stall(),), (Pause(3600), "late")], ids=["stalled", "paused"])
async def test_a_client_that_leaves_is_seen_at_once(faults: tuple[Pause | Stall, ...]) -> None:
    async with FakeClaude(reply(text("Hello", *faults))) as server:
        # Not a break: on trio the SDK's own generators would then be left to the garbage collector
        with anyio.CancelScope() as scope:
            async with await server.client().messages.create(**ASK, stream=True) as stream:
                async for item in stream:
                    if item.type == "content_block_delta":
                        assert server.open_connections == 1
                        scope.cancel()
        with anyio.fail_after(2):
            assert await server.connection_closed(0) is server.connections[0]
            await server.all_closed()
        assert server.open_connections == 0


async def test_a_cancelled_client_is_seen_at_once() -> None:
    async with FakeClaude(Reply([Stall()])) as server:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: server.client().messages.create(**ASK, stream=True))
            with anyio.fail_after(5):
                await server.request_arrived()
            group.cancel_scope.cancel()
        with anyio.fail_after(2):
            await server.connection_closed(server.requests[0].connection)


async def test_a_client_that_leaves_while_much_is_being_written_is_seen() -> None:
    async with FakeClaude(Reply([b": nothing\n\n" * 100_000] * 100)) as server:
        request = server.client().messages.with_streaming_response.create(**ASK, stream=True)
        with anyio.CancelScope() as scope:
            async with request as response:
                async for _ in response.iter_bytes():
                    scope.cancel()
        with anyio.fail_after(2):
            await server.connection_closed()


async def test_a_drop_in_the_body_is_a_protocol_error() -> None:
    async with FakeClaude(reply(text("Hel", Drop()))) as server:
        async with await server.client().messages.create(**ASK, stream=True) as stream:
            kinds = [(await anext(stream)).type for _ in range(3)]
            with pytest.raises(httpx2.RemoteProtocolError):
                await anext(stream)
        assert kinds == ["message_start", "content_block_start", "content_block_delta"]
        assert server.open_connections == 0


async def test_a_drop_before_any_response_is_a_connection_error() -> None:
    async with FakeClaude(Reply([Drop()])) as server:
        with pytest.raises(anthropic.APIConnectionError) as caught:
            await server.client().messages.create(**ASK, stream=True)
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)


async def test_a_drop_is_a_connection_error_without_stream() -> None:
    async with FakeClaude(reply(text("Hel", Drop()))) as server:
        with pytest.raises(anthropic.APIConnectionError):
            await server.client().messages.create(**ASK)


async def test_headers_can_come_alone() -> None:
    async with FakeClaude(Reply([b"", Stall()])) as server:
        with anyio.fail_after(5):
            stream = await server.client().messages.create(**ASK, stream=True)
        with anyio.move_on_after(0.05) as scope:
            await read(stream)
        assert scope.cancelled_caught
        await stream.close()


async def test_a_stall_trips_the_client_s_read_timeout() -> None:
    async with FakeClaude(reply(text("Hel", Stall())), Reply([Stall()])) as server:
        client = server.client(timeout=httpx2.Timeout(5, read=0.1))
        async with await client.messages.create(**ASK, stream=True) as stream:
            with pytest.raises(httpx2.ReadTimeout):
                await read(stream)
        with pytest.raises(anthropic.APITimeoutError):
            await client.messages.create(**ASK, stream=True)


async def test_a_truncated_message_ends_cleanly() -> None:
    async with FakeClaude(reply(text("Hel"), end="content"), repeat=True) as server:
        client = server.client()
        for _ in range(2):
            async with await client.messages.create(**ASK, stream=True) as stream:
                assert (await read(stream))[-1] == "content_block_stop"
        assert len(server.connections) == 1


async def test_an_empty_body_has_no_events() -> None:
    async with (
        FakeClaude(Reply([])) as server,
        await server.client().messages.create(**ASK, stream=True) as stream,
    ):
        assert await read(stream) == []


async def test_the_end_of_the_server_does_not_wait_for_a_stalled_reply() -> None:
    started = anyio.current_time()
    async with FakeClaude(reply(text("Hello", Stall())), repeat=True) as server:
        client = server.client()
        for _ in range(3):
            await client.messages.create(**ASK, stream=True)
        assert server.open_connections == 3
    assert anyio.current_time() - started < 5
    assert all(connection.closed.is_set() for connection in server.connections)


async def test_bytes_that_are_not_http_end_the_connection() -> None:
    async with FakeClaude(reply(text("Hello"))) as server:
        port = int(server.url.rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(b"\x00\x01 not http\r\n\r\n")
            with anyio.fail_after(2), pytest.raises(anyio.EndOfStream):
                await stream.receive()
        assert server.requests == []
