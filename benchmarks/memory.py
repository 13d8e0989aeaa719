"""
What a stream keeps in memory: a long one at its peak, and one that waits.

Figures are what `tracemalloc` sees: Python's own objects, without the allocator's reserve. A sink here forgets what it was given.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anthropic
import httpx2

import streamkit as sk

from .frames import REQUEST, frame, message
from .measure import Aim, Contender, Row, Table, race

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

__all__ = ["tables"]

EVENTS = 100_000
SHORT, LONG = 10_000, 1_000_000
STREAMS = 50
COME = 50
"""Text deltas that each idle stream has had."""

TEXT = "the text"
PEAK = "messages() | tee(two sinks) | text(), at its peak"
WITH_MESSAGE = "the same, and outcome.message"
LIMIT = "twice the text, and 1 MB"
BARE = "a bare HTTP response"
SDK = "SDK create(stream=True)"
IDLE = "messages() | text()"

KB = 1_000


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    A long stream at its peak, its cost by length, and streams that wait.
    """
    yield await _peak()
    yield await _by_length(rounds)
    yield await _idle()


# -- a long stream ---------------------------------------------------------------------------------------------


@sk.sink
async def forget(items: AsyncIterator[object]) -> None:
    async for _ in items:
        pass


async def _read(events: int) -> tuple[int, sk.Outcome]:
    async with _client(events) as client:
        stream = sk.messages(client, **REQUEST) | sk.tee(forget(), forget()) | sk.text()
        length = 0
        async with stream.open() as run:
            async for piece in run:
                length += len(piece)
    return length, run.outcome


async def _peak() -> Table:
    await _read(1_000)  # what is imported and made once does not count
    with _Traced() as traced:
        length, outcome = await _read(EVENTS)
        peak = traced.peak()
        assert outcome.message is not None
        with_message = traced.peak()
    rows = [
        _row(TEXT, length),
        _row(PEAK, peak),
        _row(WITH_MESSAGE, with_message),
        _row(LIMIT, 2 * length + 1_000 * KB),
    ]
    aims = (Aim(PEAK, LIMIT, at_most=1), Aim(WITH_MESSAGE, LIMIT, at_most=1))
    return Table(f"memory of {EVENTS:,} text deltas", "KB", rows, TEXT, aims)


async def _by_length(rounds: int) -> Table:
    async def short() -> None:
        await _read(SHORT)

    async def long() -> None:
        await _read(LONG)

    names = [f"a message of {SHORT:,}", f"a message of {LONG:,}"]
    contenders = [
        Contender(names[0], short, units=SHORT),
        Contender(names[1], long, units=LONG, rounds=3),
    ]
    rows = await race(contenders, units=SHORT, rounds=rounds)
    title = "text deltas through messages() | tee(two sinks) | text(), by length"
    return Table(title, "μs per event", rows, names[0], (Aim(names[1], names[0], at_most=1.05),))


# -- streams that wait -----------------------------------------------------------------------------------------


async def _idle() -> Table:
    rows = [
        _row(BARE, await _held_by(_bare)),
        _row(SDK, await _held_by(_sdk)),
        _row(IDLE, await _held_by(_streamkit)),
    ]
    title = (
        f"memory of a stream that waits, after {COME} text deltas, one read for each; of {STREAMS} streams"
    )
    return Table(title, "KB per stream", rows, BARE, (Aim(IDLE, BARE, at_most=2),))


async def _held_by(
    open_one: Callable[[AsyncExitStack, anthropic.AsyncAnthropic], Awaitable[AsyncIterator[object]]],
) -> float:
    """
    Bytes that each of many streams holds while it waits.
    """

    async def hold(number: int, client: anthropic.AsyncAnthropic) -> float:
        ready, over = [asyncio.Event() for _ in range(number)], asyncio.Event()

        async def one(has_come: asyncio.Event) -> None:
            async with AsyncExitStack() as stack:
                items = await open_one(stack, client)
                for _ in range(COME):
                    await anext(items)
                has_come.set()
                await over.wait()

        with _Traced() as traced:
            tasks = [asyncio.create_task(one(event)) for event in ready]
            for event in ready:
                await event.wait()
            held = traced.held()
        over.set()
        await asyncio.gather(*tasks)
        return held / number

    async with _client(COME + 1) as client:
        await hold(2, client)  # what is imported and made once does not count
        return await hold(STREAMS, client)


async def _bare(stack: AsyncExitStack, client: anthropic.AsyncAnthropic) -> AsyncIterator[object]:
    http: httpx2.AsyncClient = client._client  # pyright: ignore[reportPrivateUsage] -- the same one, without the SDK
    response = await stack.enter_async_context(http.stream("POST", "http://api/v1/messages", json=REQUEST))
    return response.aiter_bytes()


async def _sdk(stack: AsyncExitStack, client: anthropic.AsyncAnthropic) -> AsyncIterator[object]:
    stream = await stack.enter_async_context(await client.messages.create(**REQUEST, stream=True))
    return aiter(stream)


async def _streamkit(stack: AsyncExitStack, client: anthropic.AsyncAnthropic) -> AsyncIterator[object]:
    run = await stack.enter_async_context((sk.messages(client, **REQUEST) | sk.text()).open())
    return aiter(run)


# -- what is used ----------------------------------------------------------------------------------------------


_BEGIN, *_END = message([])
_BLOCK = frame("content_block_start", index=0, content_block={"type": "text", "text": ""})
_DELTAS = [
    frame("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    for piece in (" river", " keeps", " what", " it", " is", " given", ",", " and", ".\n")
]


class _Body(httpx2.AsyncByteStream):
    """
    A response of so many text deltas, each made when it is read.
    """

    def __init__(self, deltas: int) -> None:
        self._deltas = deltas

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield _BEGIN
        yield _BLOCK
        for number in range(self._deltas):
            # A copy, as every read is.
            yield bytes(bytearray(_DELTAS[number % len(_DELTAS)]))
        yield frame("content_block_stop", index=0)
        for each in _END:
            yield each


@asynccontextmanager
async def _client(deltas: int) -> AsyncGenerator[anthropic.AsyncAnthropic, None]:
    """
    The SDK's client on a transport without a socket.
    """

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Body(deltas))

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with anthropic.AsyncAnthropic(api_key="none", http_client=http) as client:
        yield client


class _Traced:
    """
    What is allocated within it.
    """

    def __enter__(self) -> _Traced:
        gc.collect()
        tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]
        return self

    def __exit__(self, *_: object) -> None:
        tracemalloc.stop()

    def held(self) -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - self._before

    def peak(self) -> int:
        return tracemalloc.get_traced_memory()[1] - self._before


def _row(name: str, size: float) -> Row:
    return Row(name, size / KB, size / KB)
