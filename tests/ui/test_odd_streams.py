"""
What some gateways make of a stream: events left out, doubled, in another order or under another index. No page breaks at it, and
what was said is shown.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

import streamkit as sk
from streamkit.testing import Block, reply, text, thinking, tool_use
from streamkit.ui import ai_sdk
from tests.support.profiles import examples

from .client import Client, calls_of, text_of, thinking_of

FOUND = Block({"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []})
ANSWER = reply(
    thinking("Hm, so.", chunk=2),
    text("Hello world", chunk=2),
    tool_use("look", {"n": 1}, id="toolu_1", chunk=4),
    tool_use("web_search", {"query": "tides"}, id="srv_1", type="server_tool_use"),
    FOUND,
    tool_use("look", {"n": 2}, id="toolu_2", chunk=4),
    text("So.", chunk=1),
)


def spoilt(seed: int) -> list[Any]:
    """
    The events of the answer after some mistakes of whoever stands in between.
    """
    chance = random.Random(seed)
    events = [dict(event) for event in ANSWER.events]
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(1, len(events)), chance.randrange(1, len(events))
        match chance.choice(["drop", "swap", "double", "reindex", "cut"]):
            case "drop":
                del events[at]
            case "swap":
                events[at], events[other] = events[other], events[at]
            case "double":
                events.insert(other, dict(events[at]))
            case "reindex" if "index" in events[at]:
                events[at]["index"] = chance.randrange(6)
            case "cut":
                del events[at + 1 :]
            case _:
                pass
        if len(events) < 3:
            break
    return [sk.events.from_dict(event) for event in events]


@pytest.mark.parametrize("seed", range(examples(pr=150, full=3000)))
def test_a_page_shows_what_is_there(seed: int) -> None:
    events = spoilt(seed)
    try:
        calls = list(sk.tool_calls(broken="skip").over(events))
    except sk.GrammarError:  # there is input that belongs to no call
        calls = None
    try:
        chunks = list(ai_sdk.chunks().over(events))
    except sk.GrammarError:  # a message begins inside another one
        return
    message = Client().read(chunks)
    assert Counter(text_of(message)) == Counter("".join(sk.text().over(events)))
    # Thinking that was sent for a block of another kind belongs to none, in the outcome's message too.
    assert Counter(thinking_of(message)) <= Counter("".join(sk.thinking().over(events)))
    if calls is not None:
        expected = [(call.id, call.name, call.input) for call in calls]
        assert sorted(map(str, calls_of(message))) == sorted(map(str, expected))
    ai_sdk.params({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}, message]})
