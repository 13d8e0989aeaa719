"""
Types of the algebra, row by row; checked, not run.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sized
from typing import TYPE_CHECKING, assert_type

import streamkit as sk
from streamkit.sinks import call, collect, join, send
from streamkit.sinks._piece import Piece

if TYPE_CHECKING:
    from anyio.abc import ObjectSendStream

numbers = sk.from_iterable([1, 2, 3])
words = sk.from_iterable(["a", "b"])
parse: sk.Operator[str, int] = sk.map(int)
show: sk.Operator[int, str] = sk.map(str)


async def doubled(items: AsyncIterable[int]) -> AsyncIterator[int]:
    async for item in items:
        yield 2 * item


async def rows() -> None:
    # Stream | Operator, Operator | Operator
    assert_type(numbers | show, sk.Stream[str])
    assert_type(parse | show, sk.Operator[str, str])
    assert_type(numbers | show | parse | show, sk.Stream[str])
    assert_type(numbers | (show | parse), sk.Stream[int])

    # Operator | Sink, Stream | Sink
    assert_type(show | join(), sk.Sink[int, str])
    assert_type(numbers | (show | join()), sk.Job[str])
    assert_type(numbers | show | join(), sk.Job[str])
    assert_type(await (numbers | show | join()), str)

    # Stream or Operator | a plain callable
    assert_type(numbers | doubled, sk.Stream[int])
    assert_type(parse | doubled, sk.Operator[str, int])
    assert_type(numbers | doubled | show, sk.Stream[str])

    # An operator, or a sink, of an async iterable
    assert_type(show(numbers), sk.Stream[str])
    assert_type(show(doubled(numbers)), sk.Stream[str])
    assert_type(join()(words), sk.Job[str])
    assert_type(collect()(numbers), sk.Job[list[int]])


async def operators_for_items_of_any_type() -> None:
    k = sk.take(3)
    assert_type(k, sk.Same)
    assert_type(numbers | k, sk.Stream[int])
    assert_type(words | k, sk.Stream[str])
    assert_type(k(numbers), sk.Stream[int])
    assert_type(k | sk.skip(1), sk.Same)
    assert_type(words | (k | sk.skip(1)), sk.Stream[str])

    assert_type(sk.take(1) | show, sk.Operator[int, str])
    assert_type(numbers | (sk.take(1) | show), sk.Stream[str])
    assert_type(parse | sk.take(1), sk.Operator[str, int])
    assert_type(parse | sk.take(1) | sk.skip(1) | show, sk.Operator[str, str])
    assert_type(sk.take(1) | sk.throttle(1.0) | sk.tee(collect()), sk.Same)
    assert_type(numbers | sk.take(1) | sk.throttle(1.0) | sk.tee(collect()), sk.Stream[int])
    assert_type(sk.take(1) | doubled, sk.Operator[int, int])
    assert_type(numbers | (sk.take(1) | doubled), sk.Stream[int])
    assert_type(k.map(len), sk.Operator[Sized, int])
    assert_type(k.filter(str.isupper), sk.Operator[str, str])
    assert_type(k.tap(str.isupper), sk.Operator[str, str])
    assert_type(k.scan(max, 0), sk.Operator[int, int])
    assert_type(k.flat_map(str.split), sk.Operator[str, str])

    assert_type(numbers | sk.batch(2), sk.Stream[list[int]])
    assert_type(words | sk.batch(2) | sk.batch(2), sk.Stream[list[list[str]]])
    assert_type(parse | sk.batch(2), sk.Operator[str, list[int]])
    assert_type(numbers | (sk.take(1) | sk.batch(2)), sk.Stream[list[int]])
    assert_type(words | (sk.take(1) | sk.batch(2)).map(len), sk.Stream[int])


async def sinks_for_items_of_any_type() -> None:
    assert_type(numbers | collect(), sk.Job[list[int]])
    assert_type(await (words | collect()), list[str])
    assert_type(show | collect(), sk.Sink[int, list[str]])
    assert_type(numbers | (sk.take(1) | collect()), sk.Job[list[int]])
    assert_type(await (numbers | show | (sk.take(1) | collect())), list[str])


def subtypes() -> None:
    streams: list[sk.Stream[object]] = [numbers, words]
    operators: list[sk.Operator[bool, object]] = [show, sk.map(str), sk.take(1)]
    sinks: list[sk.Sink[bool, object]] = [call(save), collect()]
    jobs: list[sk.Job[object]] = [words | join(), numbers | collect()]
    _ = (streams, operators, sinks, jobs)


async def then() -> None:
    async def later(text: str) -> bytes:
        return text.encode()

    assert_type(join().then(len), sk.Sink[Piece, int])
    assert_type(await (words | join().then(len)), int)
    assert_type(await (words | join().then(later)), bytes)
    assert_type(await (words | join().then(later).then(len)), int)
    assert_type(await (words | join().then(lambda text: [text])), list[str])
    assert_type(await (words | collect().then(len)), int)


async def methods() -> None:
    assert_type(numbers.map(lambda n: str(n + 1)), sk.Stream[str])
    assert_type(numbers.filter(lambda n: n.bit_length() > 1), sk.Stream[int])
    assert_type(numbers.tap(lambda n: n.bit_length()), sk.Stream[int])
    assert_type(numbers.scan(lambda total, n: total + n / 2, 0.0), sk.Stream[float])
    assert_type(numbers.flat_map(lambda n: [str(n)] * n), sk.Stream[str])
    assert_type(words.map(len).map(float).filter(lambda x: x.is_integer()), sk.Stream[float])

    assert_type(parse.map(lambda n: n.bit_length()), sk.Operator[str, int])
    assert_type(parse.filter(lambda n: n.bit_length()), sk.Operator[str, int])
    assert_type(parse.tap(lambda n: n.bit_length()), sk.Operator[str, int])
    assert_type(parse.scan(lambda text, n: text + str(n), ""), sk.Operator[str, str])
    assert_type(parse.flat_map(lambda n: range(n)), sk.Operator[str, int])

    assert_type(numbers.pipe(show), sk.Stream[str])
    assert_type(numbers.pipe(sk.take(1)), sk.Stream[int])
    assert_type(numbers.pipe(collect()), sk.Job[list[int]])
    assert_type(parse.pipe(show), sk.Operator[str, str])
    assert_type(parse.pipe(collect()), sk.Sink[str, list[int]])
    assert_type(sk.take(1).pipe(sk.skip(1)), sk.Same)
    assert_type(sk.take(1).pipe(show), sk.Operator[int, str])


async def terminals() -> None:
    assert_type(await numbers.collect(), list[int])
    assert_type(await numbers.first(), int)
    assert_type(await words.last(), str)
    assert_type(await numbers.to(collect()), list[int])
    assert_type(await words.to(join()), str)
    async for number in numbers:
        assert_type(number, int)


def over() -> None:
    for number in parse.over(["1"]):
        assert_type(number, int)
    for word in sk.take(1).over(["1"]):
        assert_type(word, str)
    for batch in sk.batch(2).over([1, 2, 3]):
        assert_type(batch, list[int])
    assert_type(list((parse | show).over("12")), list[str])


async def runs() -> None:
    async with (numbers | show).open(close_timeout=2) as run:
        assert_type(run, sk.Run[str])
        async for text in run:
            assert_type(text, str)
        assert_type(await anext(run), str)
        run.cancel("enough")
    assert_type(run.outcome, sk.Outcome)
    assert_type(run.outcome.kind == "complete", bool)
    assert_type(run.outcome.stopped_by, str | None)
    assert_type(run.outcome.error, BaseException | None)
    assert_type(run.report, sk.Report)
    assert_type(run.report.sinks["collect"], sk.SinkReport)
    assert_type(run.report.sinks["collect"].delivered, int)
    assert_type(run.report.meter, sk.Meter | None)

    async with (numbers | collect()).open() as job:
        assert_type(job, sk.JobRun[list[int]])
        assert_type(await job, list[int])
    assert_type(job.result, list[int])
    assert_type(job.outcome, sk.Outcome)


async def a_block_may_return() -> str:
    async with words.open() as run:
        async for word in run:
            return word
        return ""


async def a_block_may_return_a_result() -> list[int]:
    async with (numbers | collect()).open() as run:
        return await run


async def save(item: int) -> None: ...


async def sinks(target: ObjectSendStream[int]) -> None:
    assert_type(call(save), sk.Sink[int, None])
    assert_type(numbers | call(save), sk.Job[None])
    assert_type(numbers | call(print), sk.Job[None])
    assert_type(numbers | send(target), sk.Job[None])
    assert_type(words | sk.sinks.write(), sk.Job[None])
    assert_type(numbers | sk.sinks.jsonl("run.jsonl"), sk.Job[None])
    assert_type(numbers | sk.sinks.log(), sk.Job[None])
    assert_type(sk.branch(collect(), name="all", on_error="detach"), sk.Branch)
    assert_type(sk.tee(collect(), save, target, sk.branch(join())), sk.Same)


def modules() -> None:
    assert_type(sk.__version__, str)
    assert_type(sk.events.TextDelta("Hello"), sk.events.TextDelta)
    assert_type(sk.testing.FakeClaude(), sk.testing.FakeClaude)
