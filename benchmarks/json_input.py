"""
What a delta of a tool's input costs while it is being written, however long that has become.
"""

from __future__ import annotations

from collections import deque
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import ijson
import jiter
import jsonriver
import partial_json_parser
from anthropic import not_given
from anthropic.lib.streaming import MessageStream

import streamkit as sk

from .frames import REQUEST
from .measure import Aim, Contender, Table, collected, race
from .response import in_memory
from .tool_inputs import ITEMS, TEXT, Written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import anthropic

    from .tool_inputs import Shape

__all__ = ["tables"]

SIZES = {"1 KB": 1_000, "4 KB": 4_000, "60 KB": 60_000, "1 MB": 1_000_000}
AT_LEAST = 100_000
"""Characters in one timing: a small input is that of many calls."""

WHOLE = "streamkit tool_input()"
FROM_BYTES = "streamkit messages() | tool_input(), from bytes"
MESSAGE_STREAM = "SDK MessageStream"
STREAM = "SDK stream(), from bytes"
JITER = "jiter.from_json, of all so far"
RIVER = "jsonriver"
PARSER = "partial-json-parser, of all so far"
IJSON = "ijson, complete values only"

PLACES = {
    "60 KB": {PARSER: 32},
    "1 MB": {MESSAGE_STREAM: 128, STREAM: 128, JITER: 128, PARSER: 4, IJSON: 128},
}
"""Who would take minutes, or a day, for all of the deltas; and how many larger ones it gets."""
ROUNDS = {"1 MB": {PARSER: 1, RIVER: 2}}
"""How many timings at most, of whom."""

ONCE = "once, at the end"


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    Both shapes in all sizes; then streamkit alone, by size, and with somebody who looks.
    """
    for shape in (TEXT, ITEMS):
        for size in SIZES:
            yield await _table(shape, size, rounds)
    for shape in (TEXT, ITEMS):
        yield await _by_size(shape, rounds)
    for shape in (TEXT, ITEMS):
        yield await _looking(shape, rounds)


# What each contender returns is made comparable afterwards: the parts that it has found, or the inputs of all calls.


async def streamkit_path(events: list[Any], shape: Shape) -> list[Any]:
    return list(sk.tool_input(shape.tool, shape.path).over(events))


async def streamkit_whole(events: list[Any]) -> list[Any]:
    return [each.value for each in sk.tool_input().over(events) if each.complete]


async def streamkit_from_bytes(client: anthropic.AsyncAnthropic) -> list[Any]:
    values: list[Any] = []
    async with (sk.messages(client, **REQUEST) | sk.tool_input()).open() as run:
        async for each in run:
            if each.complete:
                values.append(each.value)
    return values


class Ready:
    """
    Stands in for the SDK's stream of events, where these are ready.
    """

    def __init__(self, events: list[Any]) -> None:
        self._events = events

    def __iter__(self) -> Any:
        return iter(self._events)


async def sdk_message_stream(events: list[Any]) -> list[Any]:
    ready: Any = Ready(events)
    stream = MessageStream(ready, output_format=not_given)
    for _ in stream:
        pass
    return [block.input for block in stream.get_final_message().content if block.type == "tool_use"]


async def sdk_stream(client: anthropic.AsyncAnthropic) -> list[Any]:
    async with client.messages.stream(**REQUEST) as stream:
        async for _ in stream:
            pass
        message = await stream.get_final_message()
    return [block.input for block in message.content if block.type == "tool_use"]


async def with_jiter(written: Written) -> list[Any]:
    values: list[Any] = []
    for _ in range(written.calls):
        text, value = b"", None
        for piece in written.pieces:
            text += piece.encode()
            if text:
                value = jiter.from_json(text, partial_mode="trailing-strings")
        values.append(value)
    return values


async def with_partial_json_parser(written: Written) -> list[Any]:
    values: list[Any] = []
    for _ in range(written.calls):
        text, value = "", None
        for piece in written.pieces:
            text += piece
            if text:
                value = partial_json_parser.loads(text)
        values.append(value)
    return values


async def with_jsonriver(written: Written) -> list[Any]:
    async def pieces() -> AsyncIterator[str]:
        for piece in written.pieces:
            yield piece

    values: list[Any] = []
    for _ in range(written.calls):
        value = None
        async for each in jsonriver.parse(pieces()):
            value = each
        values.append(value)
    return values


async def with_ijson(written: Written) -> list[Any]:
    in_c: Any = ijson.get_backend("yajl2_c")
    found: Any = ijson.sendable_list()
    for _ in range(written.calls):
        parser = in_c.items_coro(found, written.shape.prefix, use_float=True)
        for piece in written.pieces:
            if piece:  # nothing would be the end
                parser.send(piece.encode())
        parser.close()
    return list(found)


async def _table(shape: Shape, size: str, rounds: int) -> Table:
    written = Written.of(shape, SIZES[size], max(1, AT_LEAST // SIZES[size]))
    with_path = _with_path(shape)
    places_of, rounds_of = PLACES.get(size, {}), ROUNDS.get(size, {})
    async with AsyncExitStack() as clients:

        async def contender(
            name: str,
            run: Callable[[Any], Awaitable[list[Any]]],
            feed: Callable[[Written], Awaitable[Any]],
            *,
            finds_parts: bool = False,
        ) -> Contender:
            places = places_of.get(name)
            if name == IJSON and shape is ITEMS:
                places = None  # it reads again only the string that is incomplete
            given = written if places is None else written.in_fewer(places)
            return Contender(
                name,
                partial(run, await feed(given)),
                result=shape.joined if finds_parts else given.add_up,
                units=given.deltas,
                rounds=rounds_of.get(name),
                note=f"on a part: {places} larger deltas" if places is not None else "",
            )

        async def client(given: Written) -> anthropic.AsyncAnthropic:
            return await clients.enter_async_context(in_memory(given.frames()))

        contenders = [
            await contender(with_path, partial(streamkit_path, shape=shape), _events, finds_parts=True),
            await contender(WHOLE, streamkit_whole, _events),
            await contender(MESSAGE_STREAM, sdk_message_stream, _sdk_events),
            await contender(FROM_BYTES, streamkit_from_bytes, client),
            await contender(STREAM, sdk_stream, client),
            await contender(JITER, with_jiter, _itself),
            await contender(RIVER, with_jsonriver, _itself),
            await contender(PARSER, with_partial_json_parser, _itself),
            await contender(IJSON, with_ijson, _itself, finds_parts=True),
        ]
        rows = await race(contenders, units=written.deltas, rounds=rounds)
    aims = [Aim(with_path, MESSAGE_STREAM, at_most=1), Aim(WHOLE, MESSAGE_STREAM, at_most=1)]
    aims.append(Aim(FROM_BYTES, STREAM, at_most=1))
    title = f"a tool's input of {size}, {shape.title}, in {len(written.pieces):,} deltas"
    if written.calls > 1:
        title += f", {written.calls} calls of it"
    return Table(title, "μs per delta", rows, WHOLE, aims if SIZES[size] >= SIZES["4 KB"] else ())


async def _by_size(shape: Shape, rounds: int) -> Table:
    """
    streamkit alone: whether a delta costs the same, whatever came before it.
    """
    with_path = _with_path(shape)
    contenders: list[Contender] = []
    for size, characters in SIZES.items():
        written = Written.of(shape, characters, max(1, AT_LEAST // characters))
        events = await _events(written)
        ways = (
            (with_path, partial(streamkit_path, events, shape), shape.joined),
            (WHOLE, partial(streamkit_whole, events), written.add_up),
        )
        for name, run, made in ways:
            result = partial(_is_all, written.total, made)
            contenders.append(Contender(f"{name}, {size}", run, result, written.deltas))
    rows = sorted(await race(contenders, units=0, rounds=rounds), key=lambda row: row.name.startswith(WHOLE))
    aims = [Aim(f"{name}, 1 MB", f"{name}, 1 KB", at_most=1.3) for name in (with_path, WHOLE)]
    return Table(f"{shape.title}, by size", "μs per delta", rows, f"{WHOLE}, 1 KB", aims)


def _is_all(total: object, made: Callable[[Any], object], found: Any) -> bool:
    assert made(found) == total
    return True


async def _looking(shape: Shape, rounds: int) -> Table:
    """
    What it costs to look at the live view, at each delta of a large input.
    """
    written = Written.of(shape, SIZES["1 MB"])
    events = await _events(written)
    seen, look = TEXT_SEEN if shape is TEXT else ITEMS_SEEN

    async def once() -> Any:
        (last,) = deque(sk.tool_input().over(events), maxlen=1)
        return look(last.value)

    async def at_each() -> Any:
        found = None
        for each in sk.tool_input().over(events):
            found = look(each.value)
        return found

    async def kept() -> Any:
        found = text = None
        for each in sk.tool_input().over(events):
            found, text = look(each.value), each.value.get("new_text")
        assert text == written.value["new_text"]
        return found

    every = f"at each delta: {seen}"
    contenders = [Contender(ONCE, once), Contender(every, at_each)]
    if shape is TEXT:
        contenders.append(Contender("the same, and the text is kept until the next delta", kept))
    rows = await race(contenders, units=written.deltas, rounds=rounds)
    title = f"{shape.title}, 1 MB: looking at partial.value"
    return Table(title, "μs per delta", rows, ONCE, [Aim(every, ONCE, at_most=3)])


def _look_at_text(value: Mapping[str, Any]) -> object:
    return (len(value["new_text"]), value["new_text"][-20:]) if "new_text" in value else None


def _look_at_items(value: Mapping[str, Any]) -> object:
    items = value.get("items")
    return items[-1] if items else None


TEXT_SEEN = ('len(value["new_text"]), value["new_text"][-20:]', _look_at_text)
ITEMS_SEEN = ('value["items"][-1]', _look_at_items)


def _with_path(shape: Shape) -> str:
    return f'streamkit tool_input("{shape.tool}", "{shape.path}")'


async def _events(written: Written) -> list[Any]:
    """
    streamkit's events, ready.
    """
    return list(await sk.from_sse(written.frames()).collect())


async def _sdk_events(written: Written) -> list[Any]:
    """
    The SDK's events, ready.
    """
    async with in_memory(written.frames()) as client:
        return await collected(await client.messages.create(**REQUEST, stream=True))


async def _itself(written: Written) -> Written:
    return written
