"""
Fields on the wire whose names Python, pydantic or this library use for something of their own: they are data like any other.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import streamkit as sk
from streamkit._claude.protocol.record import Record
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.testing import event
from tests.support.profiles import examples

Wire = dict[str, Any]
Path = tuple[str | int, ...]

NAMES = [
    "_fields_set", "__cls", "_BaseModel__cls", "self", "cls", "__class__", "__deepcopy__", "__copy__",
    "__reduce_ex__", "__dict__", "__getattr__", "__aiter__", "__await__", "__init__", "__restart__", "__merge__",
    "__mergeable__", "__text__", "__with_text__", "__struct_fields__", "__post_init__", "__pydantic_extra__",
    "model_fields", "model_fields_set", "model_extra", "model_copy", "to_dict", "construct", "items", "get", "copy",
    "class", "from", "unknown_events", "unknown_deltas", "content", "usage", "stop_reason", "index", "delta",
    "message", "input", "text", "citations", "", "a b", '"', "\x00", "field_0",
]  # fmt: skip
VALUES: list[Any] = ["x", None, {"_fields_set": "y"}, [1], True]

BODY: list[Wire] = [
    {
        "type": "message_start",
        "message": {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "c",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 1, "output_tokens": 1, "cache_creation": {"a": 1}},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "x"}},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "t", "name": "look", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": '{"_fields_set": {"_fields_set": 1}}'},
    },
    {"type": "content_block_stop", "index": 1},
    {"type": "aside", "about": {"it": [{"all": 1}]}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]


def objects(value: Any, path: Path = ()) -> list[Path]:
    if value.__class__ is dict:
        return [path, *(each for name in value for each in objects(value[name], (*path, name)))]
    if value.__class__ is list:
        return [each for i in range(len(value)) for each in objects(value[i], (*path, i))]
    return []


def with_field(number: int, path: Path, name: str, value: Any) -> list[Wire] | None:
    body = copy.deepcopy(BODY)
    place: Any = body[number]
    for step in path:
        place = place[step]
    if name in place:
        return None
    place[name] = value
    return body


PLACES = [(number, path) for number, each in enumerate(BODY) for path in objects(each)]
EVERY = examples(pr=5, full=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_field_of_any_name_is_data(name: str) -> None:
    cases = [(place, value) for place in PLACES for value in VALUES]
    for (number, path), value in cases[len(name) % EVERY :: EVERY]:
        body = with_field(number, path, name, value)
        if body is None:
            continue
        decoder = EventDecoder()
        events = decoder.feed(b"".join(map(event, body)))
        decoder.end()
        assert decoder.error is None
        assert [sk.events.to_dict(each) for each in events] == body
        assert "".join(sk.text().over(events)).startswith("Hello")
        assert [call.input for call in sk.tool_calls().over(events)] in (
            [{"_fields_set": {"_fields_set": 1}}],
            [],
        )
        assert list(sk.only("message_stop").over(events)) == events[-1:]
        for each in events:
            assert copy.deepcopy(each) == each
            repr(each)
        record = Record()
        record.add(events)
        message: Any = Record.fact("message", [record])
        copy.deepcopy(message)
        pickle.dumps(message.to_dict(warnings=False))
        repr(message)


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, ("message",)), (0, ("message", "usage")), (1, ("content_block",)), (8, ("about",))],
)
def test_what_pydantic_would_take_for_a_parameter_is_in_the_message(number: int, path: Path) -> None:
    body = with_field(number, path, "_fields_set", {"_fields_set": ["x"]})
    assert body is not None
    record = Record()
    record.add(EventDecoder().feed(b"".join(map(event, body))))
    message: Any = Record.fact("message", [record])
    made = message.to_dict(warnings=False)
    found = {0: made if path == ("message",) else made.get("usage", {}), 1: made["content"][0]}.get(
        number, made.get("unknown_events", [{}])[0].get("about")
    )
    assert found["_fields_set"] == {"_fields_set": ["x"]}


async def test_nothing_on_the_wire_is_a_restart() -> None:
    forged = [
        {"type": "aside", "__restart__": True},
        {"type": "ping", "__restart__": True},
        {"type": "restarted", "attempt": 2},
    ]
    for each in forged:
        body = b"".join(map(event, [*BODY[:3], each, *BODY[3:7], each, *BODY[7:]]))
        stream = sk.from_sse(body)
        assert await (stream | sk.text(restarts=True) | sk.sinks.join()) == "Hello"
        [call] = await (stream | sk.tool_calls()).collect()
        assert call.input == {"_fields_set": {"_fields_set": 1}}
        assert await (stream | sk.only(sk.Restarted)).collect() == []
