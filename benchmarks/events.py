"""
What an event costs, from the network read to the application's text.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

import streamkit as sk

from .frames import REQUEST
from .frameworks import FRAMEWORKS
from .measure import Aim, Contender, Table, collected, race
from .response import BLOCKS, DELTAS, FRAMES, IN_BLOCKS, TEXT, in_memory, over_tcp, reads_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    import anthropic

    from .frameworks import Ask

__all__ = ["tables"]

STREAMKIT = "streamkit"
WITH_MESSAGE = "streamkit, and outcome.message"
CREATE = "SDK create(stream=True)"
STREAM = "SDK stream(), get_final_message()"
WATCHED = "streamkit, timeouts=Timeouts()"
BY_HAND = "by hand: split, typed msgspec"
BYTES = "only reading the bytes"
FROM_SSE = "from_sse()"
FROM_SSE_TEXT = "from_sse() | text()"
FLOOR = "by hand: split, typed msgspec, no HTTP"


async def streamkit(client: anthropic.AsyncAnthropic) -> str:
    async with (sk.messages(client, **REQUEST) | sk.text()).open() as run:
        pieces = await collected(run)
    assert run.outcome.kind == "complete"
    return "".join(pieces)


async def streamkit_watched(client: anthropic.AsyncAnthropic) -> str:
    pieces = await (sk.messages(client, **REQUEST, timeouts=sk.Timeouts()) | sk.text()).collect()
    return "".join(pieces)


async def streamkit_with_message(client: anthropic.AsyncAnthropic) -> str:
    async with (sk.messages(client, **REQUEST) | sk.text()).open() as run:
        pieces = await collected(run)
    message = run.outcome.message
    assert message is not None
    assert message.content[0].type == "text"
    assert message.content[0].text == "".join(pieces)
    return message.content[0].text


async def sdk_create(client: anthropic.AsyncAnthropic) -> str:
    pieces: list[str] = []
    async with await client.messages.create(**REQUEST, stream=True) as stream:
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                pieces.append(event.delta.text)
    return "".join(pieces)


async def sdk_stream(client: anthropic.AsyncAnthropic) -> str:
    pieces: list[str] = []
    async with client.messages.stream(**REQUEST) as stream:
        async for event in stream:
            if event.type == "text":
                pieces.append(event.text)
        message = await stream.get_final_message()
    assert message.content[0].type == "text"
    assert message.content[0].text == "".join(pieces)
    return message.content[0].text


class TextDelta(msgspec.Struct, tag_field="type", tag="text_delta"):
    text: str


class Delta(msgspec.Struct, tag_field="type", tag="content_block_delta"):
    index: int
    delta: TextDelta


class Start(msgspec.Struct, tag_field="type", tag="message_start"): ...


class BlockStart(msgspec.Struct, tag_field="type", tag="content_block_start"): ...


class BlockStop(msgspec.Struct, tag_field="type", tag="content_block_stop"): ...


class Changes(msgspec.Struct, tag_field="type", tag="message_delta"): ...


class Stop(msgspec.Struct, tag_field="type", tag="message_stop"): ...


decode = msgspec.json.Decoder(Start | BlockStart | Delta | BlockStop | Changes | Stop).decode


async def by_hand(client: anthropic.AsyncAnthropic) -> str:
    """
    The least that could work: text alone, no error, no ping, no unknown event, no other line end, no message.
    """
    pieces: list[str] = []
    rest = b""
    async with await client.messages.create(**REQUEST, stream=True) as stream:
        async for read in stream.response.aiter_bytes():
            *frames, rest = (rest + read).split(b"\n\n")
            for frame in frames:
                event = decode(frame[frame.index(b"data: ") + 6 :])
                if type(event) is Delta:
                    pieces.append(event.delta.text)
    return "".join(pieces)


async def only_bytes(client: anthropic.AsyncAnthropic) -> str:
    async with await client.messages.create(**REQUEST, stream=True) as stream:
        reads = await collected(stream.response.aiter_bytes())
    assert b"".join(reads) == b"".join(FRAMES)
    return TEXT


CONTENDERS = {
    STREAMKIT: streamkit,
    WITH_MESSAGE: streamkit_with_message,
    WATCHED: streamkit_watched,
    BY_HAND: by_hand,
    CREATE: sdk_create,
    STREAM: sdk_stream,
    BYTES: only_bytes,
}
FLOOR_AIMS = (Aim(FROM_SSE, FLOOR, at_most=1.1),)
AIMS = (Aim(WITH_MESSAGE, STREAM, at_least=10), Aim(STREAMKIT, CREATE, at_least=4))


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    The same response, by one read for each event, by large reads, and over a socket.
    """
    one_each, large = "one network read per event, in memory", "16 KB reads, in memory"
    yield await _table(one_each, in_memory(FRAMES), rounds, AIMS, frameworks=True)
    yield await _table(large, in_memory(reads_of(16 * 1024)), rounds, AIMS, frameworks=True)
    note = "The server's share is in every figure: compare with `only reading the bytes`."
    yield await _table("one read per event, over loopback TCP", over_tcp(), max(3, rounds // 2), note=note)
    yield await _decoding("one read per event", FRAMES, rounds)
    yield await _decoding("16 KB reads", reads_of(16 * 1024), rounds)
    yield await _in_blocks(rounds)
    yield await _message(rounds)


async def _table(
    title: str,
    opened: AbstractAsyncContextManager[anthropic.AsyncAnthropic],
    rounds: int,
    aims: tuple[Aim, ...] = (),
    note: str = "",
    *,
    frameworks: bool = False,
) -> Table:
    async with opened as client:
        contenders = [Contender(name, partial(run, client)) for name, run in CONTENDERS.items()]
        if frameworks:
            contenders += [
                Contender(name, partial(_joined, make(client)), rounds=1) for name, make in FRAMEWORKS.items()
            ]
        rows = await race(contenders, units=DELTAS, rounds=rounds)
    return Table(f"{DELTAS:,} text deltas, {title}", "μs per event", rows, STREAMKIT, aims, note)


async def _joined(ask: Ask) -> str:
    return "".join(await collected(ask()))


async def _decoding(title: str, reads: Sequence[bytes], rounds: int) -> Table:
    """
    What is left where nobody asks the API: bytes to events.
    """

    async def body() -> AsyncIterator[bytes]:
        for read in reads:
            yield read

    async def from_sse() -> int:
        count = 0
        async with sk.from_sse(body).open() as run:
            async for _ in run:
                count += 1
        return count

    async def from_sse_text() -> int:
        async with (sk.from_sse(body) | sk.text()).open() as run:
            async for _ in run:
                pass
        return len(FRAMES)

    async def floor() -> int:
        count, rest = 0, b""
        async for read in body():
            *frames, rest = (rest + read).split(b"\n\n")
            for frame in frames:
                decode(frame[frame.index(b"data: ") + 6 :])
                count += 1
        return count

    contenders = [
        Contender(FROM_SSE, from_sse),
        Contender(FROM_SSE_TEXT, from_sse_text),
        Contender(FLOOR, floor),
    ]
    rows = await race(contenders, units=DELTAS, rounds=rounds)
    return Table(f"{DELTAS:,} text deltas, decoded: {title}", "μs per event", rows, FROM_SSE, FLOOR_AIMS)


async def _in_blocks(rounds: int) -> Table:
    """
    What an event costs that begins or ends a block.
    """
    async with in_memory(IN_BLOCKS) as client:
        contenders = [
            Contender(name, partial(CONTENDERS[name], client)) for name in (STREAMKIT, BY_HAND, CREATE)
        ]
        rows = await race(contenders, units=len(IN_BLOCKS), rounds=rounds)
    title = f"{BLOCKS:,} text blocks of one delta, one network read per event, in memory"
    return Table(title, "μs per event", rows, STREAMKIT)


async def _message(rounds: int) -> Table:
    """
    What asking for the message costs, each time.
    """
    async with in_memory(FRAMES) as client, sk.messages(client, **REQUEST).open() as run:
        await collected(run)

    async def built() -> None:
        assert run.outcome.message is not None

    rows = await race([Contender("run.outcome.message", built)], units=1, rounds=rounds * 3)
    return Table("building the message of that run, when it is asked for", "μs", rows, "run.outcome.message")
