"""
follow: one stream after another, as one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit._core.source import Opened, Source
from streamkit.sinks import collect
from streamkit.testing import reply, text

if TYPE_CHECKING:
    from streamkit._core.runtime.context import Context


async def test_each_stream_is_chosen_when_the_one_before_has_ended() -> None:
    log: list[object] = []

    async def numbers(first: int) -> AsyncIterator[int]:
        try:
            for n in range(first, first + 2):
                yield n
        finally:
            log.append(f"closed {first}")

    async def more(outcome: sk.Outcome) -> sk.Stream[int] | None:
        log.append(outcome.kind)
        starts = [10, 20]
        count = log.count("complete")
        return None if count > len(starts) else made(starts[count - 1])

    made = sk.source(numbers)
    stream = sk.follow(made(0), more)
    assert await stream.collect() == [0, 1, 10, 11, 20, 21]
    assert log == ["closed 0", "complete", "closed 10", "complete", "closed 20", "complete"]


async def test_it_is_a_stream_like_any_other() -> None:
    async def end(outcome: sk.Outcome) -> None:
        return None

    stream = sk.follow(sk.from_iterable("abc") | sk.take(2), end).map(str.upper)
    assert await stream.collect() == await stream.collect() == ["A", "B"]
    assert [item async for item in stream] == ["A", "B"]


async def test_the_outcome_that_is_handed_on_is_that_of_one_stream() -> None:
    kinds: list[tuple[str, str | None]] = []

    async def once(outcome: sk.Outcome) -> sk.Stream[int] | None:
        kinds.append((outcome.kind, outcome.stopped_by))
        return sk.from_iterable([9]) if len(kinds) == 1 else None

    async with sk.follow(sk.from_iterable(range(9)) | sk.take(1), once).open() as run:
        assert [n async for n in run] == [0, 9]
    assert kinds == [("stopped", "take"), ("complete", None)]
    assert run.outcome.kind == "complete"


async def test_an_error_of_a_stream_is_the_error_and_nothing_follows() -> None:
    asked: list[str] = []

    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ConnectionError("down")

    async def more(outcome: sk.Outcome) -> None:
        asked.append(outcome.kind)

    got: list[int] = []
    with pytest.raises(ConnectionError):
        await sk.follow(sk.from_iterable(broken), more).tap(got.append).run()
    assert got == [1]
    assert asked == []


async def test_an_error_of_the_function_is_the_error_of_the_stream() -> None:
    async def refuse(outcome: sk.Outcome) -> None:
        raise LookupError("no next")

    with pytest.raises(LookupError, match="no next"):
        await sk.follow(sk.from_iterable([1]), refuse).collect()


async def test_what_is_no_stream_is_refused() -> None:
    async def wrong(outcome: sk.Outcome) -> Any:
        return [2]

    with pytest.raises(TypeError, match=r"wrong\(\) gave list; follow\(\) needs a stream or None"):
        await sk.follow(sk.from_iterable([1]), wrong).collect()
    with pytest.raises(TypeError, match="begins with a stream, not with list"):
        sk.follow([1], wrong)  # type: ignore[arg-type]  # pyright: ignore
    with pytest.raises(TypeError, match="needs an async function of the outcome"):
        sk.follow(sk.from_iterable([1]), None)  # type: ignore[arg-type]  # pyright: ignore


async def test_a_break_closes_the_current_stream() -> None:
    log: list[str] = []

    @sk.source
    async def numbered(name: str) -> AsyncIterator[str]:
        try:
            while True:
                yield name
        finally:
            await anyio.lowlevel.checkpoint()
            log.append(f"closed {name}")

    async def second(outcome: sk.Outcome) -> sk.Stream[str]:
        return numbered("b")

    async with sk.follow(numbered("a") | sk.take(1), second).open() as run:
        async for name in run:
            if name == "b":
                break
    assert log == ["closed a", "closed b"]


async def test_with_a_concurrent_stage_it_needs_a_run_and_each_turn_has_its_own_tasks() -> None:
    async def again(outcome: sk.Outcome) -> sk.Stream[int] | None:
        return turn if len(turns) < 2 else None

    turns: list[int] = []
    turn = (sk.from_iterable([1, 2]) | sk.tee(collect())).tap(lambda n: turns.append(n) if n == 2 else None)
    stream = sk.follow(turn, again)
    with pytest.raises(TypeError, match="runs tasks of its own"):
        aiter(stream)
    async with stream.open() as run:
        assert [n async for n in run] == [1, 2, 1, 2]
    assert {name: report.result for name, report in run.report.sinks.items()} == {
        "collect": [1, 2],
        "collect-2": [1, 2],
    }


class Fact:
    """
    A contribution that counts.
    """

    @staticmethod
    def fact(name: str, records: list[Any]) -> object:
        if name != "rounds":
            raise AttributeError(name)
        return len(records)


class Contributes(Source):
    def open(self, context: Context) -> Opened:
        context.contribute(Fact())
        return Opened("sync", iter([1]))


async def test_the_outcome_of_the_whole_has_what_each_stream_contributed() -> None:
    stream: sk.Stream[int] = sk.Stream(Contributes())
    seen: list[int] = []

    async def twice(outcome: Any) -> sk.Stream[int] | None:
        seen.append(outcome.rounds)
        return stream if len(seen) < 3 else None

    async with sk.follow(stream, twice).open() as run:
        assert [n async for n in run] == [1, 1, 1]
    assert seen == [1, 1, 1]
    assert run.outcome.rounds == 3  # type: ignore[attr-defined]  # pyright: ignore
    with pytest.raises(AttributeError):
        _ = run.outcome.nonsense  # type: ignore[attr-defined]  # pyright: ignore


async def test_a_source_of_batches_is_followed_like_any_other() -> None:
    """
    Its lists of items go on as they are, and its outcome is told all the same.
    """
    said = reply(text("a", "b")).body
    kinds: list[str] = []

    async def again(outcome: sk.Outcome) -> sk.Stream[sk.events.Event] | None:
        kinds.append(outcome.kind)
        return sk.from_sse([said]) if len(kinds) < 3 else None

    stream = sk.follow(sk.from_sse([said]), again)
    assert await (stream | sk.text()).collect() == ["a", "b"] * 3
    assert kinds == ["complete"] * 3
    kinds.clear()
    assert [item.type async for item in stream][-1] == "message_stop"
    kinds.clear()
    with pytest.raises(sk.StreamTruncated):
        await sk.follow(sk.from_sse([said[:300]]), again).collect()
    assert kinds == []
    async with stream.open() as run:
        async for _ in run:
            break
    assert (run.outcome.kind, run.outcome.stopped_by, kinds) == ("stopped", "consumer", [])
