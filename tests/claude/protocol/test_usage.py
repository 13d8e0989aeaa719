"""
What a run has used, as numbers to add, to bill and to send on.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.encoders import jsonable_encoder

import streamkit as sk
from streamkit._claude.protocol.usage import usage_of
from streamkit.events import TotalUsage, Usage
from streamkit.testing import reply, text, tool_use
from tests.support.claude import events_of

PRICES = {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}


async def outcome_of(*blocks: Any, **settings: Any) -> sk.Outcome:
    body = reply(*blocks, **settings).body
    async with (sk.from_sse(body) | sk.meter()).open() as run:
        async for _ in run:
            pass
    return run.outcome


def test_counts_are_plain_numbers_0_where_nothing_was_said() -> None:
    usage = TotalUsage()
    assert (usage.input_tokens, usage.output_tokens) == (0, 0)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (0, 0)


async def test_an_outcome_without_any_message_has_used_nothing() -> None:
    async with sk.from_sse([]).open() as run:
        with pytest.raises(sk.StreamTruncated):
            await anext(run)
    assert run.outcome.usage == TotalUsage()
    assert run.outcome.usage.cost(PRICES) == 0


def test_usages_add_up() -> None:
    first = TotalUsage(input_tokens=3, output_tokens=5)
    second = TotalUsage(input_tokens=2, cache_read_input_tokens=7)
    assert first + second == TotalUsage(input_tokens=5, output_tokens=5, cache_read_input_tokens=7)
    assert sum([first, second, first]) == first + second + first
    assert first + Usage(output_tokens=4) == TotalUsage(input_tokens=3, output_tokens=9)


def test_what_it_costs_is_a_matter_of_the_callers_prices() -> None:
    usage = TotalUsage(
        input_tokens=1_000_000,
        output_tokens=100_000,
        cache_read_input_tokens=2_000_000,
        cache_creation_input_tokens=400_000,
    )
    assert usage.cost(PRICES) == pytest.approx(3 + 1.5 + 0.6 + 1.5)
    by_name = {
        "input_tokens": 3,
        "output_tokens": 15,
        "cache_read_input_tokens": 0.3,
        "cache_creation_input_tokens": 3.75,
    }
    assert usage.cost(by_name) == usage.cost(PRICES)


def test_what_is_kept_for_an_hour_may_have_a_price_of_its_own() -> None:
    writes = {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 10}
    told = {"cache_creation_input_tokens": 30, "cache_creation": writes}
    [start] = [event for event in events_of(text("a"), usage=told) if event.type == "message_start"]
    usage = TotalUsage() + start.message.usage
    more = usage.cost({**PRICES, "cache_write_1h": 6}) - usage.cost(PRICES)
    assert more == pytest.approx(20 * (6 - 3.75) / 1_000_000)


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({"output": 15}, "needs a price for 'input'"),
        ({"input": 3, "output_price": 15}, "does not know the price 'output_price'"),
        ({"input": "3"}, "needs the price of a million tokens for 'input', not '3'"),
        ({"input": -1}, "not -1"),
    ],
)
def test_a_price_that_is_missing_or_no_price_is_an_error(prices: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TotalUsage(input_tokens=1).cost(prices)


async def test_what_people_hand_on_is_plain_json() -> None:
    body = reply(text("Hello ", "world"), tool_use("look", {"at": [1, 2]})).body
    events = await sk.from_sse(body).collect()
    [call] = await (sk.from_sse(body) | sk.tool_calls()).collect()
    async with (sk.from_sse(body) | sk.meter()).open() as run:
        async for _ in run:
            pass
    values: list[Any] = [*events, call, run.outcome.usage, run.report.meter]
    for value in values:
        plain = value.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert json.loads(json.dumps(jsonable_encoder(value)))
    assert call.to_dict() == {"id": call.id, "name": "look", "input": {"at": [1, 2]}, "index": 1}
    assert jsonable_encoder(call) == call.to_dict()
    assert jsonable_encoder(events[0]) == events[0].to_dict()


def test_the_gaps_of_a_meter_can_be_plotted() -> None:
    gaps = sk.Meter().gaps
    for seconds in (0.01, 0.01, 0.5, 0.0):
        gaps.add(seconds)
    [none, short, long] = gaps.buckets
    assert [number for _, number in (none, short, long)] == [1, 2, 1]
    assert none[0] == 0
    assert 0.01 <= short[0] <= 0.0102
    assert 0.5 <= long[0] <= 0.51
    assert sum(number for _, number in gaps.buckets) == gaps.count


@pytest.mark.parametrize("odd", [{"x": 1}, "17", [3], None, True])
def test_a_count_that_is_no_number_says_nothing_and_spoils_nothing(odd: Any) -> None:
    usage = usage_of({"input_tokens": odd, "output_tokens": 5, "cache_creation": odd, "service_tier": 3})
    assert isinstance(usage, TotalUsage)
    assert (usage.input_tokens, usage.output_tokens) == (0, 5)
