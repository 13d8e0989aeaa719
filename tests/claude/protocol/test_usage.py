"""
What a run has used, as numbers to add, to bill and to send on.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.encoders import jsonable_encoder

import streamkit as sk
from streamkit._claude.protocol.usage import updated, usage_of
from streamkit.events import TotalUsage, Usage
from streamkit.testing import reply, text, tool_use

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


def told(**fields: Any) -> TotalUsage:
    """
    The usage with what a message has told.
    """
    return usage_of(fields)


HOUR = {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 10}


def test_what_is_kept_for_an_hour_has_a_price_of_its_own() -> None:
    usage = told(cache_creation_input_tokens=30, cache_creation=HOUR)
    assert usage.cost({**PRICES, "cache_write_1h": 6}) == pytest.approx((10 * 3.75 + 20 * 6) / 1_000_000)
    with pytest.raises(ValueError, match="needs a price for 'cache_write_1h' in prices, because 20 tokens"):
        usage.cost(PRICES)


@pytest.mark.parametrize(
    "total", [{}, {"cache_creation_input_tokens": 0}, {"cache_creation_input_tokens": None}]
)
def test_writes_of_which_only_the_parts_are_told_are_billed(total: dict[str, Any]) -> None:
    prices = {**PRICES, "cache_write_1h": 6}
    usage = told(cache_creation=HOUR, **total)
    once = (10 * 3.75 + 20 * 6) / 1_000_000
    assert usage.cost(prices) == pytest.approx(once)
    whole = told(cache_creation_input_tokens=5)
    assert (usage + whole).cost(prices) == pytest.approx(once + 5 * 3.75 / 1_000_000)


def test_searches_are_billed_by_the_thousand() -> None:
    usage = told(server_tool_use={"web_search_requests": 5, "web_fetch_requests": 3})
    assert usage.cost({"web_search": 10}) == pytest.approx(0.05)
    assert usage.cost({"web_search_requests": 10}) == pytest.approx(0.05)
    assert (usage + usage).cost({"web_search": 10}) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="needs a price for 'web_search' in prices, because 5 requests"):
        usage.cost(PRICES)


def step(kind: str, **counts: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": 0, "output_tokens": 0, **counts}


def test_a_compaction_is_billed_although_no_total_has_its_tokens() -> None:
    steps = [step("compaction", input_tokens=60_000, output_tokens=500), step("message", input_tokens=600)]
    usage = told(input_tokens=600, iterations=steps)
    assert usage.cost(PRICES) == pytest.approx((60_600 * 3 + 500 * 15) / 1_000_000)


def test_the_advisors_tokens_are_billed_at_the_prices_of_its_model() -> None:
    steps = [step("message", input_tokens=100), step("advisor_message", input_tokens=2_000, output_tokens=30)]
    usage = told(input_tokens=100, iterations=steps)
    cost = usage.cost(PRICES, advisor={"input": 5, "output": 25})
    assert cost == pytest.approx((100 * 3 + 2_000 * 5 + 30 * 25) / 1_000_000)
    with pytest.raises(ValueError, match="needs a price for 'input', 'output' in advisor"):
        usage.cost(PRICES)


@pytest.mark.parametrize(
    ("prices", "error", "said"),
    [
        ({"output": 15}, ValueError, "needs a price for 'input'"),
        ({"input": 3, "output_price": 15}, ValueError, "does not know the price 'output_price'"),
        ({3: 3}, ValueError, "does not know the price 3"),
        ({"input": "3"}, ValueError, "needs the price of a million tokens for 'input', not '3'"),
        ({"web_search": "3"}, ValueError, "needs the price of a thousand requests for 'web_search'"),
        ({"input": -1}, ValueError, "not -1"),
        (
            {"input": 3, "input_tokens": 5},
            ValueError,
            "two prices for the same tokens, 'input' and 'input_tokens'",
        ),
        ({"cache_write": 3, "cache_write_5m": 5}, ValueError, "two prices"),
        (None, TypeError, "needs prices as a mapping, such as .*, not None"),
        ([3, 15], TypeError, "needs prices as a mapping"),
    ],
)
def test_a_price_that_is_missing_or_no_price_is_an_error(
    prices: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        TotalUsage(input_tokens=1).cost(prices)


@pytest.mark.parametrize("odd", [-1, 1.5, "3", True])
def test_a_count_that_is_no_count_is_not_billed(odd: Any) -> None:
    with pytest.raises(ValueError, match="needs output_tokens as a whole number of at least 0"):
        TotalUsage(output_tokens=odd).cost(PRICES)
    with pytest.raises(ValueError, match="needs ephemeral_1h_input_tokens"):
        told(cache_creation={"ephemeral_1h_input_tokens": odd}).cost(PRICES)


def test_usages_of_the_wire_add_up_too() -> None:
    first, second = Usage(input_tokens=3, output_tokens=5), Usage(output_tokens=4)
    assert first + second == TotalUsage(input_tokens=3, output_tokens=9)
    assert sum([first, second]) == TotalUsage(input_tokens=3, output_tokens=9)
    odd: Any = Usage(output_tokens=2.0)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert first + odd == TotalUsage(input_tokens=3, output_tokens=7)


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
def test_a_count_that_is_no_number_leaves_the_one_that_is_known(odd: Any) -> None:
    known = updated({"input_tokens": 7, "output_tokens": 1}, {"input_tokens": odd, "output_tokens": 5})
    assert known == {"input_tokens": 7, "output_tokens": 5}


@pytest.mark.parametrize("odd", [{"x": 1}, "17", [3], None, True])
def test_a_count_that_is_no_number_says_nothing_and_spoils_nothing(odd: Any) -> None:
    usage = usage_of({"input_tokens": odd, "output_tokens": 5, "cache_creation": odd, "service_tier": 3})
    assert isinstance(usage, TotalUsage)
    assert (usage.input_tokens, usage.output_tokens) == (0, 5)
