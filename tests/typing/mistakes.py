"""
What the types refuse: each line with `# error` is one in both checkers, and no other line is.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

from aiostream import stream as aiostream_stream

import streamkit as sk
from streamkit import events
from streamkit.sinks import call, collect, join, jsonl, log, message, send, write

if TYPE_CHECKING:
    import anthropic
    from anyio.abc import ObjectSendStream
    from mcp import ClientSession

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])
parse: sk.Operator[str, int] = sk.map(int)
show: sk.Operator[int, str] = sk.map(str)


async def double(items: AsyncIterable[int]) -> AsyncIterator[int]:
    async for item in items:
        yield 2 * item


async def save(item: int) -> None: ...


def positive(number: int) -> bool:
    return number > 0


@sk.operator
async def shout(items: AsyncIterator[str], mark: str = "!") -> AsyncIterator[str]:
    async for item in items:
        yield item + mark


@sk.sink
async def total(items: AsyncIterator[int], start: int = 0) -> int:
    return start


class Lengths(sk.Transducer[str, int]):
    def feed(self, item: str) -> Iterable[int]:
        return (len(item),)


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
    _ = numbers | Lengths()  # error
    _ = words | sk.filter(positive)  # error
    _ = words | sk.tap(positive)  # error
    _ = words | sk.take_while(positive)  # error
    _ = words | sk.filter_map(positive)  # error
    _ = words | sk.flat_map(range)  # error
    _ = words | sk.scan(max, 0)  # error
    _ = numbers | sk.until("END")  # error
    _ = numbers | sk.batch(2) | show  # error
    _ = aiostream_stream.iterate([1]) | parse  # error
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
    _ = numbers | message()  # error
    numbers.to(join())  # error
    numbers.to(show)  # error
    join()(numbers)  # error


def sends_of_another_type(target: ObjectSendStream[str]) -> None:
    _ = numbers | send(target)  # error


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
    _ = show.pipe(3)  # error
    _ = sk.take(1).pipe(3)  # error


# -- what comes out is something else -----------------------------------------------------------------------


async def results() -> None:
    a: list[str] = await (numbers | collect())  # error
    b: int = await (words | join())  # error
    c: sk.Stream[int] = words | sk.take(1)  # error
    d: sk.Stream[int] = numbers | sk.batch(2)  # error
    e: sk.Operator[int, int] = sk.take(1) | show  # error
    f: str = await numbers.first()  # error
    g: sk.Stream[str] = numbers.map(lambda n: n + 1)  # error
    h: list[str] = await numbers.collect()  # error
    i: str = await numbers.last()  # error
    j: str = await numbers.to(total())  # error
    k: sk.Operator[str, str] = sk.take(1) | sk.skip(1) | show  # error
    m: sk.Sink[int, str] = sk.take(1) | total()  # error
    n: sk.Job[str] = numbers | total()  # error
    o: sk.Stream[int] = sk.follow(words, more_words)  # error
    p: sk.Stream[str] = sk.from_iterable(numbers)  # error
    q: sk.Stream[bool] = numbers  # error
    r: sk.Operator[object, str] = show  # error
    s: sk.Sink[object, int] = total()  # error
    (await numbers.run()).upper()  # error
    _ = (a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q, r, s)


async def more_words(outcome: sk.Outcome) -> sk.Stream[str] | None:
    return None


def methods() -> None:
    numbers.map(str.upper)  # error
    numbers.filter(lambda n: n.upper())  # error
    numbers.tap(lambda n: n.upper())  # error
    numbers.scan(lambda total, n: total + n.upper(), "")  # error
    numbers.flat_map(lambda n: n)  # error
    parse.map(str.upper)  # error
    parse.map(lambda n: n.upper())  # error
    parse.filter(lambda n: n.upper())  # error
    parse.tap(lambda n: n.upper())  # error
    parse.scan(lambda total, n: total + n.upper(), "")  # error
    parse.flat_map(lambda n: n)  # error
    sk.take(1).map(3)  # error


async def runs() -> None:
    async with numbers.open() as run:
        async for number in run:
            number.upper()  # error
    run.cancel(3)  # error
    _ = run.outcome.kind == "finished"  # error
    _ = run.outcome.text  # error
    _ = run.report.sinks[0]  # error
    numbers.open(close_timeout="1")  # error
    async with (numbers | total()).open() as job:
        (await job).upper()  # error
    job.result.upper()  # error
    (numbers | total()).open(close_timeout="1")  # error


# -- arguments ----------------------------------------------------------------------------------------------


def operators() -> None:
    sk.take("1")  # error
    sk.skip("1")  # error
    sk.batch(None)  # error
    sk.map(3)  # error
    sk.filter(3)  # error
    sk.filter_map(3)  # error
    sk.flat_map(positive)  # error
    sk.scan(positive, 0)  # error
    sk.tap(3)  # error
    sk.take_while(positive, inclusive="yes")  # error
    sk.throttle("1")  # error
    sk.throttle(1, merge="newest")  # error
    sk.tee(3)  # error
    sk.tee(positive)  # error
    sk.tee(collect(), overflow="drop")  # error
    sk.branch(3)  # error
    sk.branch(collect(), on_error="ignore")  # error


def sinks() -> None:
    call(3)  # error
    collect(3)  # error
    join(3)  # error
    jsonl(3)  # error
    log(level="loud")  # error
    message(beta="yes")  # error
    send(3)  # error
    write("file.txt")  # error
    collect().then(3)  # error


def sources() -> None:
    sk.from_iterable(3)  # error
    sk.from_sse("text")  # error
    sk.replay(3)  # error
    sk.replay("run.sse", speed="fast")  # error
    sk.follow(numbers, save)  # error
    sk.follow([1], more_words)  # error


# -- what one writes oneself --------------------------------------------------------------------------------


def arguments_of_ones_own() -> None:
    Lengths("x")  # error
    shout(3)  # error
    shout(sign="?")  # error
    total("1")  # error
    ticks()  # error
    ticks("1")  # error


@sk.operator  # error
async def no_generator(items: AsyncIterator[int]) -> int:
    return 1


@sk.operator  # error
async def no_items() -> AsyncIterator[int]:
    yield 1


@sk.passthrough  # error
async def no_generator_either(items: AsyncIterator[Any]) -> None: ...


@sk.sink  # error
def not_async(items: AsyncIterator[int]) -> int:
    return 1


@sk.source  # error
async def no_source() -> int:
    return 1


@sk.source(task=True)  # error
async def no_source_either() -> int:
    return 1


class WrongFeed(sk.Transducer[str, int]):
    def feed(self, item: str) -> Iterable[str]:  # error
        return (item,)


# -- Claude -------------------------------------------------------------------------------------------------


def claude_sources(client: anthropic.AsyncAnthropic, synchronous: anthropic.Anthropic) -> None:
    sk.messages(synchronous, model="…")  # error
    sk.messages(client, retry=3, model="…", max_tokens=9, messages=[])  # error
    sk.messages(client, pings="yes", model="…", max_tokens=9, messages=[])  # error
    sk.messages(client, so_far=3, model="…", max_tokens=9, messages=[])  # error
    sk.messages(client, model="…", max_tokens=9, messagez=[])  # error
    sk.messages(client, model="…", max_tokens="9", messages=[])  # error
    sk.messages(client, model="…", max_tokens=9, messages=[], speeds="fast")  # error
    sk.messages(client, model="…", max_tokens=9, messages=[], speed="quick")  # error
    sk.messages(client, model="…", max_tokens=9, messages=[], mcp_servers=[])  # error
    sk.messages(client, betas=["x"], model="…", max_tokens=9, messages=[], mcp_server=[])  # error
    sk.messages(client, model="…", max_tokens=9, messages=[], output_format="json")  # error
    sk.RetryPolicy(attempts="3")  # error
    sk.RetryPolicy(resume="maybe")  # error
    sk.from_sdk(3)  # error
    sk.from_sdk(synchronous.messages.create(model="…", max_tokens=1, messages=[], stream=True))  # error


def claude_operators() -> None:
    stream = sk.from_sse([b""])
    _ = numbers | sk.text()  # error
    _ = numbers | sk.thinking()  # error
    _ = numbers | sk.tool_calls()  # error
    _ = numbers | sk.blocks()  # error
    _ = numbers | sk.citations()  # error
    _ = numbers | sk.tool_results()  # error
    _ = numbers | sk.usage()  # error
    _ = numbers | sk.only("text_delta")  # error
    _ = numbers | sk.split(text=sk.text())  # error
    _ = stream | sk.text() | sk.text()  # error
    _ = stream | sk.blocks() | sk.text()  # error
    _ = stream | sk.tool_calls() | sk.text()  # error
    _ = stream | sk.text(restarts=True) | sk.until("END")  # error
    _ = stream | sk.only(events.MessageStop) | sk.until("END")  # error
    sk.text().over(["text"])  # error
    sk.text(restarts="yes")  # error
    sk.text(between=3)  # error
    sk.thinking(restarts="yes")  # error
    sk.sinks.websocket()  # error
    sk.sse.Response([stream])  # error
    sk.sse.events(stream, raw="yes")  # error
    sk.tool_calls(broken="ignore")  # error
    sk.tool_calls(when="later")  # error
    sk.blocks(3)  # error
    sk.citations(3)  # error
    sk.tool_results(3)  # error
    sk.usage(3)  # error
    sk.only(int)  # error
    sk.only()  # error
    sk.split(text=3)  # error
    sk.until(3)  # error
    sk.validate(3)  # error
    sk.meter(3)  # error
    sk.budget(1000)  # error
    sk.budget(tokens="1000")  # error
    sk.budget(cost=1, prices={"input": "3"})  # error


async def claude_items(stream: sk.Stream[events.Event]) -> None:
    async for event in stream:
        _ = event.delta  # error
        if event.type == "content_block_delta":
            _ = event.delta.text  # error
    async for event in stream | sk.only(events.TextDelta):
        _ = event.delta.thinking  # error
    async for either in stream | sk.tool_calls(broken="emit"):
        _ = either.input  # error
    async for whole in stream | sk.tool_calls():
        whole.result(3)  # error
        whole.name = "other"  # error


async def conversations(client: anthropic.AsyncAnthropic, server: ClientSession) -> None:
    loop = sk.tool_loop(client, tools=[save], model="…", max_tokens=9, messages=[])
    sk.tool_loop(client, tools=[3], model="…", max_tokens=9, messages=[])  # error
    sk.tool_loop(client, tools=save, model="…", max_tokens=9, messages=[])  # error
    sk.tool_loop(client, on_error="emit", model="…", max_tokens=9, messages=[])  # error
    sk.tool_loop(client, start="now", model="…", max_tokens=9, messages=[])  # error
    sk.tool_loop(client, model="…", max_tokens=9, messages=[], max_token=9)  # error
    sk.tool(save, effects=False)  # error
    sk.tool(save, timeout="3")  # error
    sk.tool(save)(1)  # error
    sk.mcp("http://localhost")  # error
    sk.mcp(server, timeout="3")  # error
    sk.tool_loop(client, tools=sk.mcp(server), model="…", max_tokens=9, messages=[])  # error
    sk.approve(positive)  # error
    sk.approve(save)(3)  # error
    async with loop.open() as run:
        run.say(3)  # error
        run.say("…", later=True)  # error
        async for item in run:
            _ = item.seconds  # error
            if isinstance(item, sk.ToolResult):
                item.content = "other"  # error
                _ = item.input  # error


async def previews(stream: sk.Stream[events.Event]) -> None:
    async for preview in stream | sk.tool_input():
        _ = preview.input  # error
        preview.complete = True  # error
    sk.tool_input(3)  # error
    sk.json(3)  # error


async def claude_outcome(stream: sk.Stream[events.Event]) -> None:
    async with stream.open() as run:
        pass
    _ = run.outcome.usage.tokens  # error
    _ = run.outcome.message.content  # error
    _ = run.report.meter.duration  # error
    run.outcome.stop_reason = "end_turn"  # error
