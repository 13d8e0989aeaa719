"""
What a message says in JSON while it is being written.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import PING, Drop, FakeClaude, reply, text, thinking, tool_use
from tests.support.claude import ASK, events_of

ANSWER: dict[str, Any] = {
    "title": "Rivers",
    "items": [{"n": 1, "name": "Rhine"}, {"n": 2, "name": "Elbe \u2603"}],
}
SAID = json.dumps(ANSWER)


def shown(operator: sk.Operator[Any, Any], *blocks: Any, **settings: Any) -> list[Any]:
    given = operator.over(events_of(*blocks, **settings))
    return [item.copy() if isinstance(item, sk.Partial) else item for item in given]


AROUND = {
    "alone": SAID,
    "white space": f"\n  {SAID} \n",
    "pretty": json.dumps(ANSWER, indent=2),
    "fenced": f"```json\n{SAID}\n```",
    "prose and a fence": f"Here it is, as [you] {{asked}}:\n\n```json\n{SAID}\n```\n\nTell me if you need more.",
    "prose and a line of its own": f"Here it is:\n{SAID}\nThat is all.",
}


@pytest.mark.parametrize("said", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("chunk", [1, 4, 1000])
def test_what_stands_around_the_json_is_left_alone(said: str, chunk: int) -> None:
    block = text(said, chunk=chunk)
    *growing, last = shown(sk.json(), block)
    assert last == sk.Partial(ANSWER, True)
    assert not any(item.complete for item in growing)
    assert shown(sk.json("$.items[*]"), block) == ANSWER["items"]
    assert shown(sk.json("$.items[*].name"), block) == ["Rhine", "Elbe \u2603"]
    assert "".join(shown(sk.json("$.title"), block)) == "Rivers"


@pytest.mark.parametrize("value", [12, -0.5, True, None, "text", [], {}])
@pytest.mark.parametrize("chunk", [1, 100])
def test_any_value(value: Any, chunk: int) -> None:
    assert shown(sk.json(), text(json.dumps(value), chunk=chunk))[-1] == sk.Partial(value, True)


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    chunk=st.integers(1, 20),
    fenced=st.booleans(),
)
def test_any_document(value: Any, chunk: int, fenced: bool) -> None:
    said = json.dumps(value)
    block = text(f"So:\n```json\n{said}\n```" if fenced else said, chunk=chunk)
    assert shown(sk.json(), block)[-1] == sk.Partial(value, True)


def test_the_text_may_be_in_several_blocks_and_between_other_things() -> None:
    cited = text(SAID[:20], citations=[{"type": "char_location"}])
    came = shown(sk.json(), thinking("{}"), cited, PING, text(SAID[20:]), tool_use("go", {"a": 1}))
    assert came[-1] == sk.Partial(ANSWER, True)


def test_a_text_that_a_gateway_sends_whole() -> None:
    whole = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": SAID}}]
    assert list(sk.json("$.items[*].n").over([from_dict(item) for item in whole])) == [1, 2]


@pytest.mark.parametrize(
    ("said", "reason", "offset", "before"),
    [
        ('{"items": [1, 2, nope]}', "invalid", 17, [1, 2]),
        ('{"items": [1, 2', "truncated", 15, [1]),
        ('So:\n```json\n{"items": [1, nope]}\n```', "invalid", 26, [1]),
        ('So:\n{"items": [1, {"a"', "truncated", 22, [1]),
        ("There is none.", "missing", 14, []),
        ("```json", "missing", 7, []),
    ],
)
def test_what_is_no_json_is_reported_with_its_place_after_what_came_before(
    said: str, reason: str, offset: int, before: list[Any]
) -> None:
    for chunk in (1, 5, 1000):
        came: list[Any] = []
        with pytest.raises(sk.JSONError) as caught:
            came.extend(sk.json("$.items[*]").over(events_of(text(said, chunk=chunk))))
        assert came == before
        error = caught.value
        assert (error.reason, error.type, error.retriable) == (reason, "json", False)
        assert error.offset == offset
        assert "nope" not in str(error)


@pytest.mark.parametrize(
    ("stop_reason", "remedy"),
    [
        ("max_tokens", "a larger max_tokens"),
        ("length", "a larger max_tokens"),
        ("model_context_window_exceeded", "a shorter conversation"),
    ],
)
@pytest.mark.parametrize("said", ['{"items": [1, 2', "Here you are:\n\n", ""])
def test_json_that_the_api_has_cut_is_reported_with_the_cause_and_the_remedy(
    said: str, stop_reason: str, remedy: str
) -> None:
    cause = (
        rf"because the answer was cut \(stop_reason '{stop_reason}'\): send the request with {remedy}, or ask"
    )
    with pytest.raises(sk.JSONError, match=cause):
        shown(sk.json(), text(said), stop_reason=stop_reason)


def test_what_is_not_json_is_not_explained_by_the_cut_that_follows_it() -> None:
    with pytest.raises(sk.JSONError) as caught:
        shown(sk.json(), text('{"items": nope}'), stop_reason="max_tokens")
    assert "cut" not in str(caught.value)


@pytest.mark.parametrize("stop_reason", ["tool_use", "pause_turn", "refusal"])
def test_a_message_that_has_an_excuse_may_be_without(stop_reason: str) -> None:
    assert shown(sk.json(), text("I cannot say."), stop_reason=stop_reason) == []
    assert shown(sk.json(), text("Let me look."), tool_use("look")) == []


def test_a_message_that_says_nothing_is_without_json_too() -> None:
    for blocks in ([text(" \n")], [text("")], [thinking("Hm")], []):
        with pytest.raises(sk.JSONError, match="there is no JSON in the text"):
            shown(sk.json(), *blocks)
    assert list(sk.json().over([])) == []


def test_each_message_has_its_own() -> None:
    first, second = events_of(text('{"n": 1}')), events_of(text("[2]"))
    whole = [item.value for item in sk.json().over([*first, *second]) if item.complete]
    assert whole == [{"n": 1}, [2]]
    again = sk.Restarted(2, ConnectionError())
    came = [item.copy() for item in sk.json().over([*events_of(text('{"n'), end="content"), again, *second])]
    assert came == [sk.Partial({}, False), sk.Partial([2], True)]


async def test_an_upstream_error_wins() -> None:
    async with FakeClaude(reply(text('{"items": [1, 2', Drop()))) as server:
        came: list[Any] = []
        chat = sk.messages(server.client(), **ASK) | sk.json("$.items[*]")
        with pytest.raises(sk.StreamTruncated) as caught:
            async with chat.open() as run:
                async for item in run:
                    came.append(item)
        assert (came, caught.value.type) == ([1], "transport")


class River(msgspec.Struct):
    n: int
    name: str


def test_a_model() -> None:
    assert shown(sk.json("$.items[*]", model=River), text(SAID, chunk=3)) == [
        River(1, "Rhine"),
        River(2, "Elbe \u2603"),
    ]
    assert shown(sk.json(model=dict[str, object]), text(SAID, chunk=3)) == [ANSWER]


# -- text blocks ---------------------------------------------------------------------------------------------


SEARCH: Any = tool_use("web_search", {"query": "rivers"}, type="server_tool_use")


@pytest.mark.parametrize("chunk", [1, 4, 1000])
@pytest.mark.parametrize("said", ["I'll look that up.", "I'll use `[this", "42", "true", "```", "  \n"])
def test_each_text_block_begins_a_line(said: str, chunk: int) -> None:
    blocks = (text(said, chunk=chunk), SEARCH, text(SAID, chunk=chunk))
    assert shown(sk.json("$.items[*]"), *blocks) == ANSWER["items"]
    assert shown(sk.json(), *blocks)[-1] == sk.Partial(ANSWER, True)


def test_a_block_whose_start_was_left_out_begins_a_line_too() -> None:
    blocks = (text("I look."), text(SAID))
    events = [each for each in events_of(*blocks) if each.type != "content_block_start"]
    assert list(sk.json("$.items[*]").over(events)) == ANSWER["items"]
    whole = [{"type": "text", "text": "I look."}, {"type": "text", "text": SAID}]
    start = reply(text("")).events[0]
    start = {**start, "message": {**start["message"], "content": whole}}
    assert list(sk.json("$.items[*]").over([from_dict(start)])) == ANSWER["items"]


def test_json_that_has_begun_goes_on_in_the_next_block() -> None:
    assert shown(sk.json(), text(SAID[:9]), text(SAID[9:]))[-1] == sk.Partial(ANSWER, True)


def test_the_place_of_an_error_counts_the_text_alone() -> None:
    with pytest.raises(sk.JSONError) as raised:
        shown(sk.json(), text("I look."), text('{"a" 1}'))
    assert raised.value.offset == len("I look.") + 5
    with pytest.raises(sk.JSONError) as raised:
        shown(sk.json(), text("42"), text("43"))
    assert (raised.value.reason, raised.value.offset) == ("missing", 4)


async def test_a_later_block_over_a_real_connection() -> None:
    async with FakeClaude(reply(text("I'll look that up."), SEARCH, text(SAID, chunk=5))) as server:
        chat = sk.messages(server.client(), **ASK)
        assert await (chat | sk.json("$.items[*].name")).collect() == ["Rhine", "Elbe \u2603"]
