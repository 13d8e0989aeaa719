"""
Marble diagrams: reading, writing, playing and comparing them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given, strategies as st

from streamkit.testing import DeadlockError, marbles, run_virtual
from streamkit.testing.marbles import Emission, MarbleError, Names, Timeline, draw, parse
from tests.support.backends import on_both_backends

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

pytestmark = pytest.mark.virtual_time


def ticks_of(diagram: str) -> list[tuple[float, object]]:
    return [(each.tick, each.value or each.kind) for each in parse(diagram).emissions]


class TestParsing:
    def test_every_character_is_a_tick(self) -> None:
        assert ticks_of("-a--b|") == [(1, "a"), (4, "b"), (5, "complete")]
        assert parse("-a--b|").ticks == 6

    def test_a_group_takes_one_tick(self) -> None:
        assert ticks_of("-(ab)-c(d|)") == [(1, "a"), (1, "b"), (3, "c"), (4, "d"), (4, "complete")]
        assert parse("-(ab)-c(d|)").ticks == 5

    def test_spaces_take_no_time(self) -> None:
        assert parse(" - a -  ( b | ) ") == parse("-a-(b|)")

    def test_an_end_is_not_required(self) -> None:
        assert not parse("-a--").ended
        assert parse("-a--").ticks == 4
        assert parse("") == Timeline((), 0)

    def test_characters_stand_for_values(self) -> None:
        values = [each.value for each in parse("abc|", values={"a": 1, "b": None}).emissions]
        assert values == [1, None, "c", None]

    def test_a_failure_has_an_error(self) -> None:
        error = KeyError("mine")
        assert parse("-#").emissions == (Emission(1, "fail", MarbleError),)
        assert parse("-#", error=error).emissions == (Emission(1, "fail", error),)

    @pytest.mark.parametrize(
        ("diagram", "complaint"),
        [
            ("a|b", "'b' at 2 .* comes after the end"),
            ("a|-", "'-' at 2 .* comes after the end"),
            ("(a|)|", "comes after the end"),
            ("(a|b)", "comes after the end"),
            ("#(a)", "comes after the end"),
            ("(a", "never closed"),
            ("a)", "closes no group"),
            ("()", "an empty group"),
            ("(a(b))", "inside a group"),
            ("(a-b)", "inside a group"),
        ],
    )
    def test_malformed_diagrams_are_refused(self, diagram: str, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            parse(diagram)

    @pytest.mark.parametrize("name", ["ab", "", "|", "-", " "])
    def test_malformed_names_are_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="one character"):
            parse("-", values={name: 1})

    @given(
        st.lists(st.sampled_from(["-", "a", "b", "(ab)"]), max_size=12),
        st.sampled_from(["", "|", "(c|)"]),
    )
    def test_drawing_undoes_parsing(self, ticks: list[str], end: str) -> None:
        diagram = "".join(ticks) + end
        assert draw(parse(diagram)) == diagram


class TestDrawing:
    def test_items_without_a_character_get_letters_and_a_legend(self) -> None:
        timeline = Timeline(
            (Emission(0, "item", "xy"), Emission(1, "item", "A"), Emission(2, "item", "xy")), 3
        )
        assert draw(timeline) == "ABA [A = 'xy'] [B = 'A']"

    def test_given_names_are_used(self) -> None:
        assert draw(Timeline((Emission(0, "item", "xy"),), 2), Names({"x": "xy"})) == "x-"

    def test_a_time_between_ticks_is_not_rounded_away(self) -> None:
        timeline = Timeline((Emission(1.5, "item", "a"), Emission(2, "complete")), 3)
        assert draw(timeline) == "-a| [a at 1.5]"

    def test_an_error_is_named(self) -> None:
        assert draw(Timeline((Emission(0, "fail", KeyError("x")),), 1)) == "# [# = KeyError('x')]"


class TestPlaying:
    @pytest.mark.parametrize("diagram", ["-a--b-|", "a", "(ab)-(c|)", "|", "a-b---"])
    async def test_a_source_does_what_its_diagram_says(self, diagram: str) -> None:
        await marbles.expect(marbles.source(diagram), diagram)

    async def test_a_source_fails_with_its_error(self) -> None:
        await marbles.expect(marbles.source("-a-#"), "-a-#")
        await marbles.expect(marbles.source("-a-#", error=KeyError("x")), "-a-#", error=KeyError("x"))
        await marbles.expect(marbles.source("-a-#", error=KeyError), "-a-#", error=LookupError)

    async def test_a_source_can_be_opened_again(self) -> None:
        source = marbles.source("-a-|")
        await anyio.sleep(7)
        await marbles.expect(source, "-a-|")
        await marbles.expect(source, "-a-|")

    async def test_the_schedule_is_absolute_and_begins_with_the_first_read(self) -> None:
        times: list[float] = []
        async with marbles.source("-ab---c|").open() as run:
            await anyio.sleep(100)
            async for _ in run:
                times.append(anyio.current_time() - 100)
                await anyio.sleep(3)
        assert times == [1, 4, 7]

    async def test_ticks_have_a_length(self) -> None:
        await marbles.expect(marbles.source("-a-b|", tick=0.25), "-a-b|", tick=0.25)
        await marbles.expect(marbles.source("-a-b|", tick=2), "--a---b-|")

    async def test_values_travel(self) -> None:
        values: dict[str, object] = {"a": "some text", "b": None}
        await marbles.expect(marbles.source("-a-b|", values=values), "-a-b|", values=values)

    @pytest.mark.parametrize("tick", [0, -1, float("inf"), float("nan")])
    async def test_a_tick_must_take_time(self, tick: float) -> None:
        with pytest.raises(ValueError, match="tick="):
            marbles.source("a", tick=tick)
        with pytest.raises(ValueError, match="tick="):
            await marbles.record(marbles.source("a"), tick=tick)


class TestRecording:
    async def test_generators_are_recorded_and_closed(self) -> None:
        closed: list[float] = []

        async def items() -> AsyncIterator[int]:
            try:
                yield 1
                await anyio.sleep(2)
                yield 2
                await anyio.sleep_forever()
            finally:
                closed.append(anyio.current_time())

        timeline = await marbles.record(items(), ticks=5)
        assert draw(timeline, Names({"a": 1, "b": 2})) == "a-b--"
        assert closed == [4.5]

    async def test_what_is_opened_is_left(self) -> None:
        left: list[str] = []

        class Source:
            @asynccontextmanager
            async def open(self) -> AsyncGenerator[AsyncIterator[object]]:
                yield aiter(marbles.source("-a|"))
                await anyio.sleep(10)
                left.append("left")

        await marbles.expect(Source(), "-a|")
        assert left == ["left"]

    async def test_a_failure_of_closing_is_noted_after_the_end(self) -> None:
        class Source:
            @asynccontextmanager
            async def open(self) -> AsyncGenerator[AsyncIterator[object]]:
                yield aiter(marbles.source("-a|"))
                await anyio.sleep(2)
                raise KeyError("mine")

        assert draw(await marbles.record(Source())) == "-a|-# [# = KeyError('mine')]"

    async def test_a_failure_of_opening_is_a_failure(self) -> None:
        class Source:
            @asynccontextmanager
            async def open(self) -> AsyncGenerator[AsyncIterator[object]]:
                await anyio.sleep(2)
                raise KeyError("mine")
                yield aiter(marbles.source("a"))

        await marbles.expect(Source(), "--#", error=KeyError("mine"))


class TestExpecting:
    @pytest.mark.parametrize(
        ("played", "expected", "got"),
        [
            ("-a-b-|", "-a--b|", "-a-b-|"),
            ("-ab|", "-a-|", "-ab|"),
            ("-a--|", "-a-|", "-a--|"),
            ("-a|", "-a#", "-a|"),
            ("-a", "-aa", "-a-"),
            ("-a", "-a|", "-a-"),
            ("-a---b|", "-a|", "-a---b|"),
            ("-a---b-", "-a|", "-a---b"),
            ("-a-|", "-a----", "-a-|"),
            ("(ab)|", "(ba)|", "(ab)|"),
        ],
    )
    async def test_the_message_shows_both_diagrams(self, played: str, expected: str, got: str) -> None:
        with pytest.raises(AssertionError) as caught:
            await marbles.expect(marbles.source(played), expected)
        lines = str(caught.value).splitlines()
        assert lines[1].startswith(f"  expected: {expected}")
        assert lines[2] == f"       got: {got}"

    async def test_a_time_between_ticks_is_a_difference(self) -> None:
        with pytest.raises(AssertionError, match=r"got: -a\| \[a at 1.5\]"):
            await marbles.expect(marbles.source("---a|", tick=0.5), "-a|")

    async def test_another_error_is_a_difference_and_the_cause(self) -> None:
        with pytest.raises(AssertionError, match=r"# = KeyError\('mine'\)") as caught:
            await marbles.expect(marbles.source("-#", error=KeyError("mine")), "-#")
        assert isinstance(caught.value.__cause__, KeyError)

    async def test_another_value_is_a_difference(self) -> None:
        with pytest.raises(AssertionError, match=r"got: A\| \[A = 2\]"):
            await marbles.expect(marbles.source("a|", values={"a": 2}), "a|", values={"a": 1})


@on_both_backends
def test_a_recording_without_an_end_is_a_deadlock(backend: str) -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep_forever()

    async def wait() -> None:
        await marbles.record(items())

    with pytest.raises(DeadlockError):
        run_virtual(wait, backend=backend)
