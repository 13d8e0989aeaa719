"""
budget: the next step is not taken where it would pass a limit, and what was billed counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.events import Restarted, from_dict
from streamkit.testing import run_virtual
from tests.support.backends import on_both_backends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.virtual_time

budget = cast("Any", sk.budget)
"""For what its types refuse."""

PRICES = {"input": 1_000_000.0, "output": 2_000_000.0, "cache_read": 100_000.0, "cache_write": 1_250_000.0}
"""For one token: 1, 2, 0.1 and 1.25."""


def message(reads: int, writes: int, stop: str = "tool_use", id: str = "", **usage: Any) -> list[Any]:  # noqa: A002
    """
    The events of a message.
    """
    wire: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                "id": id, "type": "message", "role": "assistant", "model": "x", "content": [],
                "stop_reason": None, "stop_sequence": None,
                "usage": {"input_tokens": reads, "output_tokens": 1, **usage},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": writes}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return [from_dict(each) for each in wire]


class Turns:
    """
    Messages one after another, and how many were asked for.
    """

    def __init__(self, *messages: list[Any]) -> None:
        self._messages = messages
        self.asked = 0

    def stream(self) -> sk.Stream[Any]:
        return sk.from_iterable(self._items)

    async def _items(self) -> AsyncIterator[Any]:
        for events in self._messages:
            self.asked += 1
            for event in events:
                yield event


async def spend(turns: Turns, operator: sk.Same) -> tuple[list[Any], sk.Outcome]:
    async with (turns.stream() | operator).open() as run:
        return [event async for event in run], run.outcome


async def test_within_its_limits_everything_passes() -> None:
    turns = Turns(message(10, 5), message(15, 5, "end_turn"))
    events, outcome = await spend(turns, sk.budget(tokens=100, cost=1000, prices=PRICES, turns=2, seconds=1))
    assert events == [*message(10, 5), *message(15, 5, "end_turn")]
    assert outcome.kind == "complete"


async def test_a_turn_that_would_be_one_too_many_is_not_asked_for() -> None:
    turns = Turns(message(1, 1), message(1, 1), message(1, 1))
    events, outcome = await spend(turns, sk.budget(turns=2))
    assert (len(events), turns.asked) == (12, 2)
    assert (outcome.kind, outcome.stopped_by) == ("stopped", "budget: turns")


@pytest.mark.parametrize(("tokens", "asked"), [(29, 1), (30, 2), (54, 2), (55, 3)])
async def test_a_turn_is_not_asked_for_where_what_it_reads_again_is_too_much(tokens: int, asked: int) -> None:
    turns = Turns(message(10, 5), message(15, 5), message(20, 1, "end_turn"))
    _, outcome = await spend(turns, sk.budget(tokens=tokens))
    assert turns.asked == asked
    assert outcome.stopped_by == (None if asked == 3 and tokens > 55 else "budget: tokens")


async def test_all_input_counts_cached_or_not() -> None:
    turns = Turns(message(1, 1, cache_read_input_tokens=50, cache_creation_input_tokens=50), message(1, 1))
    _, outcome = await spend(turns, sk.budget(tokens=203))
    assert (turns.asked, outcome.stopped_by) == (1, "budget: tokens")


async def test_a_message_whose_input_is_too_much_is_stopped_where_it_begins() -> None:
    turns = Turns(message(101, 5, "end_turn"))
    events, outcome = await spend(turns, sk.budget(tokens=100))
    assert events == message(101, 5)[:1]
    assert (outcome.kind, outcome.stopped_by) == ("stopped", "budget: tokens")


async def test_a_last_message_is_whole_though_it_has_written_too_much() -> None:
    turns = Turns(message(10, 500, "end_turn"))
    events, outcome = await spend(turns, sk.budget(tokens=100, turns=1))
    assert events == message(10, 500, "end_turn")
    assert outcome.kind == "complete"


async def test_where_another_turn_comes_all_the_same_it_ends_at_once() -> None:
    turns = Turns(message(10, 5, "end_turn"), message(20, 5, "end_turn"))
    events, outcome = await spend(turns, sk.budget(turns=1))
    assert events == message(10, 5, "end_turn")
    assert outcome.stopped_by == "budget: turns"


@pytest.mark.parametrize(("cost", "asked"), [(21.4, 1), (21.5, 2)])
async def test_the_cost_is_reckoned_with_the_prices(cost: float, asked: int) -> None:
    # 10 read and 5 written cost 20, and reading these 15 from the cache costs 1.5.
    turns = Turns(message(10, 5), message(15, 5))
    _, outcome = await spend(turns, sk.budget(cost=cost, prices=PRICES))
    assert (turns.asked, outcome.stopped_by) == (asked, "budget: cost")


async def test_a_limit_that_is_hit_exactly_is_not_passed() -> None:
    """
    Though 0.1 and 0.2 are more than 0.3 where they are added.
    """
    turns = Turns(*[message(50_000, 50_000) for _ in range(4)])
    _, outcome = await spend(turns, sk.budget(cost=0.3, prices={"input": 1, "output": 1}))
    assert (turns.asked, outcome.stopped_by) == (3, "budget: cost")


async def test_searches_of_the_server_cost_too() -> None:
    turns = Turns(message(1, 1, "pause_turn", server_tool_use={"web_search_requests": 2}), message(1, 1))
    _, outcome = await spend(turns, sk.budget(cost=100, prices={**PRICES, "web_search": 50_000}))
    assert (turns.asked, outcome.stopped_by) == (1, "budget: cost")


async def test_a_price_that_is_missing_for_what_was_used_is_an_error() -> None:
    turns = Turns(message(1, 1, cache_read_input_tokens=5))
    with pytest.raises(ValueError, match="a price for 'cache_read'"):
        await spend(turns, sk.budget(cost=100, prices={"input": 1, "output": 1}))


async def test_what_a_restart_has_made_void_was_billed() -> None:
    again = Restarted(2, sk.StreamError("cut", type="transport"))
    turns = Turns([*message(60, 5)[:3], again], message(60, 5))
    events, outcome = await spend(turns, sk.budget(tokens=100))
    assert events == [*message(60, 5)[:3], again, message(60, 5)[0]]
    assert outcome.stopped_by == "budget: tokens"


async def test_turns_that_are_told_again_behind_a_restart_count_once() -> None:
    again = Restarted(2, sk.StreamError("cut", type="transport"))
    first, second, third = (message(10, 5, id=each) for each in ("msg_1", "msg_2", "msg_3"))
    turns = Turns(first, [*second[:3], again], first, second, third)
    _, outcome = await spend(turns, sk.budget(turns=3, tokens=70))
    assert (turns.asked, outcome.stopped_by) == (5, "budget: turns")


async def test_void_messages_are_no_turns() -> None:
    again = Restarted(2, sk.StreamError("cut", type="transport"))
    turns = Turns([*message(1, 1)[:3], again], message(1, 1), message(1, 1, "end_turn"))
    _, outcome = await spend(turns, sk.budget(turns=2))
    assert outcome.kind == "complete"


async def test_seconds_end_it_in_the_middle_of_a_message() -> None:
    async def slow() -> AsyncIterator[Any]:
        for event in message(1, 1, "end_turn"):
            await anyio.sleep(1)
            yield event

    began = anyio.current_time()
    async with (sk.from_iterable(slow) | sk.budget(seconds=3.5, tokens=100)).open() as run:
        assert len([event async for event in run]) == 3
    assert anyio.current_time() - began == 3.5
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "budget: seconds")


async def test_items_that_are_no_events_of_a_message_pass() -> None:
    own = from_dict({"type": "ping"})
    assert await (sk.from_iterable([own, *message(1, 1, "end_turn")]) | sk.budget(turns=1)).first() is own


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({}, ValueError, "needs a limit"),
        ({"tokens": 0}, ValueError, "at least 1 for tokens"),
        ({"tokens": 1.5}, TypeError, "whole number"),
        ({"turns": 0}, ValueError, "at least 1 for turns"),
        ({"seconds": 0}, ValueError, "above 0 for seconds"),
        ({"cost": 1}, ValueError, "together"),
        ({"prices": PRICES}, ValueError, "together"),
        ({"cost": -1, "prices": PRICES}, ValueError, "above 0 for cost"),
        ({"cost": "1", "prices": PRICES}, TypeError, "an amount of money for cost, not '1'"),
        ({"cost": 1, "prices": {"input": 1}}, ValueError, "a price for 'output'"),
        ({"cost": 1, "prices": {"inputs": 1}}, ValueError, "'inputs'"),
        ({"cost": 1, "prices": 3}, TypeError, "mapping"),
    ],
)
def test_what_cannot_be_reckoned_with_is_refused_at_once(kwargs: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        budget(**kwargs)


@on_both_backends
@given(
    used=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=6),
    tokens=st.integers(1, 200),
)
def test_no_turn_is_asked_for_that_was_known_to_pass(
    used: list[tuple[int, int]], tokens: int, backend: str
) -> None:
    async def main() -> None:
        turns = Turns(*(message(*each) for each in used))
        events, outcome = await spend(turns, sk.budget(tokens=tokens))
        wanted, spent = 0, 0
        for reads, writes in used:
            wanted += 1
            if spent + reads + 1 > tokens:
                break
            spent += reads + writes
            if spent + reads + writes > tokens:
                break
        assert turns.asked == wanted
        assert events[-1].type in {"message_start", "message_stop"}
        assert (outcome.kind == "complete") == (outcome.stopped_by is None)

    run_virtual(main, backend=backend)


def test_it_reads_like_its_source() -> None:
    assert repr(sk.budget(tokens=5, turns=2)) == "budget(tokens=5, turns=2)"
    assert repr(sk.budget(tokens=5, seconds=1.5)) == "budget(tokens=5) | budget(seconds=1.5)"
