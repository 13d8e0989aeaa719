"""
A conversation over AG-UI: what Claude has said comes back to it as it was, by way of a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from anthropic.types.beta import BetaMessageParam
from pydantic import TypeAdapter

import streamkit as sk
from streamkit._claude.protocol.history import history
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.testing import FakeClaude, reply, text, thinking, tool_use
from streamkit.ui import ag_ui
from tests.conftest import recorded
from tests.support.claude import ASK
from tests.ui.ag_ui_client import BROKEN_INPUT, EARLIER_CALL, Client, judge

if TYPE_CHECKING:
    from streamkit.testing import Reply

Wire = dict[str, Any]

_SDK: Final[TypeAdapter[Any]] = TypeAdapter(list[BetaMessageParam])

PDF: Final = {
    "type": "document",
    "source": {"type": "data", "value": "JVBERi0=", "mimeType": "application/pdf"},
}
FOUND: Final[Wire] = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [
        {
            "type": "web_search_result",
            "url": "https://sea.example",
            "title": "Sea",
            "encrypted_content": "eA==",
        }
    ],
}
CITED: Final = {
    "type": "web_search_result_location",
    "url": "https://sea.example",
    "title": "Sea",
    "cited_text": "high",
    "encrypted_index": "aQ==",
}

BROKEN: Final = ("incomplete_partial_json", "spliced-message-start")
"""What is in the names of the recordings that cut the input of a tool."""

# A signature is whatever the API says: it must survive byte for byte.
SIGNATURES: Final = ["c2lnbmF0dXJl/+==", 'Er\u2028\u00e4 \\n"', "E" * 5000]

ANSWERS: Final = [
    reply(
        thinking("Two places.", signature=SIGNATURES[0]),
        text("Let me look at both."),
        tool_use("tides", {"place": "Lindholm", "at": [1, None]}, id="toolu_1", chunk=4),
        tool_use("tides", {"place": "Väderö", "at": []}, id="toolu_2", chunk=4),
    ),
    reply(
        thinking("Now the news.", signature=SIGNATURES[1]),
        tool_use("web_search", {"query": "tides"}, id="srvtoolu_1", type="server_tool_use"),
        FOUND,
        thinking("It is high.", signature=SIGNATURES[2]),
        text("It is "),
        text("high", citations=[CITED]),
        text("."),
    ),
    reply({"type": "redacted_thinking", "data": "ZGF0YQ=="}, text("The file says the same.")),
    reply(text("You are welcome.")),
]


async def turn(client: Client, server: FakeClaude, number: int, *besides: str) -> None:
    """
    One request of the client's and its answer.
    """
    request = client.request(f"run-{number}")
    asked: Wire = {**ASK, **ag_ui.params(request)}
    events = ag_ui.events("thread", f"run-{number}", messages=request["messages"])
    run = await (sk.messages(server.client(), **asked) | events).collect()
    judge(run, *besides)
    client.take(run)


def content_of(answer: Reply) -> list[Wire]:
    """
    The blocks of an answer, as the API takes them back.
    """
    message = MessageBuilder()
    for event in EventDecoder().feed(answer.body):
        message.add(event)
    said = history([{"role": "user", "content": "Hi"}], [message])[-1]["content"]
    return [{"type": "text", "text": said}] if isinstance(said, str) else said


async def test_four_turns_arrive_as_they_were() -> None:
    client = Client()
    async with FakeClaude(*ANSWERS) as server:
        client.say("How high is the tide at the two places?")
        await turn(client, server, 1)
        assert client.finished is not None
        assert client.finished["outcome"]["pendingToolCallIds"] == ["toolu_1", "toolu_2"]
        client.answer("toolu_2", "low")
        client.answer("toolu_1", "high")
        await turn(client, server, 2)
        client.say([{"type": "text", "text": "And what does this say?"}, PDF])
        await turn(client, server, 3)
        client.say("Thank you.")
        await turn(client, server, 4)
        sent = server.requests[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant"] * 3 + ["user"]
    assert [sent[n]["content"] for n in (1, 3, 5)] == [content_of(answer) for answer in ANSWERS[:3]]
    assert [
        block["signature"] for message in sent for block in message["content"] if "signature" in block
    ] == (SIGNATURES)
    assert sent[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": "low"},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "high"},
    ]
    assert [block["type"] for block in sent[4]["content"]] == ["text", "document"]
    _SDK.validate_python(sent)


async def test_the_applications_own_loop_comes_back_as_the_turns_that_it_was() -> None:
    first = reply(thinking("Hm.", signature="YQ=="), tool_use("tides", {"n": 1}, id="toolu_1"))
    second = reply(thinking("And?", signature="Yg=="), tool_use("tides", {"n": 2}, id="toolu_2"))
    stream: list[Any] = []
    for answer in (first, second):
        events = list(EventDecoder().feed(answer.body))
        # A result may come before its message has ended, where the tool was called as soon as its block was there.
        [call] = sk.tool_calls().over(events)
        stream += [*events[:-2], call.result(f"result {call.id}"), *events[-2:]]
    stream += EventDecoder().feed(reply(text("So.")).body)
    client = Client()
    client.say("Hi")
    run = list(ag_ui.events("thread", "run").over(stream))
    judge(run)
    client.take(run)
    client.say("And?")
    made = ag_ui.params(client.request())["messages"]
    assert [message["role"] for message in made] == ["user", "assistant"] * 3 + ["user"]
    assert made[1]["content"] == content_of(first)
    assert made[3]["content"] == content_of(second)
    assert made[2]["content"][0]["content"] == "result toolu_1"


async def test_an_answer_stays_one_though_a_tool_was_quick() -> None:
    answer = reply(
        thinking("Hm.", signature="YQ=="),
        tool_use("tides", {"n": 1}, id="toolu_1"),
        tool_use("tides", {"n": 2}, id="toolu_2"),
        text("Wait."),
    )
    events = list(EventDecoder().feed(answer.body))
    first, second = sk.tool_calls().over(events)
    ends = [n for n, event in enumerate(events) if event.type == "content_block_stop"]
    quick = [*events[: ends[1] + 1], first.result("quick"), *events[ends[1] + 1 :], second.result("slow")]
    client = Client()
    client.say("Hi")
    client.take(list(ag_ui.events("thread", "run").over(quick)))
    client.say("And?")
    made = ag_ui.params(client.request())["messages"]
    assert [message["role"] for message in made] == ["user", "assistant", "user"]
    assert made[1]["content"] == content_of(answer)
    assert [block.get("content") for block in made[2]["content"]] == ["quick", "slow", None]


async def test_calls_of_a_program_come_back_with_its_result_in_the_answer_in_which_it_came() -> None:
    program: Any = {"id": "srvtoolu_1", "type": "server_tool_use"}
    caller = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
    ran: Wire = {
        "type": "code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {
            "type": "code_execution_result",
            "stdout": "3",
            "stderr": "",
            "return_code": 0,
            "content": [],
        },
    }
    answers = [
        reply(
            tool_use("code_execution", {"code": "roll()"}, **program),
            tool_use("roll", id="toolu_1", caller=caller),
        ),
        reply(tool_use("roll", id="toolu_2", caller=caller)),
        reply(ran, text("Three.")),
    ]
    client = Client()
    async with FakeClaude(*answers) as server:
        client.say("Roll the dice.")
        await turn(client, server, 1)
        client.answer("toolu_1", "1")
        await turn(client, server, 2)
        client.answer("toolu_2", "2")
        await turn(client, server, 3, EARLIER_CALL)
    client.say("Thanks.")
    made = ag_ui.params(client.request())["messages"]
    said = [[block["type"] for block in message["content"]] for message in made]
    assert said == [
        ["text"],
        ["server_tool_use", "tool_use"],
        ["tool_result"],
        ["tool_use"],
        ["tool_result"],
        ["code_execution_tool_result", "text"],
        ["text"],
    ]
    assert made[1]["content"][1]["caller"] == caller
    _SDK.validate_python(made)


def test_every_recorded_answer_comes_back_as_the_outcome_has_it() -> None:
    paths = recorded()
    if not paths:
        pytest.skip("no recorded streams")
    for path in paths:
        events = list(EventDecoder().feed(path.read_bytes()))
        client = Client()
        client.say("Hi")
        run = list(ag_ui.events("thread", "run").over(events))
        judge(run, *[BROKEN_INPUT] * any(name in path.name for name in BROKEN))
        client.take(run)
        assert client.finished is not None
        for call_id in client.finished["outcome"].get("pendingToolCallIds", ()):
            client.answer(call_id, "done")
        made = ag_ui.params(client.request())["messages"]
        _SDK.validate_python(made)
        said = [block for message in made if message["role"] == "assistant" for block in message["content"]]
        assert [_told(block) for block in said] == [_told(block) for block in _expected(events)], path.name


def _expected(events: list[Any]) -> list[Wire]:
    messages = [MessageBuilder()]
    remaining = iter(events)
    while (begins := messages[-1].take(remaining)) is not None:
        messages.append(MessageBuilder())
        messages[-1].add(begins)
    *_, last = history([{"role": "user", "content": "Hi"}], messages)
    content: Any = last["content"] if last["role"] == "assistant" else []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _told(block: Wire) -> Wire:
    return {name: value for name, value in block.items() if value is not None}
