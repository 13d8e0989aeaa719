"""
The bytes of a response read below the layers of the SDK and its HTTP client: where that can be, and that nothing else changes.

When one of the first tests fails after an update of the SDK, httpx2 or aiohttp, streams are read the public way, at several times
the cost, until `streamkit._claude.transport.direct_body` and the two modules beside it have followed.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import h11
import httpx2
import pytest
from anyio.abc import SocketAttribute
from hypothesis import given, settings, strategies as st

import streamkit as sk
from streamkit._claude.transport.aiohttp_body import AiohttpBody
from streamkit._claude.transport.body import body_of
from streamkit._claude.transport.chunked import Chunks
from streamkit._claude.transport.direct_body import DirectBody
from streamkit._claude.transport.http11_body import Http11Body
from streamkit.testing import Drop, FakeClaude, Pings, Reply, Stall, reply, text
from tests.support.claude import ASK
from tests.support.patience import patience
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from anyio.abc import SocketStream

HELLO = reply(text("Hello", " world"))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(body: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(body), extension, body)


@asynccontextmanager
async def answering(*sends: bytes) -> AsyncGenerator[anthropic.AsyncAnthropic]:
    """
    A client of a server that answers every request with these bytes, each in a read of its own.
    """

    async def serve(connection: SocketStream) -> None:
        async with connection:
            async for _ in connection:
                for each in sends:
                    await anyio.wait_all_tasks_blocked()
                    await connection.send(each)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, serve)
        port = listener.extra(SocketAttribute.local_port)
        url = f"http://127.0.0.1:{port}"
        async with anthropic.AsyncAnthropic(
            api_key="key", base_url=url, http_client=httpx2.AsyncClient(verify=False), max_retries=0
        ) as client:
            yield client
        tasks.cancel_scope.cancel()


async def opened(client: anthropic.AsyncAnthropic) -> Any:
    return await client.messages.create(**ASK, stream=True)


# -- what is private is where it is expected ----------------------------------------------------------------


async def test_the_sdk_s_own_client_is_read_at_its_connection() -> None:
    async with FakeClaude(HELLO, repeat=True) as server, anthropic.DefaultAsyncHttpxClient() as http:
        for client in (server.client(), server.client(http_client=http)):
            stream = await opened(client)
            body = body_of(stream.response)
            assert isinstance(body, Http11Body)
            assert b"".join([piece async for piece in body]) == HELLO.body
            assert stream.response.is_closed
            await stream.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("make", [anthropic.DefaultAioHttpClient, sk.http_client])
async def test_aiohttp_is_read_where_it_puts_its_bytes(
    anyio_backend: str, make: Callable[[], httpx2.AsyncClient]
) -> None:
    async with FakeClaude(HELLO, repeat=True) as server, make() as http:
        stream = await opened(server.client(http_client=http))
        body = body_of(stream.response)
        assert isinstance(body, AiohttpBody)
        assert b"".join([piece async for piece in body]) == HELLO.body
        assert stream.response.is_closed


async def test_streamkit_s_own_client_is_read_directly() -> None:
    async with FakeClaude(HELLO) as server, sk.http_client() as http:
        stream = await opened(server.client(http_client=http))
        body = body_of(stream.response)
        assert isinstance(body, DirectBody)
        await body.aclose()
        await stream.close()


async def test_with_the_sdk_s_span_around_it_it_is_read_directly_too() -> None:
    from anthropic._tracing import AsyncSpanEndingStream

    class Observer:
        def begin(self) -> None: ...
        def item(self, item: object, /) -> None: ...
        def end(self, how: str, error: BaseException | None = None) -> None: ...

    async with FakeClaude(HELLO) as server:
        stream = await opened(server.client())
        observer: Any = Observer()
        stream.response.stream = AsyncSpanEndingStream(stream.response.stream, observer)
        body = body_of(stream.response)
        assert isinstance(body, Http11Body)
        await body.aclose()
        await stream.close()


# -- anything else is read the public way -------------------------------------------------------------------


class Around(httpx2.AsyncByteStream):
    """
    A layer that nobody knows, which may do anything.
    """

    def __init__(self, body: Any) -> None:
        self._stream = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece.replace(b"world", b"there")

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_a_layer_of_somebody_else_s_is_kept() -> None:
    async with FakeClaude(HELLO) as server:
        stream = await opened(server.client())
        stream.response.stream = Around(stream.response.stream)
        assert not isinstance(body_of(stream.response), DirectBody)
        assert await (sk.from_sdk(stream) | sk.text() | sk.sinks.join()) == "Hello there"


async def test_a_part_that_has_moved_is_not_missed() -> None:
    async with FakeClaude(HELLO) as server:
        stream = await opened(server.client())
        inner = stream.response.stream._stream
        inner._moved, inner._httpcore_stream = inner._httpcore_stream, None
        assert not isinstance(body_of(stream.response), DirectBody)
        inner._httpcore_stream = inner._moved
        await stream.close()


async def test_what_is_compressed_is_decompressed() -> None:
    answer = Reply([gzip.compress(HELLO.body)], headers={**HELLO.headers, "content-encoding": "gzip"})
    async with FakeClaude(answer) as server:
        assert await (sk.messages(server.client(), **ASK) | sk.text() | sk.sinks.join()) == "Hello world"


async def test_whoever_traces_a_request_sees_its_body() -> None:
    seen: list[str] = []

    async def trace(name: str, _: Any) -> None:
        seen.append(name)

    async def traced(request: httpx2.Request) -> None:
        request.extensions["trace"] = trace

    async with (
        FakeClaude(HELLO) as server,
        httpx2.AsyncClient(event_hooks={"request": [traced]}, verify=False) as http,
    ):
        await sk.messages(server.client(http_client=http), **ASK).run()
        assert "http11.receive_response_body.complete" in seen


# -- nothing else changes -----------------------------------------------------------------------------------


async def test_the_connection_is_used_again() -> None:
    async with FakeClaude(HELLO, repeat=True) as server, sk.http_client() as http:
        for client in (server.client(), server.client(http_client=http)):
            before = len(server.connections)
            for _ in range(3):
                assert await (sk.messages(client, **ASK) | sk.text() | sk.sinks.join()) == "Hello world"
            assert len(server.connections) - before == 1


@pytest.mark.skips_idle_time
@pytest.mark.parametrize("own", [True, False], ids=["http_client", "the SDK's"])
@pytest.mark.parametrize("pings", [[], [Pings(0.1, count=3)]], ids=["silent", "after pings"])
async def test_the_client_s_read_timeout_counts_from_the_last_read(own: bool, pings: list[Pings]) -> None:
    read = httpx2.Timeout(5, read=0.2)
    answer = reply(text("Hel", *pings, Stall()))
    async with FakeClaude(answer) as server, sk.http_client() as http:
        client = server.client(timeout=read, **({"http_client": http} if own else {}))
        with patience(), pytest.raises(sk.StreamStalled) as caught:
            await sk.messages(client, **ASK, retry=sk.RetryPolicy(attempts=1)).run()
        assert (caught.value.limit, caught.value.seconds) == ("read", 0.2)
        assert isinstance(caught.value.__cause__, httpx2.ReadTimeout)
        with patience():
            await server.all_closed()


@pytest.mark.parametrize("own", [True, False], ids=["http_client", "the SDK's"])
async def test_a_connection_that_breaks_is_told_as_the_client_tells_it(own: bool) -> None:
    async with FakeClaude(reply(text("Hel", Drop())), repeat=True) as server, sk.http_client() as http:
        client = server.client(**({"http_client": http} if own else {}))
        with pytest.raises(sk.StreamTruncated) as caught:
            await sk.messages(client, **ASK).run()
        assert isinstance(caught.value.__cause__, httpx2.TransportError)
        assert caught.value.partial.content[0].text == "Hel"


EXTRAS: dict[str, list[bytes]] = {
    "an extension": [chunk(HELLO.body[:70]), chunk(HELLO.body[70:], b";a=b") + b"0\r\n\r\n"],
    "a trailer": [chunk(HELLO.body[:70]) + chunk(HELLO.body[70:]), b"0\r\nx-sum: 7\r\n\r\n"],
    "an end in two": [chunk(HELLO.body[:70]) + chunk(HELLO.body[70:]), b"0\r", b"\n\r\n"],
    "a head in three": [
        b"4",
        b"6",
        b"\r\n" + HELLO.body[:70] + b"\r",
        b"\n" + chunk(HELLO.body[70:]),
        b"0\r\n\r\n",
    ],
    "a big chunk, cut": [b"%x\r\n" % len(HELLO.body) + HELLO.body[:90], HELLO.body[90:] + b"\r\n0\r\n\r\n"],
}


@pytest.mark.parametrize("pieces", EXTRAS.values(), ids=EXTRAS)
async def test_what_stands_between_the_chunks_is_understood(pieces: list[bytes]) -> None:
    async with answering(HEAD, *pieces) as client:
        for _ in range(2):
            with patience():
                assert await (sk.messages(client, **ASK) | sk.text() | sk.sinks.join()) == "Hello world"


@pytest.mark.parametrize("wrong", [b"zz\r\n", chunk(b": hello\n\n")[:-2] + b"!!", b"5_0\r\n"])
async def test_what_is_no_chunk_breaks_the_connection(wrong: bytes) -> None:
    async with answering(HEAD, chunk(HELLO.body[:70]), wrong + HELLO.body[70:]) as client:
        with patience(), pytest.raises(sk.StreamTruncated, match="RemoteProtocolError"):
            await sk.messages(client, **ASK, retry=sk.RetryPolicy(attempts=1)).run()


# -- the parser that sees the beginning and the end ----------------------------------------------------------


def events_of(parser: h11.Connection) -> list[type]:
    kinds: list[type] = []
    while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        kinds.append(type(event))
        if isinstance(event, h11.EndOfMessage):
            break
    return kinds


def parser_at_body(begun: bytes) -> h11.Connection:
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(HEAD + begun)
    assert isinstance(parser.next_event(), h11.Response)
    return parser


def fed(chunks: Chunks, parser: h11.Connection, reads: Sequence[bytes]) -> bytes:
    """
    What is read directly, with the parser shown what it has to see.
    """
    body = chunks.feed(parser.trailing_data[0])
    if chunks.rest is not None:
        return b""
    if shown := chunks.to_boundary:
        parser.receive_data(shown)
    events_of(parser)
    for read in reads:
        body += chunks.feed(read)
        if chunks.rest is not None:
            parser.receive_data(chunks.rest)
            break
    return body


BODIES = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6)
CUTS = st.lists(st.integers(0, 300), max_size=8)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted({min(place, len(data)) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


@given(BODIES, CUTS)
@settings(max_examples=examples(pr=150, full=2000))
def test_however_it_is_cut_the_body_is_the_same_and_the_parser_at_its_end(
    body: list[bytes], places: list[int]
) -> None:
    begun, *reads = cut(b"".join(map(chunk, body)), places)
    parser, chunks = parser_at_body(begun), Chunks()
    assert fed(chunks, parser, reads) == b"".join(body)
    assert chunks.rest is None
    assert chunks.feed(b"0\r\n\r\n") == b""
    assert chunks.rest == b"0\r\n\r\n"
    parser.receive_data(b"0\r\n\r\n")
    assert events_of(parser) == [h11.EndOfMessage]
    parser.start_next_cycle()


@given(BODIES, CUTS, st.integers(0, 300))
@settings(max_examples=examples(pr=150, full=2000))
def test_wherever_it_breaks_off_the_parser_says_so(body: list[bytes], places: list[int], end: int) -> None:
    sent = b"".join(map(chunk, body))[:end]
    begun, *reads = cut(sent, places)
    parser, chunks = parser_at_body(begun), Chunks()
    fed(chunks, parser, reads)
    if rest := chunks.broken_off:
        parser.receive_data(rest)
    events_of(parser)
    parser.receive_data(b"")
    with pytest.raises(h11.RemoteProtocolError, match=r"incomplete chunked read|unexpectedly closed"):
        events_of(parser)
