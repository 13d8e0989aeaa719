"""
What the types refuse: each line with `# error` is one in both checkers, and no other line is.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable

import streamkit as sk
from streamkit import events
from streamkit.sinks import call, collect, join, jsonl, log, write

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])
parse: sk.Operator[str, int] = sk.map(int)
show: sk.Operator[int, str] = sk.map(str)


async def double(items: AsyncIterable[int]) -> AsyncIterator[int]:
    async for item in items:
        yield 2 * item


async def save(item: int) -> None: ...


@sk.operator
async def shout(items: AsyncIterator[str], mark: str = "!") -> AsyncIterator[str]:
    async for item in items:
        yield item + mark


@sk.sink
async def total(items: AsyncIterator[int], start: int = 0) -> int:
    return start


@sk.source
async def ticks(n: int) -> AsyncIterator[int]:
    yield n


# -- the parts do not fit -----------------------------------------------------------------------------------


def operators_that_do_not_fit() -> None:
    _ = numbers | parse  # error
    _ = show | show  # error
    _ = words | double  # error
    _ = show | double  # error
    _ = words | (sk.take(1) | show)  # error
    _ = sk.take(1) | sk.skip(1) | show | show  # error
    _ = numbers | shout()  # error
    _ = numbers | sk.text()  # error
    show(words)  # error
    shout()(numbers)  # error
    list(show.over(["a"]))  # error


def sinks_that_do_not_fit() -> None:
    _ = words | total()  # error
    _ = numbers | join()  # error
    _ = numbers | write()  # error
    _ = words | call(save)  # error
    _ = parse | join()  # error
    _ = numbers | (parse | collect())  # error
    _ = numbers | total().then(str.upper)  # error


def junk() -> None:
    _ = numbers | 3  # error
    _ = numbers | None  # error
    _ = numbers | [show]  # error
    _ = numbers | words  # error
    _ = show | 3  # error
    _ = sk.take(1) | 3  # error
    _ = numbers | save  # error
    _ = numbers | shout  # error
    _ = numbers | sk.take  # error
    _ = numbers.pipe(3)  # error


# -- what comes out is something else -----------------------------------------------------------------------


async def results() -> None:
    a: list[str] = await (numbers | collect())  # error
    b: int = await (words | join())  # error
    c: sk.Stream[int] = words | sk.take(1)  # error
    d: sk.Stream[int] = numbers | sk.batch(2)  # error
    e: sk.Operator[int, int] = sk.take(1) | show  # error
    f: str = await numbers.first()  # error
    g: sk.Stream[str] = numbers.map(lambda n: n + 1)  # error
    _ = (a, b, c, d, e, f, g)


def methods() -> None:
    numbers.map(str.upper)  # error
    numbers.filter(lambda n: n.upper())  # error
    numbers.tap(lambda n: n.upper())  # error
    numbers.scan(lambda total, n: total + n.upper(), "")  # error
    numbers.flat_map(lambda n: n)  # error
    parse.map(str.upper)  # error
    parse.map(lambda n: n.upper())  # error


async def runs() -> None:
    async with numbers.open() as run:
        async for number in run:
            number.upper()  # error
    run.cancel(3)  # error
    numbers.open(close_timeout="1")  # error


# -- arguments ----------------------------------------------------------------------------------------------


def arguments() -> None:
    sk.take("1")  # error
    sk.batch(None)  # error
    sk.throttle("1")  # error
    sk.throttle(1, merge="newest")  # error
    sk.tee(collect(), overflow="drop")  # error
    sk.branch(collect(), on_error="ignore")  # error
    sk.from_iterable(3)  # error
    sk.map(3)  # error
    join(3)  # error
    jsonl(3)  # error
    log(level="loud")  # error
    write("file.txt")  # error
    call(3)  # error
    shout(3)  # error
    shout(sign="?")  # error
    total("1")  # error
    ticks()  # error
    ticks("1")  # error
    sk.follow(numbers, save)  # error


@sk.operator  # error
async def no_generator(items: AsyncIterator[int]) -> int:
    return 1


@sk.sink  # error
def not_async(items: AsyncIterator[int]) -> int:
    return 1


class WrongFeed(sk.Transducer[str, int]):
    def feed(self, item: str) -> Iterable[str]:  # error
        return (item,)


def claude() -> None:
    stream = sk.from_sse([b""])
    _ = stream | sk.only(events.TextDelta) | sk.text() | sk.tool_calls()  # error
    sk.tool_calls(broken="ignore")  # error
    sk.text().over(["text"])  # error
