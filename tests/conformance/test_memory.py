"""
What each operator holds while its source could run very far ahead of a stuck consumer: counted, against its stated bound.
"""

from __future__ import annotations

import gc
import re
import tracemalloc
from typing import TYPE_CHECKING, Any, ClassVar

import anyio
import pytest

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import reply, text, thinking, tool_use
from streamkit.testing._fake_claude.frames import events_in
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from streamkit.events import Event

pytestmark = pytest.mark.virtual_time

MANY = examples(pr=5_000, full=1_000_000)
"""Items of a source that is never done."""
LONG = examples(pr=600.0, full=86_400.0)
"""Seconds for which the consumer takes nothing."""
IN_HANDS = 3
"""Items that are nobody's: the source's current one, the one on its way, the consumer's, which may be a batch."""


class Item:
    """
    Something that counts how many of it there are.
    """

    alive: ClassVar[int] = 0

    def __init__(self) -> None:
        Item.alive += 1

    def __del__(self) -> None:
        Item.alive -= 1


class Endless:
    """
    A source of very many items that is always ready.
    """

    def __init__(self) -> None:
        self.pulled = 0

    def stream(self) -> sk.Stream[Item]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[Item]:
        for _ in range(MANY):
            self.pulled += 1
            yield Item()


async def later(item: Item) -> Item:
    await anyio.sleep(0.001)
    return item


async def stuck(item: Item) -> None:
    await anyio.sleep_forever()


def as_stream(item: Item) -> sk.Stream[Item]:
    return sk.from_iterable([item])


async def passes(piece: str, so_far: str) -> bool:
    return True


def never(error: Exception) -> sk.Stream[Item]:
    raise error


BOUNDS: dict[str, tuple[Callable[[], sk.Operator[Any, Any]], int]] = {
    "map": (lambda: sk.map(lambda item: item), 0),
    "filter": (lambda: sk.filter(lambda item: True), 0),
    "filter_map": (lambda: sk.filter_map(lambda item: item), 0),
    "flat_map": (lambda: sk.flat_map(lambda item: [item]), 0),
    "flat_map, concurrent": (lambda: sk.flat_map(as_stream, concurrency=4), 4 * 16),
    "map_async": (lambda: sk.map_async(later), 1),
    "map_async, concurrent": (lambda: sk.map_async(later, 10), 10),
    "map_async, unordered": (lambda: sk.map_async(later, 10, ordered=False), 10),
    "tap": (lambda: sk.tap(lambda item: None), 0),
    "scan": (lambda: sk.scan(lambda _, item: item, None), 1),
    "batch": (lambda: sk.batch(20), 20),
    "batch, within": (lambda: sk.batch(20, 1.0), 20),
    "gate": (lambda: sk.gate(passes), 64),
    "take": (lambda: sk.take(MANY), 0),
    "skip": (lambda: sk.skip(100), 0),
    "take_while": (lambda: sk.take_while(lambda item: True), 0),
    "take_until": (lambda: sk.take_until(anyio.sleep_forever), 1),
    "dedupe": (lambda: sk.dedupe(key=id), 1),
    "throttle": (lambda: sk.throttle(1.0, merge="latest"), 1),
    "rate_limit": (lambda: sk.rate_limit(1000), 1),
    "debounce": (lambda: sk.debounce(1.0, max_wait=2.0), 1),
    "sample": (lambda: sk.sample(1.0), 1),
    "heartbeat": (lambda: sk.heartbeat(1.0, "?"), 1),
    "timeout": (lambda: sk.timeout(idle=1.0), 1),
    "buffer": (lambda: sk.buffer(50), 50),
    "buffer, drop_oldest": (lambda: sk.buffer(50, "drop_oldest"), 50),
    "buffer, drop_incoming": (lambda: sk.buffer(50, "drop_incoming"), 50),
    "buffer, latest": (lambda: sk.buffer(50, "latest"), 1),
    "buffer, error": (lambda: sk.buffer(50, "error") | sk.catch(never), 50),
    "catch": (lambda: sk.catch(never), 0),
    "retry": (lambda: sk.retry(), 0),
    "finalize": (lambda: sk.finalize(lambda: None), 0),
    "tee": (lambda: sk.tee(stuck, stuck, buffer=30, on_error="detach"), 2 * 30),
    "tee, drop_oldest": (lambda: sk.tee(stuck, buffer=30, overflow="drop_oldest", on_error="detach"), 30),
    "split": (lambda: sk.split(a=sk.take(MANY), b=sk.skip(0)), 1),
    "split, unordered": (lambda: sk.split(ordered=False, a=sk.skip(0), b=sk.skip(0)), 4 * 16),
}
"""Operators for items of any kind, and how many they may hold."""

SOURCES: dict[str, tuple[Callable[..., sk.Stream[Any]], int]] = {
    "merge": (sk.merge, 3 * 16),
    "concat": (sk.concat, 0),
    "zip": (sk.zip, 3),
    "race": (sk.race, 16),
}


async def held_by(stream: sk.Stream[Any], *, items: int) -> int:
    """
    How many items there are when the consumer has taken some, and then nothing for a long time.
    """
    gc.collect()
    before = Item.alive
    async with stream.open(close_timeout=1) as run:
        del stream
        with anyio.move_on_after(LONG):
            async for _ in run:
                items -= 1
                if not items:
                    break
        await anyio.sleep(LONG)
        return Item.alive - before


@pytest.mark.parametrize("name", BOUNDS)
async def test_an_operator_holds_no_more_than_it_says(name: str) -> None:
    make, bound = BOUNDS[name]
    operator, source = make(), Endless()
    held = await held_by(source.stream() | operator, items=5)
    in_hands = IN_HANDS + (20 if name.startswith("batch") else 0)
    assert held <= bound + in_hands
    said = " ".join(stage.holds() for stage in operator.stages)
    if name.startswith("buffer, ") and "error" not in name:
        assert source.pulled == MANY, "it lets the source run all the way"
    stated = [int(number) for number in re.findall(r"\d+", said)]
    if bound > 2:
        assert bound <= sum(stated) or str(bound) in said, f"explain() says only {said!r}"


@pytest.mark.parametrize("name", SOURCES)
async def test_a_source_of_streams_holds_no_more_than_it_says(name: str) -> None:
    make, bound = SOURCES[name]
    held = await held_by(make(*(Endless().stream() for _ in range(3))), items=1)
    assert held <= bound + 3 * IN_HANDS


@pytest.mark.parametrize("operator", [sk.throttle(1.0), sk.smooth("word", max_lag=1.0)], ids=repr)
async def test_text_that_waits_is_what_comes_within_one_interval(operator: sk.Same) -> None:
    pulled = 0

    async def pieces() -> AsyncIterator[str]:
        nonlocal pulled
        for _ in range(MANY):
            await anyio.sleep(0.01)
            pulled += 1
            yield "word "

    async with (sk.from_iterable(pieces) | operator).open() as run:
        await anext(run)
        await anyio.sleep(LONG)
    assert pulled <= 100 + IN_HANDS


async def test_text_without_a_boundary_is_cut() -> None:
    async def pieces() -> AsyncIterator[str]:
        for _ in range(MANY // 10):
            yield "x" * 100

    for by in ("word", "sentence", "line", "grapheme"):
        async with (sk.from_iterable(pieces) | sk.recut(by)).open() as run:
            assert len(await anext(run)) <= 100_000, by


MESSAGES = examples(pr=60, full=300)

CLAUDE: dict[str, sk.Operator[Any, Any]] = {
    "text": sk.text(),
    "thinking": sk.thinking(),
    "citations": sk.citations(),
    "usage": sk.usage(),
    "blocks": sk.blocks(),
    "tool_calls": sk.tool_calls(),
    "tool_input": sk.tool_input(),
    "tool_results": sk.tool_results(),
    "json": sk.json(),
    "only": sk.only("text_delta"),
    "validate": sk.validate(),
    "meter": sk.meter(),
    "budget": sk.budget(turns=1_000, seconds=10_000.0),
    "until": sk.text() | sk.until("never said"),
    "recut": sk.text() | sk.recut("word"),
    "smooth": sk.smooth("word"),
}


@pytest.mark.pure
@pytest.mark.parametrize("name", CLAUDE)
async def test_many_messages_leave_no_more_behind_than_few(name: str) -> None:
    answer = reply(
        thinking("Hm. Hm."), text('["Hello, world. "]', chunk=4), tool_use("f", {"a": [1, 2]}, chunk=4)
    )
    message = [from_dict(event) for event in events_in(answer.body)]
    held: list[int] = []

    def messages() -> Iterator[Event]:
        for number in range(MESSAGES):
            if number in (MESSAGES // 3, MESSAGES - 1):
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
            yield from message

    tracemalloc.start()
    try:
        await (sk.from_iterable(messages) | CLAUDE[name]).run()
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 10_000, "bytes, after twice as many messages more"


@pytest.mark.pure
@pytest.mark.parametrize(
    "name", [name for name in CLAUDE if name not in {"json", "tool_input", "smooth", "budget"}]
)
async def test_a_run_of_one_task_leaves_nothing_to_the_garbage_collector(name: str) -> None:
    """
    No cycle of references holds what was received, and costs the collector's time. A JSON parser, whose state is its own method,
    is one; and so are jobs.
    """
    answer = reply(thinking("Hm."), text("Hello."), tool_use("f", {"a": [1, 2]}))
    stream = sk.from_iterable([from_dict(event) for event in events_in(answer.body)]) | CLAUDE[name]
    await stream.run()  # what is made once is made
    gc.collect()
    gc.disable()
    try:
        async with stream.open() as run:
            async for _ in run:
                pass
        del run
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_every_public_operator_is_counted() -> None:
    functions = {name for name in dir(sk) if name.islower() and callable(getattr(sk, name))}
    others = {"branch", "operator", "passthrough", "sink", "source", "follow"}
    others |= {"from_iterable", "from_sdk", "from_sse", "http_client", "messages", "replay"}
    others |= {"approve", "mcp", "tool", "tool_loop"}
    assert functions - others == {name.split(",")[0] for name in (*BOUNDS, *SOURCES, *CLAUDE)}
