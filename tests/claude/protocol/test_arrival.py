"""
What has arrived adds up to the same messages, however much of it waits to be built, and takes little more than its text.
"""

from __future__ import annotations

import random
import tracemalloc
from typing import Any

import pytest

from streamkit._claude.protocol.arrival import Arrival
from streamkit._claude.protocol.message import MessageBuilder
from streamkit.events import ContentBlockDelta, Event, TextDelta, from_dict
from tests.support.profiles import examples

Wire = dict[str, Any]

BLOCKS: list[Wire] = [
    {"type": "text", "text": ""},
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
    {"type": "aside"},
]
DELTAS: list[Wire] = [
    *([{"type": "text_delta", "text": text} for text in ("a", "", " ", "\ud83d", "\ude00")] * 4),
    {"type": "text_delta", "text": "new", "field": 1},
    {"type": "thinking_delta", "thinking": "t"},
    {"type": "thinking_delta", "thinking": "t", "estimated_tokens": 3},
    {"type": "signature_delta", "signature": "s"},
    {"type": "input_json_delta", "partial_json": ""},
    {"type": "input_json_delta", "partial_json": '{"a":1}'},
    {"type": "aside_delta", "x": 1},
]


def start(number: int) -> Wire:
    message: Wire = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
    }
    return {"type": "message_start", "message": message}


def any_event(draw: random.Random) -> Wire:
    """
    One that may fit what came before or not; mostly more text of the same block.
    """
    index = draw.choice([0, 0, 0, 0, 1, 2])
    match draw.choices(["delta", "start", "stop", "message", "change", "ping"], [80, 8, 6, 1, 1, 1])[0]:
        case "delta":
            return {"type": "content_block_delta", "index": index, "delta": draw.choice(DELTAS)}
        case "start":
            return {"type": "content_block_start", "index": index, "content_block": draw.choice(BLOCKS)}
        case "stop":
            return {"type": "content_block_stop", "index": index}
        case "message":
            return start(draw.randrange(9))
        case "change":
            return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}
        case _:
            return {"type": "ping"}


def told(messages: list[MessageBuilder]) -> list[Any]:
    return [(message.to_dict(), message.odd_calls, message.ended, message.started) for message in messages]


def one_by_one(events: list[Event]) -> list[MessageBuilder]:
    messages = [MessageBuilder()]
    for event in events:
        if messages[-1].started and event.type == "message_start":
            messages.append(MessageBuilder())
        messages[-1].add(event)
    return messages


@pytest.mark.parametrize("seed", range(examples(pr=60, full=2000)))
def test_however_it_comes_it_is_the_same_as_event_by_event(seed: int) -> None:
    draw = random.Random(seed)
    events = [from_dict(each) for each in [start(0), *(any_event(draw) for _ in range(draw.randrange(300)))]]
    arrival, left = Arrival(), list(events)
    while left:
        size = draw.choice([1, 1, 1, 5, 100])
        arrival.add(left[:size])
        del left[:size]
        if draw.random() < 0.02:
            assert told(arrival.messages) == told(one_by_one(events[: len(events) - len(left)]))
    assert told(arrival.messages) == told(one_by_one(events))


def test_the_events_that_were_given_do_not_change() -> None:
    events: list[Event] = [ContentBlockDelta(0, TextDelta(f"{number} ")) for number in range(100)]
    batch, arrival = list(events), Arrival()
    arrival.add(batch)
    assert batch == events
    assert arrival.messages[0].to_dict()["content"][0]["text"] == "".join(
        f"{number} " for number in range(100)
    )


@pytest.mark.parametrize("deltas", [50, 500, 5_000])
def test_text_that_nobody_has_asked_for_takes_little_more_than_its_characters(deltas: int) -> None:
    arrival = Arrival()
    arrival.add([from_dict(start(0))])
    tracemalloc.start()
    try:
        for number in range(deltas):
            # Each delta has a string of its own, as when it is decoded.
            arrival.add([ContentBlockDelta(0, TextDelta(f"{number:05}"))])
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 5 * deltas * 1.2 + 6_000
