"""
What a pure stage costs for each item.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiostream
import reactivex
from reactivex import operators as rx
from reactivex.subject import Subject

import streamkit as sk

from .measure import Aim, Contender, Table, collected, race

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

__all__ = ["tables"]

ITEMS = 20_000

BY_HAND = "by hand: one loop, the same functions"
INLINED = "by hand: one loop, expressions inlined"
AS_A_STREAM = "by hand: that loop as an async generator, which gives way"
STREAMKIT = "streamkit"
COLLECT = "streamkit, collect()"
FROM_LIST = "streamkit, from a list"
GENERATORS = "async generators, one for each stage"
AIOSTREAM = "aiostream"
REACTIVEX = "reactivex"
GIVES_WAY_EVERY = 64
AIMS = (
    Aim(STREAMKIT, BY_HAND, at_most=1.15),
    Aim(COLLECT, BY_HAND, at_most=1.15),
    Aim(STREAMKIT, AS_A_STREAM, at_most=1.15),
    Aim(STREAMKIT, INLINED, at_most=2.5),
)


def add(x: int) -> int:
    return x + 3


def double(x: int) -> int:
    return x * 2


def halve(x: int) -> int:
    return x // 2


def not_seventh(x: int) -> bool:
    return x % 7 != 0


def not_eleventh(x: int) -> bool:
    return x % 11 != 0


def positive(x: int) -> bool:
    return x > 0


Stage = tuple[str, "Callable[[int], Any]"]
SIX: list[Stage] = [
    ("map", add),
    ("filter", not_seventh),
    ("map", double),
    ("filter", not_eleventh),
    ("map", halve),
    ("filter", positive),
]


async def numbers() -> AsyncIterator[int]:
    for x in range(ITEMS):
        yield x


async def one_by_hand() -> list[int]:
    out: list[int] = []
    async for x in numbers():
        x = add(x)
        out.append(x)
    return out


async def three_by_hand() -> list[int]:
    out: list[int] = []
    async for x in numbers():
        x = add(x)
        if not not_seventh(x):
            continue
        x = double(x)
        out.append(x)
    return out


async def six_by_hand() -> list[int]:
    out: list[int] = []
    async for x in numbers():
        x = add(x)
        if not not_seventh(x):
            continue
        x = double(x)
        if not not_eleventh(x):
            continue
        x = halve(x)
        if not positive(x):
            continue
        out.append(x)
    return out


async def six_as_a_stream() -> list[int]:
    """
    What nothing can do without that is read by `async for`, and lets others run while its source is always ready.
    """

    async def loop() -> AsyncIterator[int]:
        until_checkpoint = GIVES_WAY_EVERY
        async for x in numbers():
            until_checkpoint -= 1
            if not until_checkpoint:
                until_checkpoint = GIVES_WAY_EVERY
                await asyncio.sleep(0)
            x = add(x)
            if not not_seventh(x):
                continue
            x = double(x)
            if not not_eleventh(x):
                continue
            x = halve(x)
            if not positive(x):
                continue
            yield x

    return await collected(loop())


async def one_inlined() -> list[int]:
    out: list[int] = []
    async for x in numbers():
        out.append(x + 3)
    return out


async def three_inlined() -> list[int]:
    out: list[int] = []
    async for x in numbers():
        x += 3
        if x % 7 == 0:
            continue
        out.append(x * 2)
    return out


async def six_inlined() -> list[int]:
    out: list[int] = []
    async for x in numbers():
        x += 3
        if x % 7 == 0:
            continue
        x *= 2
        if x % 11 == 0:
            continue
        x //= 2
        if x <= 0:
            continue
        out.append(x)
    return out


LOOPS: dict[int, tuple[Callable[[], Awaitable[list[int]]], Callable[[], Awaitable[list[int]]]]] = {
    1: (one_by_hand, one_inlined),
    3: (three_by_hand, three_inlined),
    6: (six_by_hand, six_inlined),
}


def pipeline_of(stages: list[Stage], source: Any) -> sk.Stream[int]:
    pipeline: Any = sk.from_iterable(source)
    for kind, fn in stages:
        pipeline |= sk.map(fn) if kind == "map" else sk.filter(fn)
    return pipeline  # type: ignore[no-any-return]


def with_streamkit(stages: list[Stage], source: Any) -> Callable[[], Awaitable[list[int]]]:
    pipeline = pipeline_of(stages, source)

    async def run() -> list[int]:
        async with pipeline.open() as items:
            return await collected(items)

    return run


def with_generators(stages: list[Stage]) -> Callable[[], Awaitable[list[int]]]:
    async def mapped(items: AsyncIterable[int], fn: Callable[[int], int]) -> AsyncIterator[int]:
        async for x in items:
            yield fn(x)

    async def filtered(items: AsyncIterable[int], keep: Callable[[int], bool]) -> AsyncIterator[int]:
        async for x in items:
            if keep(x):
                yield x

    async def run() -> list[int]:
        items = numbers()
        for kind, fn in stages:
            items = mapped(items, fn) if kind == "map" else filtered(items, fn)
        return await collected(items)

    return run


def with_aiostream(stages: list[Stage]) -> Callable[[], Awaitable[list[int]]]:
    async def run() -> list[int]:
        pipeline: Any = aiostream.stream.iterate(numbers())
        pipe: Any = aiostream.pipe
        for kind, fn in stages:
            pipeline |= pipe.map(fn) if kind == "map" else pipe.filter(fn)
        async with pipeline.stream() as items:
            return await collected(items)

    return run


def with_reactivex(stages: list[Stage]) -> Callable[[], Awaitable[list[int]]]:
    async def run() -> list[int]:
        out: list[int] = []
        source: Subject[int] = Subject()
        piped: reactivex.Observable[Any] = source.pipe(
            *(rx.map(fn) if kind == "map" else rx.filter(fn) for kind, fn in stages)
        )
        with piped.subscribe(out.append):
            async for x in numbers():
                source.on_next(x)
            source.on_completed()
        return out

    return run


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    One, three and six stages over the same asynchronous source.
    """
    for number, (by_hand, inlined) in LOOPS.items():
        stages = SIX[:number]
        contenders = [
            Contender(BY_HAND, by_hand),
            Contender(INLINED, inlined),
            Contender(STREAMKIT, with_streamkit(stages, numbers)),
            Contender(COLLECT, pipeline_of(stages, numbers).collect),
            Contender(FROM_LIST, with_streamkit(stages, range(ITEMS))),
            Contender(GENERATORS, with_generators(stages)),
            Contender(AIOSTREAM, with_aiostream(stages)),
            Contender(REACTIVEX, with_reactivex(stages)),
        ]
        if number == 6:
            contenders.append(Contender(AS_A_STREAM, six_as_a_stream))
        rows = await race(contenders, units=ITEMS, rounds=rounds * 2)
        names = ", ".join(kind for kind, _ in stages)
        title = f"{number} pure stage{'s' * (number > 1)} ({names})"
        yield Table(title, "μs per item", rows, BY_HAND, AIMS if number == 6 else ())
