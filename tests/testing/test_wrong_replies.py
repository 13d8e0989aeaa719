"""
Replies that are wrong, on a real socket: each fault is in what the raw client and the real SDK get.
"""

from __future__ import annotations

from typing import Any

import anthropic
import anyio
import httpx2
import pytest

from streamkit.testing import (
    GARBAGE,
    PING,
    Drop,
    ErrorEvent,
    FakeClaude,
    Pause,
    Pings,
    Reply,
    Stall,
    error_reply,
    event,
    huge,
    page,
    redirect,
    reindexed,
    reply,
    swapped,
    text,
    tool_use,
    without,
)
from tests.support.claude import ASK
from tests.support.patience import patience

HELLO = reply(text("Hel", "lo"), id="msg_1")
KINDS = [item["type"] for item in HELLO.events]

# On trio: where the SDK fails to decode a frame, it leaves its generators, and the transport's, to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Async generator '(anthropic|httpx2|httpcore2):ResourceWarning"),
    pytest.mark.skips_idle_time,
]


async def fetch(server: FakeClaude) -> tuple[list[bytes], Exception | None]:
    """
    The chunks that a client without any notion of events gets, and how its reading failed.
    """
    chunks: list[bytes] = []
    async with httpx2.AsyncClient(trust_env=False) as client:
        try:
            async with client.stream(
                "POST", f"{server.url}/v1/messages", json={**ASK, "stream": True}
            ) as response:
                async for chunk in response.aiter_raw():
                    chunks.append(chunk)
        except httpx2.TransportError as error:
            return chunks, error
    return chunks, None


async def read(server: FakeClaude, **options: Any) -> tuple[list[Any], Exception | None]:
    """
    The events that the SDK gives, and what it raised.
    """
    events: list[Any] = []
    try:
        async with await server.client(**options).messages.create(**ASK, stream=True) as stream:
            async for item in stream:
                events.append(item.to_dict(warnings=False))
    except (anthropic.APIError, httpx2.TransportError, ValueError, AttributeError, RecursionError) as error:
        return events, error
    return events, None


def types(events: list[Any]) -> list[str]:
    return [item["type"] for item in events]


@pytest.mark.parametrize("size", [0, 1, 7, 100, 500, -1, -2, -300])
async def test_a_connection_breaks_at_any_byte(size: int) -> None:
    async with FakeClaude(HELLO.cut_bytes(size, Drop())) as server:
        chunks, error = await fetch(server)
    assert b"".join(chunks) == HELLO.body[:size]
    assert isinstance(error, httpx2.RemoteProtocolError)


@pytest.mark.parametrize("size", [0, 1, 7, 100, 500, -1, -300])
async def test_a_body_ends_at_any_byte(size: int) -> None:
    async with FakeClaude(HELLO.cut_bytes(size), HELLO.cut_bytes(size)) as server:
        assert (b"".join((await fetch(server))[0]), (await fetch(server))[1]) == (HELLO.body[:size], None)


@pytest.mark.parametrize("number", range(len(KINDS) + 1))
async def test_an_error_event_comes_after_any_event(number: int) -> None:
    async with FakeClaude(HELLO.cut(number, ErrorEvent("api_error", "Internal", "req_1"))) as server:
        events, error = await read(server)
    assert types(events) == KINDS[:number]
    assert isinstance(error, anthropic.APIStatusError)
    assert (error.type, error.status_code) == ("api_error", 200)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 429, 500, 504, 529])
async def test_an_http_error_says_when_to_come_back(status: int) -> None:
    async with FakeClaude(error_reply(status, headers={"retry-after": "0.01"}), HELLO) as server:
        events, error = await read(server, max_retries=1)
        asked = len(server.requests)
    if asked == 1:
        assert isinstance(error, anthropic.APIStatusError)
        assert (error.status_code, error.response.headers["retry-after"]) == (status, "0.01")
    else:
        assert (types(events), error, asked) == (KINDS, None, 2)
        assert status in {409, 429, 500, 504, 529}


async def test_pings_come_while_nothing_is_said() -> None:
    async with FakeClaude(HELLO.insert(3, Pings(0.02, 3))) as server:
        started = anyio.current_time()
        chunks, error = await fetch(server)
    assert anyio.current_time() - started >= 0.06
    assert (b"".join(chunks), error) == (HELLO.insert(3, PING, PING, PING).body, None)


async def test_pings_without_end_keep_a_client_waiting_whatever_its_read_timeout() -> None:
    async with FakeClaude(HELLO.cut(3, Pings(0.02)), Reply([Pings(0.02)])) as server:
        client = server.client(timeout=httpx2.Timeout(5, read=0.2))
        for before in ([*KINDS[:3]], []):
            seen: list[str] = []
            # Cancelled and not left: on trio the SDK's own generators would wait for the garbage collector
            with anyio.CancelScope() as scope:
                request = client.messages.with_streaming_response.create(**ASK, stream=True)
                async with request as response:
                    async for chunk in response.iter_bytes():
                        seen += [item["type"] for item in Reply([chunk]).events]
                        if seen.count("ping") == 15:
                            scope.cancel()
            assert seen == [*before, *["ping"] * 15]
        with patience():
            await server.all_closed()


async def test_pings_are_a_wait_without_stream() -> None:
    async with FakeClaude(HELLO.insert(3, Pings(0.02, 3)), HELLO.cut(3, Pings(0.02))) as server:
        client = server.client(timeout=httpx2.Timeout(5, read=0.2))
        started = anyio.current_time()
        message = await client.messages.create(
            model="claude-sonnet-5", max_tokens=64, messages=ASK["messages"]
        )
        assert anyio.current_time() - started >= 0.06
        assert message.id == "msg_1"
        with pytest.raises(anthropic.APITimeoutError):
            await client.messages.create(**ASK)


async def test_bytes_come_in_drips() -> None:
    slow = HELLO.drip(150, 0.01)
    async with FakeClaude(slow, HELLO.drip(100, 0)) as server:
        started = anyio.current_time()
        chunks, error = await fetch(server)
        assert anyio.current_time() - started >= 0.01 * (len(HELLO.body) // 150)
        assert (b"".join(chunks), error) == (HELLO.body, None)
        assert await read(server) == (HELLO.events, None)


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_arrives_as_it_is(name: str) -> None:
    scripted = HELLO.insert(3, GARBAGE[name])
    async with FakeClaude(scripted, scripted) as server:
        chunks, error = await fetch(server)
        assert (b"".join(chunks), error) == (scripted.body, None)
        events, failure = await read(server)
    if failure is not None:
        assert types(events) == KINDS[:3]
    else:  # the SDK drops what has no name, and checks no field
        assert name in {"no-type", "type-not-a-string", "wrong-field", "missing-field"}


@pytest.mark.parametrize(
    "edited",
    [
        *(without(HELLO, kind) for kind in dict.fromkeys(KINDS)),
        without(HELLO, "content_block_delta", 1),
        swapped(HELLO, 1, 2),
        swapped(HELLO, 0, -1),
        reindexed(HELLO, {0: 5}),
        reindexed(reply(text("a"), text("b")), {1: 0}),
        HELLO.edited(lambda events: [*events, *events]),
        HELLO.edited(lambda events: [{**events[0], "message": {}}, *events[1:]]),
        HELLO.edited(lambda events: [{"type": "news", "of": "the day"}, *events]),
        HELLO.insert(3, event({"type": "content_block_stop", "index": 0})),
    ],
)
async def test_events_that_are_missing_doubled_or_out_of_order_come_as_they_are_written(
    edited: Reply,
) -> None:
    async with FakeClaude(edited) as server:
        chunks, error = await fetch(server)
    assert (b"".join(chunks), error) == (edited.body, None)
    assert edited.events != HELLO.events


async def test_the_sdk_trips_over_a_missing_index() -> None:
    async with (
        FakeClaude(reindexed(HELLO, {0: 1})) as server,
        server.client().messages.stream(**ASK) as stream,
    ):
        with pytest.raises(IndexError):
            await stream.get_final_message()


async def test_a_huge_event_comes_whole() -> None:
    async with FakeClaude(HELLO.insert(2, huge(3_000_000))) as server:
        events, error = await read(server)
    assert (len(events), error) == (len(KINDS) + 1, None)
    assert events[2]["delta"] == {"type": "text_delta", "text": "x" * 3_000_000}


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_is_followed_to_the_next_reply(status: int) -> None:
    async with FakeClaude(redirect("/v1/messages?again=1", status), HELLO) as server:
        assert await read(server) == (HELLO.events, None)
        assert [request.query for request in server.requests] == ["", "again=1"]
        assert server.requests[1].body == server.requests[0].body


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_to_where_get_finds_nothing(status: int) -> None:
    async with FakeClaude(redirect(status=status), HELLO) as server:
        _, error = await read(server)
        assert isinstance(error, anthropic.NotFoundError)
        assert [request.method for request in server.requests] == ["POST", "GET"]


async def test_a_redirect_in_a_circle() -> None:
    async with FakeClaude(redirect(), repeat=True) as server:
        _, error = await read(server)
    assert isinstance(error, anthropic.APIConnectionError)
    assert isinstance(error.__cause__, httpx2.TooManyRedirects)


async def test_a_page_where_events_were_asked_for() -> None:
    async with FakeClaude(page(), page(502)) as server:
        async with server.client().messages.with_streaming_response.create(**ASK, stream=True) as response:
            assert response.headers["content-type"] == "text/html; charset=utf-8"
            assert b"".join([chunk async for chunk in response.iter_bytes()]) == page().body
        events, error = await read(server)
    assert events == []
    assert isinstance(error, anthropic.InternalServerError)
    assert error.status_code == 502
    assert "<h1>Bad gateway</h1>" in error.message


async def test_faults_for_successive_requests() -> None:
    behaviours = [
        error_reply(529, headers={"retry-after": "0"}),
        HELLO.cut(3, Pause(0.01), ErrorEvent()),
        HELLO.cut_bytes(-10, Drop()),
        reply(tool_use("t"), Stall()),
        HELLO,
    ]
    async with FakeClaude(*behaviours) as server:
        timeout = httpx2.Timeout(5, read=0.1)
        ends = [type((await read(server, timeout=timeout))[1]) for _ in behaviours]
    assert ends == [
        anthropic.OverloadedError,
        anthropic.APIStatusError,
        httpx2.RemoteProtocolError,
        httpx2.ReadTimeout,
        type(None),
    ]
