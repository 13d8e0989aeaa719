"""
Tool loops on pages: each call and each turn is shown once, whatever the ids of the calls are and wherever a turn starts over.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.testing import Drop, FakeClaude, reply, text, tool_use
from streamkit.ui import ag_ui, ai_sdk
from tests.support.claude import ASK, RESTARTED, events_of
from tests.support.messages_api import answers
from tests.support.profiles import examples
from tests.support.scripted_client import ScriptedClient
from tests.support.tool_world import ToolWorld

from .ag_ui_client import Client as AGUIClient
from .client import Client, text_of

if TYPE_CHECKING:
    from streamkit.testing import Reply

VERSIONS: list[ai_sdk.Version] = [6, 7]
ASKED: Any = {"id": "user-1", "role": "user", "content": "Hi"}


@sk.tool(effect=False)
async def look(city: str) -> str:
    """Look out of a window."""
    return f"rain in {city}"


def asks(city: str, call_id: str = "call_0") -> Any:
    return tool_use("look", {"city": city}, id=call_id)


def result(city: str, call_id: str = "call_0") -> Any:
    return {"type": "tool_result", "tool_use_id": call_id, "content": f"rain in {city}"}


async def loop_through(operator: Any, *replies: Reply, resume: Any = "restart") -> list[Any]:
    retry = sk.RetryPolicy(base=0, resume=resume)
    async with FakeClaude(*answers(*replies)) as server:
        loop = sk.tool_loop(server.client(), tools=[look], retry=retry, **ASK)
        chunks: list[Any] = await (loop | operator).collect()
        return chunks


def cards(message: Any) -> list[tuple[str, Any, Any]]:
    """
    The calls that a page shows, with what has become of them. Each has an id of its own.
    """
    parts = [part for part in message["parts"] if "toolCallId" in part]
    assert len({part["toolCallId"] for part in parts}) == len(parts), "two cards with one id"
    return [(part["state"], part.get("input"), part.get("output")) for part in parts]


RAIN = [("output-available", {"city": city}, f"rain in {city}") for city in ("Oslo", "Rome")]


@pytest.mark.parametrize("version", VERSIONS)
async def test_calls_that_a_gateway_numbers_anew_in_each_turn_are_cards_of_their_own(
    version: ai_sdk.Version,
) -> None:
    turns = [reply(asks("Oslo")), reply(asks("Rome")), reply(text("Done"))]
    chunks = await loop_through(ai_sdk.chunks(version=version), *turns)
    assert cards(Client(version=version).read(chunks)) == RAIN


@pytest.mark.parametrize("version", VERSIONS)
async def test_so_they_are_where_the_stream_is_not_this_librarys(version: ai_sdk.Version) -> None:
    items = [*events_of(asks("Oslo")), result("Oslo"), *events_of(asks("Rome"), id="msg_2"), result("Rome")]
    chunks = await (sk.from_iterable(items) | ai_sdk.chunks(version=version)).collect()
    assert cards(Client(version=version).read(chunks)) == RAIN


async def test_a_call_in_a_message_that_goes_on_is_not_taken_for_one_that_it_has() -> None:
    client = Client()
    before = client.read(
        await (sk.from_iterable([*events_of(asks("Oslo")), result("Oslo")]) | ai_sdk.chunks()).collect()
    )
    body = {"messages": [{"id": "u", "role": "user", "parts": [{"type": "text", "text": "Hi"}]}, before]}
    items = [*events_of(asks("Rome"), id="msg_2"), result("Rome")]
    chunks = await (sk.from_iterable(items) | ai_sdk.chunks(body=body)).collect()
    assert cards(Client(before).read(chunks)) == RAIN


async def test_what_an_application_says_of_a_call_is_said_of_its_card() -> None:
    approval = {"type": "tool-approval-request", "toolCallId": "call_0", "approvalId": "a"}
    items = [*events_of(asks("Oslo")), result("Oslo"), *events_of(asks("Rome"), id="msg_2"), approval]
    chunks = await (sk.from_iterable(items) | ai_sdk.chunks()).collect()
    assert [state for state, _, _ in cards(Client().read(chunks))] == [
        "output-available",
        "approval-requested",
    ]


async def test_a_step_that_is_taken_back_gives_its_ids_back() -> None:
    items = [*events_of(asks("Oslo"))[:4], RESTARTED, *events_of(asks("Rome"), id="msg_2"), result("Rome")]
    chunks = await (sk.from_iterable(items) | ai_sdk.chunks()).collect()
    message = Client().read(chunks)
    assert [part["toolCallId"] for part in message["parts"] if "toolCallId" in part] == ["call_0"]
    assert cards(message) == RAIN[1:]


async def test_calls_with_one_id_are_calls_of_their_own_to_a_client_of_ag_ui() -> None:
    turns = [reply(asks("Oslo")), reply(asks("Rome")), reply(text("Done"))]
    client = AGUIClient([ASKED])
    client.take(await loop_through(ag_ui.events("t", "r", messages=[ASKED]), *turns))
    told = {m["toolCallId"]: m["content"] for m in client.messages if m["role"] == "tool"}
    assert sorted(told.values()) == ["rain in Oslo", "rain in Rome"]


def began_twice(chunks: list[Any]) -> bool:
    return any(a["type"] == b["type"] == "start-step" for a, b in pairwise(chunks))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cuts", [1, 2])
async def test_where_a_later_turn_starts_over_the_earlier_ones_are_shown_once(
    version: ai_sdk.Version, cuts: int
) -> None:
    cut = reply(text("And "), text("so", Drop()))
    turns = [
        reply(text("One. "), asks("Oslo")),
        reply(text("Two. "), asks("Rome", "call_1")),
        *[cut] * cuts,
        reply(text("Three.")),
    ]
    chunks = await loop_through(ai_sdk.chunks(version=version), *turns)
    message = Client(version=version, resets=True).read(chunks)
    assert text_of(message) == "One. Two. Three."
    assert cards(message) == RAIN
    assert [part["type"] for part in message["parts"]].count("step-start") == 3
    assert not began_twice(chunks)


async def test_where_all_messages_have_one_id_nothing_is_lost() -> None:
    first, cut, whole = (events_of(text(said), id="msg_1") for said in ("One. ", "Tw", "Two."))
    items = [*first, *cut[:3], RESTARTED, *whole]
    chunks = await (sk.from_iterable(items) | ai_sdk.chunks()).collect()
    assert text_of(Client().read(chunks)) == "One. Two."


async def test_a_turn_that_starts_over_behind_a_pause_is_shown_whole() -> None:
    search = tool_use("web_search", {"query": "x"}, type="server_tool_use", id="srvtoolu_1")
    found: Any = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    turns = [
        reply(text("One. "), asks("Oslo")),
        reply(text("Wait. "), search, stop_reason="pause_turn"),
        reply(found, text("Tw", Drop())),
        reply(found, text("Two.")),
    ]
    retry = sk.RetryPolicy(base=0, resume="restart")
    async with FakeClaude(*turns) as server:
        loop = sk.tool_loop(server.client(), tools=[look], retry=retry, **ASK)
        message = Client().read(await (loop | ai_sdk.chunks()).collect())
    assert text_of(message) == "One. Wait. Two."
    assert len([part for part in message["parts"] if "toolCallId" in part]) == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize("first", range(0, examples(pr=40, full=600), 20))
async def test_whatever_happens_a_page_shows_what_the_outcome_has(first: int) -> None:
    for seed in range(first, first + 20):
        for operator in (ai_sdk.chunks(version=6), ai_sdk.chunks(), ag_ui.events("t", "r", messages=[ASKED])):
            world, rng = ToolWorld(Random(seed)), Random(seed)
            client = ScriptedClient(world.answer)
            retry = sk.RetryPolicy(
                attempts=3, base=0.1, resume=rng.choice(["restart", "restart", "continue"])
            )
            loop = sk.tool_loop(client.as_sdk, tools=world.tools(), max_turns=6, retry=retry, **ASK)
            run = (loop | operator).open()
            chunks: list[Any] = []
            with suppress(*sk.ERRORS):
                async with run:
                    async for chunk in run:
                        chunks.append(chunk)
            if run.outcome.kind != "complete":
                continue
            blocks: list[Any] = [block for message in run.outcome.messages for block in message.content]
            said = "".join(block.text for block in blocks if block.type == "text")
            assert shown(chunks) == said, f"seed {seed}"


def shown(told: list[Any]) -> str:
    """
    The text that a page shows; all its cards have ids of their own.
    """
    if told[0]["type"] == "RUN_STARTED":
        client = AGUIClient([ASKED])
        client.take(told)
        ids = [call["id"] for message in client.messages for call in message.get("toolCalls") or ()]
        assert len(ids) == len(set(ids))
        return "".join(m.get("content") or "" for m in client.messages if m["role"] == "assistant")
    message = Client(version=6 if any(c["type"] == "data-restarted" for c in told) else 7, resets=True).read(
        told
    )
    cards(message)
    return text_of(message)
