"""
Gateways that number their calls anew in each message: no two calls of a conversation have one id, because the API refuses that.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.events import from_dict, to_dict
from streamkit.testing import Drop, FakeClaude, reply, text, tool_use
from tests.support.claude import ASK, decoded, finished
from tests.support.messages_api import answers, check_conversation
from tests.support.scripted_client import ScriptedClient
from tests.support.tools import look, results

if TYPE_CHECKING:
    from streamkit.testing import Reply

HI: Any = {"role": "user", "content": "Hi"}


ABSENT: Any = object()


def asks(*cities: str) -> Reply:
    return reply(*(tool_use("look", {"city": city}, id=f"call_{n}") for n, city in enumerate(cities)))


def ids_in(messages: Any) -> list[str]:
    """
    The ids of the calls in a conversation, and those of the results.
    """
    blocks = [
        block
        for message in messages
        if not isinstance(message["content"], str)
        for block in message["content"]
    ]
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert calls == [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    return calls


async def test_in_a_tool_loop_each_call_has_an_id_of_its_own_and_its_own_result() -> None:
    items: list[Any] = []
    turns = [asks("Oslo", "Rome"), asks("Bonn"), asks("Kyiv", "Riga"), reply(text("Rain."))]
    async with FakeClaude(*answers(*turns)) as server:
        run = await finished(sk.tool_loop(server.client(), tools=[look], **ASK), items)
    ids = ["call_0", "call_1", "call_0_2", "call_0_3", "call_1_2"]
    told = {item.id: item.content for item in items if item.type == "tool_result"}
    assert told == dict(
        zip(ids, (f"rain in {city}" for city in ("Oslo", "Rome", "Bonn", "Kyiv", "Riga")), strict=True)
    )
    assert [call.id for call in run.outcome.tool_calls] == ids
    assert ids_in(run.outcome.history) == ids
    assert run.outcome.oddities == {"call_id": 3}


@pytest.mark.parametrize("message_id", ["msg_1", ""])
@pytest.mark.parametrize("sent", [None, "", ABSENT])
async def test_so_has_one_without_any_id_where_the_messages_have_one_id_too(
    message_id: str, sent: Any
) -> None:
    def unnamed(events: list[Any]) -> list[Any]:
        events[0]["message"]["id"] = message_id
        for each in events:
            block = each.get("content_block", {})
            if block.get("type") == "tool_use":
                block.pop("id")
                block |= {} if sent is ABSENT else {"id": sent}
        return events

    def asked(*cities: str) -> Reply:
        calls = (tool_use("look", {"city": city}) for city in cities)
        return reply(*calls).edited(unnamed)

    items: list[Any] = []
    turns = [asked("Oslo", "Rome"), asked("Bonn"), asked("Kyiv", "Riga"), reply(text("Rain."))]
    async with FakeClaude(*answers(*turns)) as server:
        run = await finished(sk.tool_loop(server.client(), tools=[look], **ASK), items)
    assert len(set(ids_in(run.outcome.history))) == 5
    assert [call.id for call in run.outcome.tool_calls] == ids_in(run.outcome.history)
    told = {item.id: item.content for item in items if item.type == "tool_result"}
    assert [told[call.id] for call in run.outcome.tool_calls] == [
        f"rain in {city}" for city in ("Oslo", "Rome", "Bonn", "Kyiv", "Riga")
    ]
    assert run.outcome.oddities["call_id"] == 5


async def test_each_request_only_adds_to_the_one_before() -> None:
    turns = [asks("Oslo"), asks("Rome"), asks("Bonn"), reply(text("Rain."))]
    async with FakeClaude(*answers(*turns)) as server:
        await finished(sk.tool_loop(server.client(), tools=[look], **ASK))
    sent = [request.body["messages"] for request in server.requests]
    assert all(after[: len(before)] == before for before, after in pairwise(sent))


async def test_a_history_with_an_answer_behind_it_can_be_sent() -> None:
    async with FakeClaude(asks("Oslo"), asks("Rome")) as server:
        params = {**ASK}
        for _ in range(2):
            run = await finished(sk.messages(server.client(), **params))
            (call,) = run.outcome.tool_calls
            said: Any = {"role": "user", "content": [call.result("rain")]}
            params["messages"] = [*run.outcome.history, said]
    check_conversation(params["messages"])
    assert ids_in(params["messages"]) == ["call_0", "call_0_2"]


async def test_the_messages_that_were_sent_may_be_the_sdks_objects() -> None:
    async with FakeClaude(asks("Oslo"), asks("Rome")) as server:
        first = await finished(sk.messages(server.client(), **ASK))
        message: Any = first.outcome.message
        (call,) = first.outcome.tool_calls
        said: list[Any] = [
            HI,
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [call.result("rain")]},
        ]
        again: dict[str, Any] = {**ASK, "messages": said}
        second = await finished(sk.messages(server.client(), **again))
    assert [call.id for call in second.outcome.tool_calls] == ["call_0_2"]


async def test_a_call_that_came_whole_with_its_message_gets_one_too() -> None:
    start, *_, delta, stop = map(to_dict, decoded(asks("Rome")))
    call = {"type": "tool_use", "id": "call_0", "name": "look", "input": {"city": "Rome"}}
    whole = [{**start, "message": {**start["message"], "content": [call]}}, delta, stop]
    turns = iter(
        [
            [to_dict(event) for event in decoded(asks("Oslo"))],
            whole,
            [to_dict(e) for e in decoded(reply(text("Rain.")))],
        ]
    )
    client = ScriptedClient(lambda _: next(turns))
    items: list[Any] = []
    run = await finished(sk.tool_loop(client.as_sdk, tools=[look], **ASK), items)
    assert [city for _, city, _ in results(items)] == ["rain in Oslo", "rain in Rome"]
    assert ids_in(run.outcome.history) == ["call_0", "call_0_2"]
    assert to_dict(from_dict(whole[0])) == whole[0]


async def test_a_call_that_is_said_again_in_its_message_is_still_one_call() -> None:
    again = tool_use("look", {"city": "Rome"}, id="call_0")
    other = tool_use("look", {"city": "Bonn"}, id="call_0")
    items: list[Any] = []
    async with FakeClaude(*answers(asks("Oslo"), reply(again, again, other), reply(text("Rain.")))) as server:
        run = await finished(sk.tool_loop(server.client(), tools=[look], **ASK), items)
    assert sorted(str(city) for _, city, _ in results(items)) == [
        "rain in Bonn",
        "rain in Oslo",
        "rain in Rome",
    ]
    assert len(set(ids_in(run.outcome.history))) == 3


@pytest.mark.parametrize("resume", ["restart", "never"])
async def test_a_message_that_is_sent_again_has_the_same_ids(resume: Any) -> None:
    cut = reply(tool_use("look", {"city": "Rome"}, id="call_0"), text("And", Drop()))
    retry = sk.RetryPolicy(base=0, resume=resume)
    replies = [asks("Oslo"), cut, asks("Rome"), reply(text("Rain."))]
    async with FakeClaude(*answers(*replies)) as server:
        run = sk.tool_loop(server.client(), tools=[look], retry=retry, **ASK).open()
        items: list[Any] = []
        try:
            async with run:
                async for item in run:
                    items.append(item)
        except sk.StreamError:
            assert resume == "never"
    begun = [
        e.content_block.id
        for e in items
        if e.type == "content_block_start" and e.content_block.type == "tool_use"
    ]
    assert begun == (
        ["call_0", "call_0_2", "call_0", "call_0_2"] if resume == "restart" else ["call_0", "call_0_2"]
    )
    history: Any = run.outcome.history
    check_conversation(history if history[-1]["role"] == "user" else [*history, HI])
