"""
Whatever comes on the wire, `ui.ag_ui.events` says nothing that the protocol forbids.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, Final, cast

from hypothesis import given, settings, strategies as st

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import reply, text, thinking, tool_use
from streamkit.ui import ag_ui
from tests.support.claude import RESTARTED
from tests.support.profiles import examples
from tests.ui.ag_ui_client import BROKEN_INPUT, Client, judge

Wire = dict[str, Any]

FOUND: Final[Wire] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
SEARCH: Final = tool_use("web_search", {"q": 1}, id="srvtoolu_1", type="server_tool_use")
CITED: Final = {"type": "char_location", "cited_text": "tide", "document_index": 0}
QUESTION: Final = {"id": "question", "role": "user", "content": "Hi"}

REPLIES: Final = [
    reply(text("Hello", " wörld 🌊"), id="msg_1"),
    reply(thinking("Hm. Hm.", chunk=3), text("So it is.", chunk=4), tool_use("go", {"to": [1]}, chunk=3, id="toolu_1")),
    reply(text("Cited", citations=[CITED]), SEARCH, FOUND, text("so"), id="msg_1"),
    reply({"type": "redacted_thinking", "data": "x"}, {"type": "compaction", "content": "all"}, text("a\ud83c", "\udf0a")),
    reply(tool_use("go", {"n": 1}, id="toolu_1"), tool_use("go", {"n": 1}, id="toolu_1"), tool_use("go", id="toolu_1")),
    reply(tool_use("go", '{"n": ', id="toolu_1", closed=False), stop_reason="max_tokens"),
    reply(),
]  # fmt: skip

# What gateways leave out of an event, or write into it.
ODD: Final[list[Wire]] = [
    {"index": 0},
    {"index": 1},
    {"index": 7},
    {"index": None},
    {"delta": {"type": "text_delta", "text": "odd"}},
    {"delta": {"type": "input_json_delta", "partial_json": '{"odd'}},
    {"delta": {"type": "thinking_delta", "thinking": "odd", "signature": "odd"}},
    {"delta": {"type": "text_delta", "text": None}},
    {"delta": {"text": "odd"}},
    {"delta": None},
    {"content_block": {"type": "text"}},
    {"content_block": {"type": "tool_use", "id": "", "name": "go"}},
    {"content_block": {"type": "tool_use", "name": "go", "input": {"n": 2}}},
    {"content_block": {"type": "mcp_tool_result", "tool_use_id": "nobody", "content": "odd"}},
    {"content_block": {}},
    {"content_block": None},
    {"message": {"id": "msg_1", "content": [{"type": "text", "text": "whole"}]}},
    {"message": None},
    {"delta": {"stop_reason": "end_turn"}, "usage": None},
]

RESULT: Final[Wire] = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}


@st.composite
def streams(draw: st.DrawFn) -> list[Any]:
    """
    The events of a few answers, some of them left out, doubled, exchanged or spoilt, and restarts between them.
    """
    events: list[Any] = []
    for answer in draw(st.lists(st.sampled_from(REPLIES), min_size=1, max_size=3)):
        events += deepcopy(answer.events)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(events) - 1)) if events else 0
        what = draw(st.sampled_from(["drop", "double", "swap", "spoil", "cut", "restart", "result"]))
        match what:
            case "drop" if events:
                del events[at]
            case "double" if events:
                events.insert(draw(st.integers(0, len(events))), deepcopy(events[at]))
            case "swap" if events:
                other = draw(st.integers(0, len(events) - 1))
                events[at], events[other] = events[other], events[at]
            case "spoil" if events and isinstance(events[at], dict) and events[at] != RESULT:
                events[at] = {**events[at], **deepcopy(draw(st.sampled_from(ODD)))}
            case "cut":
                del events[at:]
            case "restart":
                events.insert(at, RESTARTED)
            case "result":
                events.insert(at, RESULT)
            case _:
                pass
    return events


def run_of(events: list[Any]) -> list[Wire]:
    """
    The run for these events; where it cannot go on, it has failed.
    """
    run: list[Wire] = []
    try:
        run.extend(ag_ui.events("thread", "run", messages=[QUESTION]).over(map(made, events)))
    except sk.StreamError as error:
        run.append({"type": "RUN_ERROR", "message": "no", "code": error.type})
    except ValueError as error:
        if "has not made" not in str(error):  # the application's result for what was never called
            raise
        run.append({"type": "RUN_ERROR", "message": "no"})
    return run


def made(event: Any) -> Any:
    """
    An event as operators get it.
    """
    return event if event == RESULT or not isinstance(event, dict) else from_dict(cast("Wire", event))


def whole(text: str) -> str:
    """
    A text without halves of characters, and without what stands in their place.
    """
    return re.sub("[\ud800-\udfff\N{REPLACEMENT CHARACTER}🌊]", "", text)


@settings(max_examples=examples(pr=300, full=3000))
@given(events=streams())
def test_nothing_that_is_forbidden_is_said(events: list[Any]) -> None:
    run = run_of(events)
    if (
        run[0]["type"] != "RUN_ERROR"
    ):  # with which a run may begin since version 1, and the judge knows version 0
        judge(run, BROKEN_INPUT)
    client = Client([QUESTION])
    client.take(run)
    assert client.messages[0] == QUESTION


@settings(max_examples=examples(pr=200, full=2000))
@given(events=streams())
def test_whatever_a_client_was_told_comes_back_as_a_request_that_can_be_sent(events: list[Any]) -> None:
    client = Client([QUESTION])
    client.take(run_of(events))
    client.say("And?")
    messages = ag_ui.params(client.request())["messages"]
    assert messages[-1]["content"][-1] == {"type": "text", "text": "And?"}
    open_calls: set[str] = set()
    for message in messages:
        results = {block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"}
        assert results == (open_calls if message["role"] == "user" else set())
        open_calls = {block["id"] for block in message["content"] if block["type"] == "tool_use"}


@settings(max_examples=examples(pr=100, full=1000))
@given(events=streams())
def test_all_the_text_is_told(events: list[Any]) -> None:
    given = [made(event) for event in events if event not in (RESULT, RESTARTED)]
    try:
        said = "".join(sk.text().over(given))
        run = list(ag_ui.events("thread", "run", messages=[]).over(given))
    except sk.StreamError:
        return
    told = "".join(event["delta"] for event in run if event["type"] == "TEXT_MESSAGE_CONTENT")
    assert whole(told) == whole(said)
