"""
race: the stream whose first item comes first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from structlog.testing import capture_logs

import streamkit as sk
from streamkit._core.source import Opened, Source
from streamkit.testing import marbles

if TYPE_CHECKING:
    from streamkit._core.outcome import Contribution
    from streamkit._core.runtime.context import Context

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("sources", "wanted"),
    [
        (["---a--b|", "-c-d--|"], "-c-d--|"),
        (["-a-b-|"], "-a-b-|"),
        (["-|", "--a-|"], "--a-|"),
        (["-#", "--a-|"], "--a-|"),
        (["---a--#", "-#", "-----c|"], "---a--#"),
        (["---|", "-#", "----#"], "----#"),
        (["---|", "-|"], "---|"),
    ],
)
async def test_the_first_item_wins(sources: list[str], wanted: str) -> None:
    await marbles.expect(sk.race(*map(marbles.source, sources)), wanted)


async def test_if_all_have_lost_the_first_error_is_raised() -> None:
    stream = sk.race(
        marbles.source("---#", error=OSError("later")), marbles.source("-#", error=ValueError("first"))
    )
    with pytest.raises(ValueError, match="first"):
        await stream.run()


async def test_a_loser_that_is_still_cleaning_up_after_its_failure_has_lost_all_the_same() -> None:
    async def slow_to_close() -> AsyncIterator[str]:
        try:
            yield "one"
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(3)

    def refused(piece: str) -> str:
        raise ValueError(piece)

    loser = sk.from_iterable(slow_to_close) | sk.map(refused)
    await marbles.expect(sk.race(loser, marbles.source("-a----b|")), "---a--b|")


async def failing_to_close(error: BaseException) -> AsyncIterator[str]:
    try:
        await anyio.sleep(60)
        yield "late"
    finally:
        raise error


@pytest.mark.usefixtures("structlog_configured")
async def test_that_the_cleanup_of_a_loser_fails_is_logged_and_the_winner_stands() -> None:
    loser = sk.from_iterable(lambda: failing_to_close(OSError("secret")))
    with capture_logs() as logs:
        async with sk.race(loser, marbles.source("-a--b|")).open() as run:
            assert [item async for item in run] == ["a", "b"]
    assert run.outcome.kind == "complete"
    [line] = [line for line in logs if line["log_level"] == "warning"]
    assert (line["event"], line["error"]) == ("close_failed", "OSError")
    assert "secret" not in repr(logs)


async def test_a_race_fails_with_its_winner_whatever_the_cleanup_of_a_loser_does() -> None:
    loser = sk.from_iterable(lambda: failing_to_close(OSError("of a loser")))
    with pytest.raises(ValueError, match="of the winner"):
        await sk.race(loser, marbles.source("-a--#", error=ValueError("of the winner"))).run()


async def test_a_loser_that_ends_the_program_in_its_cleanup_does_so_at_once() -> None:
    loser = sk.from_iterable(lambda: failing_to_close(SystemExit(3)))
    start = anyio.current_time()
    with pytest.raises(SystemExit):
        await sk.race(loser, marbles.source("-a--b|")).run()
    assert anyio.current_time() - start == 1


async def test_the_losers_are_closed_before_the_first_item_is_handed_on() -> None:
    closed: list[float] = []

    async def loser() -> AsyncIterator[str]:
        try:
            await anyio.sleep(60)
            yield "late"
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(2)
            closed.append(anyio.current_time() - start)

    start = anyio.current_time()
    stream = sk.race(marbles.source("-a--b|"), sk.from_iterable(loser))
    async with stream.open() as run:
        assert await anext(run) == "a"
        assert closed == [3]
        assert [item async for item in run] == ["b"]


async def test_a_winner_that_ends_or_fails_at_once_has_won_all_the_same() -> None:
    async def one() -> AsyncIterator[int]:
        yield 1
        raise ValueError("after it")

    got: list[int] = []
    with pytest.raises(ValueError, match="after it"):
        await (sk.race(sk.from_iterable(one), marbles.source("-a|")) | sk.tap(got.append)).run()
    assert got == [1]
    assert await sk.race(sk.from_iterable([1]), marbles.source("-a|")).collect() == [1]


class Named:
    """
    A fact: the names of all that count.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @staticmethod
    def fact(name: str, records: list[Named], /) -> object:
        if name != "names":
            raise AttributeError(name)
        return [record.name for record in records]


class Contributing(Source):
    """
    A source with a fact of its own for the outcome.
    """

    def __init__(self, name: str, diagram: str) -> None:
        self._name = name
        self._played = marbles.source(diagram).source

    def open(self, context: Context) -> Opened:
        context.contribute(cast("Contribution", Named(self._name)))
        return self._played.open(context)


def names_of(run: sk.Run[Any]) -> object:
    return cast("Any", run.outcome).names


def contributing(name: str, diagram: str) -> sk.Stream[Any]:
    return sk.Stream(Contributing(name, diagram))


@pytest.mark.parametrize(
    ("a", "b", "names"),
    [
        ("--a|", "-b|", ["b"]),
        ("-a|", "--b|", ["a"]),
        ("-#", "--b|", ["b"]),
        ("-|", "--|", ["a", "b"]),
        ("-#", "--#", ["a", "b"]),
    ],
)
async def test_the_winners_facts_alone_count_and_all_where_nobody_wins(
    a: str, b: str, names: list[str]
) -> None:
    run = sk.race(contributing("a", a), contributing("b", b)).open()
    try:
        async with run:
            async for _ in run:
                assert names_of(run) == names
    except marbles.MarbleError:
        pass
    assert names_of(run) == names


async def test_left_before_anybody_has_won_all_count() -> None:
    run = sk.race(contributing("a", "----a|"), contributing("b", "----b|")).open()
    with anyio.move_on_after(1):
        async with run:
            await anext(run)
    assert names_of(run) == ["a", "b"]
