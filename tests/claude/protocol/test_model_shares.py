"""
What each model has used, in all requests of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit._claude.protocol.model_shares import usage_by_model
from streamkit._claude.protocol.usage import usage_of
from streamkit.events import Event, TotalUsage
from streamkit.testing import (
    Drop,
    FakeClaude,
    Reply,
    Request,
    Stall,
    error_reply,
    reply,
    spliced,
    text,
    thinking,
)
from tests.support.claude import ASK, AT_ONCE, HELLO, finished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PRICES: dict[str, dict[str, float]] = {
    "small": {"input": 1, "output": 5},
    "large": {"input": 10, "output": 50},
}


def shares(*steps: dict[str, Any], model: str | None = "small", **counts: Any) -> dict[str, dict[str, Any]]:
    usage = usage_of({**counts, **({"iterations": [*steps]} if steps else {})})
    return {name: used.to_dict() for name, used in usage_by_model([(model, usage)]).items()}


def step(kind: str, model: str | None, tokens: int, **more: Any) -> dict[str, Any]:
    named = {} if model is None else {"model": model}
    return {"type": kind, **named, "input_tokens": tokens, "output_tokens": 0, **more}


def counted(tokens: int) -> dict[str, Any]:
    return TotalUsage(input_tokens=tokens).to_dict()


# -- one message --------------------------------------------------------------------------------------------


def test_one_model_has_used_all_that_the_message_tells() -> None:
    used: Any = {"input_tokens": 3, "output_tokens": 4, "server_tool_use": {"web_search_requests": 2}}
    assert shares(**used) == {"small": usage_of(used).to_dict()}
    assert shares(model=None, **used) == {"": usage_of(used).to_dict()}


def test_the_steps_of_one_model_change_nothing() -> None:
    """
    A compaction, whose tokens no total has, stays a step, so that `cost()` finds it.
    """
    steps = [step("compaction", None, 60), step("message", "small", 3), step("message", "small", 4)]
    assert shares(*steps, input_tokens=7) == {
        "small": usage_of({"input_tokens": 7, "iterations": steps}).to_dict()
    }
    by_model = usage_by_model([("small", usage_of({"input_tokens": 7, "iterations": steps}))])
    assert by_model["small"].cost({"input": 1_000_000}) == 67


def test_where_another_model_took_over_each_has_its_own_steps() -> None:
    steps = [
        step("message", "small", 3, cache_read_input_tokens=9),
        step("compaction", None, 5),
        step("fallback_message", "large", 4),
    ]
    used = shares(*steps, input_tokens=4, server_tool_use={"web_search_requests": 1})
    assert list(used) == ["small", "large"]
    assert used["small"] == {**counted(8), "cache_read_input_tokens": 9}
    assert used["large"] == {**counted(4), "server_tool_use": {"web_search_requests": 1}}


def test_an_advisor_is_a_model_too() -> None:
    steps = [step("message", "small", 3), step("advisor_message", "large", 100)]
    used = usage_by_model([("small", usage_of({"input_tokens": 3, "iterations": steps}))])
    assert used["large"] == TotalUsage(input_tokens=100)
    cost = sum(usage.cost(PRICES[model]) for model, usage in used.items())
    assert cost == pytest.approx((3 * 1 + 100 * 10) / 1_000_000)


@pytest.mark.parametrize("odd", [[None, 3, "x"], "x", {"type": "message"}, [{"type": "message", "model": 3}]])
def test_steps_that_do_not_fit_say_nothing(odd: Any) -> None:
    assert (
        usage_by_model([("small", usage_of({"input_tokens": 3, "iterations": odd}))])["small"].input_tokens
        == 3
    )


# -- a run --------------------------------------------------------------------------------------------------


async def test_a_request_that_was_sent_again_is_paid_twice() -> None:
    """
    Also where the first beginning does not count any more, so that `outcome.usage` is without it.
    """
    cut = reply(text("Hel", Drop()), model="small", usage={"input_tokens": 10, "output_tokens": 1})
    whole = reply(text("Hello"), model="large", usage={"input_tokens": 10, "output_tokens": 1})
    for resume in ("restart", "continue"):
        async with FakeClaude(cut, error_reply(529), whole) as server:
            policy = sk.RetryPolicy(base=0, resume=resume)
            outcome = (await finished(sk.messages(server.client(), **ASK, retry=policy))).outcome
        assert [attempt.model for attempt in outcome.attempts] == ["small", None, "large"]
        assert {model: used.input_tokens for model, used in outcome.usage_by_model.items()} == {
            "small": 10,
            "large": 10,
        }
        assert outcome.usage.input_tokens == (10 if resume == "restart" else 20)
        paid = sum(used.cost(PRICES[model]) for model, used in outcome.usage_by_model.items())
        assert paid == sum(
            each.usage.cost(PRICES[each.model or ""]) for each in outcome.attempts if each.usage
        )


async def test_what_was_retried_unseen_is_paid_too() -> None:
    beginning = Reply([*HELLO.steps[:1], Drop()])
    async with FakeClaude(beginning, HELLO) as server:
        outcome = (await finished(sk.messages(server.client(), **ASK, retry=AT_ONCE))).outcome
    [used] = outcome.usage_by_model.values()
    assert used.input_tokens == 2 * outcome.usage.input_tokens == 20


async def test_the_turns_of_a_loop_and_the_streams_of_a_merge_are_added_up() -> None:
    async with FakeClaude(HELLO, repeat=True) as server:
        chat = sk.messages(server.client(), **ASK)
        outcome = (await finished(sk.merge(chat, chat))).outcome
        assert sum(used.input_tokens for used in outcome.usage_by_model.values()) == 20
        paused = reply(text("Hm"), stop_reason="pause_turn")
    async with FakeClaude(paused, HELLO) as server:
        outcome = (await finished(sk.messages(server.client(), **ASK, follow_pause=True))).outcome
        assert sum(used.input_tokens for used in outcome.usage_by_model.values()) == 20


def asked(server: FakeClaude, model: str) -> sk.Stream[Event]:
    params: Any = {**ASK, "model": model}
    return sk.messages(server.client(), **params)


class Race:
    """
    A large model that thinks for ever, and others that wait until it has begun to.
    """

    def __init__(self, server: FakeClaude) -> None:
        self._begun = anyio.Event()
        self._chat = asked(server, "large")

    def against(self, other: sk.Stream[str]) -> sk.Stream[str]:
        large = self._chat.tap(lambda _: self._begun.set()) | sk.text()
        return sk.race(large, sk.concat(sk.from_iterable(self._wait), other))

    async def _wait(self) -> AsyncIterator[str]:
        await self._begun.wait()
        for nothing in list[str]():
            yield nothing


def by_model(request: Request) -> Reply:
    model = request.body["model"]
    return (
        reply(thinking("Hm"), Stall(), model=model) if model == "large" else reply(text("Hello"), model=model)
    )


@pytest.mark.parametrize("nested", [False, True])
async def test_the_losers_of_a_race_are_paid_too(nested: bool) -> None:
    """
    Although they count for nothing else; also where the race is a part of another one.
    """
    async with FakeClaude(by_model, repeat=True) as server:
        small = asked(server, "small") | sk.text()
        race = Race(server).against(small)
        outcome = (await finished(sk.race(race, sk.from_iterable(never)) if nested else race)).outcome
    assert (outcome.model, outcome.usage.input_tokens, len(outcome.messages)) == ("small", 10, 1)
    paid = {model: used.input_tokens for model, used in outcome.usage_by_model.items()}
    assert paid == {"small": 10, "large": 10}


async def test_where_the_winner_is_not_claudes_the_losers_are_paid_nevertheless() -> None:
    async with FakeClaude(by_model, repeat=True) as server:
        outcome = (await finished(Race(server).against(sk.from_iterable(["mine"])))).outcome
    assert [used.input_tokens for used in outcome.usage_by_model.values()] == [10]
    with pytest.raises(AttributeError, match="no source of it contributes one"):
        _ = outcome.usage


async def never() -> AsyncIterator[str]:
    await anyio.sleep_forever()
    yield "never"


async def test_what_comes_without_a_request_counts_each_message_once() -> None:
    """
    Three messages, of which the first one was given up before it had any content.
    """
    body = spliced(HELLO, 1, reply(text("Hello"), id="msg_9")).body + HELLO.body
    outcome = (await finished(sk.from_sse(body))).outcome
    assert len(outcome.messages) == 2
    assert sum(used.input_tokens for used in outcome.usage_by_model.values()) == 30
