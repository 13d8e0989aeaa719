"""
How runs end: one row of the table after another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit._core.plain import plain_error
from streamkit.sinks import call, collect


async def numbers() -> AsyncIterator[int]:
    for n in range(5):
        yield n


async def broken() -> AsyncIterator[int]:
    yield 0
    raise ConnectionError("down")


class Cut(sk.StreamError):
    outcome_kind = "truncated"


async def cut() -> AsyncIterator[int]:
    yield 0
    raise Cut("the bytes ended", type="truncated")


@sk.operator
async def as_it_is(items: AsyncIterator[int]) -> AsyncIterator[int]:
    async for item in items:
        yield item


@sk.operator
async def early(items: AsyncIterator[int]) -> AsyncIterator[int]:
    yield await anext(items)


def below_two(item: int) -> bool:
    return item < 2


def refuse(item: int) -> None:
    raise LookupError(item)


async def drain(run: sk.Run[Any]) -> None:
    async for _ in run:
        pass


async def read_one(run: sk.Run[Any]) -> None:
    async for _ in run:
        break


async def read_nothing(run: sk.Run[Any]) -> None:
    pass


async def cancel(run: sk.Run[Any]) -> None:
    async for _ in run:
        run.cancel("user left")
        await anyio.lowlevel.checkpoint()


async def fail(run: sk.Run[Any]) -> None:
    async for _ in run:
        raise KeyError("mine")


async def drain_then_fail(run: sk.Run[Any]) -> None:
    await drain(run)
    raise KeyError("mine")


Body = Callable[[sk.Run[Any]], Awaitable[None]]
source = sk.from_iterable(numbers)


@pytest.mark.parametrize("last", [None, as_it_is(), sk.take(99), sk.tee(collect())], ids=repr)
@pytest.mark.parametrize(
    ("stream", "body", "kind", "stopped_by", "error"),
    [
        pytest.param(source, drain, "complete", None, None, id="complete"),
        pytest.param(sk.from_iterable(list[int]()), drain, "complete", None, None, id="complete, empty"),
        pytest.param(source | early(), drain, "complete", None, None, id="complete, by an operator"),
        pytest.param(source, read_one, "stopped", "consumer", None, id="stopped by break"),
        pytest.param(source, read_nothing, "stopped", "consumer", None, id="stopped unread"),
        pytest.param(source | sk.take(2), drain, "stopped", "take", None, id="stopped by take"),
        pytest.param(
            source | sk.take_while(below_two),
            drain,
            "stopped",
            "take_while",
            None,
            id="stopped by take_while",
        ),
        pytest.param(source, cancel, "stopped", "cancel: user left", None, id="stopped by cancel"),
        pytest.param(sk.from_iterable(cut), drain, "truncated", None, Cut, id="truncated"),
        pytest.param(sk.from_iterable(broken), drain, "failed", None, ConnectionError, id="failed source"),
        pytest.param(source | sk.tap(refuse), drain, "failed", None, LookupError, id="failed operator"),
        pytest.param(source | sk.tee(call(refuse)), drain, "failed", None, LookupError, id="failed sink"),
        pytest.param(source, fail, "failed", None, KeyError, id="failed body"),
        pytest.param(source, drain_then_fail, "complete", None, KeyError, id="body failed after the end"),
    ],
)
async def test_outcome(
    stream: sk.Stream[int],
    last: sk.Operator[Any, Any] | None,
    body: Body,
    kind: str,
    stopped_by: str | None,
    error: type[Exception] | None,
) -> None:
    run = (stream if last is None else stream | last).open()
    assert run.outcome.kind == "running"
    caught: BaseException | None = None
    try:
        async with run:
            assert run.outcome.kind == "running"
            await body(run)
    except Exception as raised:
        caught = raised
    assert (run.outcome.kind, run.outcome.stopped_by) == (kind, stopped_by)
    assert type(caught) is (error or type(None))
    assert run.outcome.error is (caught if kind in {"failed", "truncated"} else None)


@pytest.mark.parametrize("last", [None, as_it_is(), sk.tee(collect())], ids=repr)
async def test_cancelled_by_somebody_else(last: Any) -> None:
    run = (source if last is None else source | last).open()
    with anyio.CancelScope() as scope:
        async with run:
            async for _ in run:
                scope.cancel()
                await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert run.outcome.kind == "cancelled"
    assert run.outcome.error is None
    assert run.outcome.stopped_by is None


async def test_the_outcome_is_known_inside_the_block_once_the_stream_has_ended() -> None:
    async with source.open() as run:
        await drain(run)
        assert run.outcome.kind == "complete"


async def test_an_error_that_the_body_catches_is_still_the_outcome() -> None:
    async with sk.from_iterable(broken).open() as run:
        with pytest.raises(ConnectionError):
            await drain(run)
    assert run.outcome.kind == "failed"
    assert isinstance(run.outcome.error, ConnectionError)


async def test_of_two_who_stop_the_first_is_named() -> None:
    @sk.operator
    async def and_more(items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            yield item
        for item in range(9):
            yield item

    async with (source | sk.take(1) | and_more() | sk.take_while(below_two)).open() as run:
        await drain(run)
    assert run.outcome.stopped_by == "take"


async def test_who_stops_is_named() -> None:
    async with (source | sk.take(3) | sk.take_while(below_two)).open() as run:
        await drain(run)
    assert run.outcome.stopped_by == "take_while"


async def test_the_first_reason_for_cancelling_counts() -> None:
    async with source.open() as run:
        run.cancel("first")
        run.cancel("second")
    assert run.outcome.stopped_by == "cancel: first"


async def test_an_outcome_without_claude_has_none_of_its_facts() -> None:
    async with source.open() as run:
        await drain(run)
    for name in ("message", "usage", "nonsense"):
        with pytest.raises(AttributeError, match=f"has no '{name}': no source of it contributes one"):
            getattr(run.outcome, name)


def test_a_report_says_what_nobody_has_counted() -> None:
    report = sk.Report()
    assert getattr(report, "meter", "missing") is None
    with pytest.raises(AttributeError, match="the report of this run has no 'mter'"):
        _ = report.mter  # type: ignore[attr-defined]  # pyright: ignore


def test_an_error_that_cannot_say_its_message_is_plain_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("cannot")

    told = {"type": "Mute", "message": "its message cannot be told: RuntimeError"}
    assert plain_error(Mute()) == told
    assert sk.Failed(1, Mute()).to_dict() == {"item": 1, "error": told}
