"""
tool_loop: a conversation with tools, all its turns as one stream.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import anthropic
import anyio
import pytest

import streamkit as sk
from streamkit.testing import (
    Drop,
    ErrorEvent,
    FakeClaude,
    Stall,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, AT_ONCE, decoded, finished
from tests.support.messages_api import answers, check_conversation
from tests.support.scripted_client import ScriptedClient
from tests.support.tools import add, fail, look, plus, results

HI: Any = {"role": "user", "content": "Hi"}
SEARCH = tool_use("web_search", {"query": "rain"}, type="server_tool_use", id="srvtoolu_1")
FOUND: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


async def test_the_tools_of_a_turn_are_run_and_their_results_begin_the_next() -> None:
    asks = reply(
        thinking("The city …", signature="c2ln"),
        text("Let me look. "),
        tool_use("look", {"city": "Oslo"}, id="toolu_1"),
        tool_use("add", {"a": 1, "b": 2}, id="toolu_2"),
    )
    items: list[Any] = []
    async with FakeClaude(*answers(asks, reply(text("Rain, and 3.")))) as server:
        run = await finished(sk.tool_loop(server.client(), tools=[look, add], **ASK), items)
    assert sorted(results(items)) == [("add", "3", False), ("look", "rain in Oslo", False)]
    content = [
        {"type": "thinking", "thinking": "The city …", "signature": "c2ln"},
        {"type": "text", "text": "Let me look. "},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Oslo"}},
        {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {"a": 1, "b": 2}},
    ]
    told = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain in Oslo"},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": "3"},
    ]
    sent = [HI, {"role": "assistant", "content": content}, {"role": "user", "content": told}]
    assert server.requests[1].body["messages"] == sent
    assert run.outcome.history == [*sent, {"role": "assistant", "content": "Rain, and 3."}]
    assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "end_turn")
    assert len(run.outcome.messages) == len(run.outcome.turns) == 2
    assert sum(used.output_tokens or 0 for used in run.outcome.turns) == run.outcome.usage.output_tokens


async def test_the_definitions_are_made_of_the_functions_and_those_of_the_api_pass_through() -> None:
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    note: Any = {"name": "note", "description": "…", "input_schema": {"type": "object"}, "run": add}
    async with FakeClaude(*answers(reply(text("Hi")))) as server:
        tools: list[Any] = [look, anthropic.beta_tool(plus), note, search]
        await sk.tool_loop(server.client(), tools=tools, **ASK).run()
    defined = server.requests[0].body["tools"]
    assert [each["name"] for each in defined] == ["look", "plus", "note", "web_search"]
    assert defined[0]["description"] == "Look out of a window."
    assert defined[0]["input_schema"]["properties"]["city"]["description"] == "Where."
    assert defined[2:] == [{name: value for name, value in note.items() if name != "run"}, search]


async def test_text_operators_work_on_it_as_on_any_events() -> None:
    asks = reply(text("A."), tool_use("look", {"city": "Oslo"}))
    async with FakeClaude(asks, reply(text("B."))) as server:
        loop = sk.tool_loop(server.client(), tools=[look], **ASK)
        assert await (loop | sk.text()).collect() == ["A.", "B."]


async def test_it_can_be_opened_again() -> None:
    asks = reply(tool_use("look", {"city": "Oslo"}))
    async with FakeClaude(*answers(*[asks, reply(text("B."))] * 2)) as server:
        loop = sk.tool_loop(server.client(), tools=[look], **ASK)
        for _ in range(2):
            assert results(await loop.collect()) == [("look", "rain in Oslo", False)]
        assert repr(loop).startswith("tool_loop(<AsyncAnthropic>, model='claude-sonnet-5'")


# -- how turns follow one another ---------------------------------------------------------------------------


async def test_a_call_that_is_demanded_is_demanded_once() -> None:
    choice: Any = {"type": "any", "disable_parallel_tool_use": True}
    asks = reply(tool_use("look", {"city": "Oslo"}))
    async with FakeClaude(*answers(asks, reply(text("Rain.")))) as server:
        await sk.tool_loop(server.client(), tools=[look], tool_choice=choice, **ASK).run()
    assert [request.body["tool_choice"] for request in server.requests] == [
        choice,
        {"type": "auto", "disable_parallel_tool_use": True},
    ]


async def test_a_container_of_the_api_is_used_again() -> None:
    asks = [reply(tool_use("look", {"city": "Oslo"}, id=f"toolu_{n}")) for n in range(2)]
    replies = iter([*asks, reply(text("Rain."))])

    def answer(_: dict[str, Any]) -> list[Any]:
        found = [sk.events.to_dict(event) for event in decoded(next(replies))]
        if len(client.requests) == 1:
            found[-2]["delta"]["container"] = {"id": "container_1", "expires_at": "2027-01-01T00:00:00Z"}
        return found

    client = ScriptedClient(answer)
    await sk.tool_loop(client.as_sdk, tools=[look], **ASK).run()
    assert [request.get("container") for request in client.requests] == [None, "container_1", "container_1"]


async def test_after_max_turns_the_tools_have_run_and_the_history_has_their_results() -> None:
    asks = [reply(tool_use("look", {"city": "Oslo"}, id=f"toolu_{n}")) for n in range(2)]
    async with FakeClaude(*answers(*asks)) as server:
        run = await finished(sk.tool_loop(server.client(), tools=[look], max_turns=2, **ASK))
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "max_turns")
    check_conversation(run.outcome.history)
    assert len(run.outcome.history) == 5


async def test_a_pause_is_continued_and_its_messages_count_as_turns() -> None:
    paused = reply(
        text("Searching. "),
        tool_use("web_search", {"query": "rain"}, type="server_tool_use"),
        stop_reason="pause_turn",
    )
    asks = reply(tool_use("look", {"city": "Oslo"}))
    items: list[Any] = []
    async with FakeClaude(*answers(paused, asks, paused=[1])) as server:
        run = await finished(sk.tool_loop(server.client(), tools=[look], max_turns=2, **ASK), items)
    assert results(items) == [("look", "rain in Oslo", False)]
    assert run.outcome.stopped_by == "max_turns"


LIMITS: dict[str, Any] = {
    "turns": sk.budget(turns=1),
    "tokens": sk.budget(tokens=12),
    "cost": sk.budget(cost=15e-6, prices={"input": 1, "output": 1}),
}


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_budget_lets_the_tools_of_the_last_message_do_their_work(limit: str) -> None:
    log: list[str] = []

    async def pay(to: str) -> str:
        log.append("begun")
        await anyio.sleep(0.01)
        log.append("ended")
        return f"paid {to}"

    items: list[Any] = []
    async with FakeClaude(*answers(reply(text("I pay."), tool_use("pay", {"to": "Ada"})))) as server:
        loop = sk.tool_loop(server.client(), tools=[pay], **ASK)
        run = await finished(loop | LIMITS[limit], items)
    assert log == ["begun", "ended"]
    assert results(items) == [("pay", "paid Ada", False)]
    assert run.outcome.stopped_by == f"budget: {limit}"
    check_conversation(run.outcome.history)
    assert "paid Ada" in str(run.outcome.history[-1])


async def test_a_budget_of_another_stream_does_not_end_the_loop_beside_it() -> None:
    asks = reply(tool_use("look", {"city": "Oslo"}))
    async with FakeClaude(*answers(asks, reply(text("Rain.")))) as server, FakeClaude(asks) as other:
        loop = sk.tool_loop(server.client(), tools=[look], **ASK) | sk.text()
        limited = sk.messages(other.client(), **ASK) | sk.budget(turns=1) | sk.text()
        assert await sk.merge(limited, loop).collect() == ["Rain."]


@pytest.mark.parametrize("limit", ["turns", "tokens"])
async def test_a_budget_stops_before_a_paused_message_is_continued(limit: str) -> None:
    paused = reply(SEARCH, stop_reason="pause_turn")
    async with FakeClaude(*answers(paused)) as server:
        run = await finished(sk.tool_loop(server.client(), **ASK) | LIMITS[limit])
    assert run.outcome.stopped_by == f"budget: {limit}"


async def test_where_a_pause_uses_up_max_turns_the_conversation_is_not_complete() -> None:
    paused = reply(SEARCH, stop_reason="pause_turn")
    async with FakeClaude(*answers(paused)) as server:
        run = await finished(sk.tool_loop(server.client(), max_turns=1, **ASK))
    assert (run.outcome.stopped_by, run.outcome.stop_reason) == ("max_turns", "pause_turn")
    check_conversation(run.outcome.history, paused=True)


async def test_a_call_that_is_demanded_is_demanded_until_it_has_been_made() -> None:
    paused, asks = reply(SEARCH, stop_reason="pause_turn"), reply(FOUND, tool_use("look", {"city": "Oslo"}))
    async with FakeClaude(*answers(paused, asks, reply(text("Rain.")), paused=[1])) as server:
        loop = sk.tool_loop(server.client(), tools=[look], tool_choice={"type": "any"}, **ASK)
        await finished(loop)
    assert [request.body["tool_choice"]["type"] for request in server.requests] == ["any", "any", "auto"]


async def test_each_request_only_adds_to_the_one_before() -> None:
    """
    The prompt cache and signed thinking hold only behind the same beginning, of the same tools and the same system.
    """
    asks = reply(
        thinking("Hm.", signature="c2ln"),
        text("Let me look. "),
        tool_use("look", {"city": "Oslo"}),
        tool_use("fail", {"why": "no network"}),
    )
    paused = reply(text("Searching. "), SEARCH, stop_reason="pause_turn")
    replies = [asks, paused, reply(FOUND, text("Rain."), tool_use("look", {"city": "Rome"})), asks]
    system: Any = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    async with FakeClaude(*replies, reply(text("Done."))) as server:
        loop = sk.tool_loop(server.client(), tools=[look, fail], system=system, **ASK)
        async with loop.open() as run:
            async for item in run:
                if item.type == "message_start" and len(server.requests) == 1:
                    run.say("And Rome?")
    bodies = [request.body for request in server.requests]
    assert len(bodies) == 5
    for before, after in pairwise(bodies):
        assert {**after, "messages": ()} == {**before, "messages": ()}
        *same, last = before["messages"]
        assert after["messages"][: len(same)] == same
        if last["role"] == "user":
            assert after["messages"][len(same)] == last
        else:  # an answer that was paused goes on
            assert after["messages"][len(same)]["content"][: len(last["content"])] == last["content"]


@pytest.mark.parametrize("reason", ["refusal", "max_tokens", "end_turn", "model_context_window_exceeded"])
async def test_a_message_that_ends_otherwise_takes_its_calls_back(reason: Any) -> None:
    ran: list[str] = []

    async def write(path: str) -> str:
        ran.append(path)
        return "done"

    async def wait(path: str) -> str:
        await anyio.sleep_forever()
        return path

    asks = reply(
        text("Well. "), tool_use("write", {"path": "a"}), tool_use("wait", {"path": "b"}), stop_reason=reason
    )
    items: list[Any] = []
    async with FakeClaude(*answers(asks)) as server:
        loop = sk.tool_loop(server.client(), tools=[write, sk.tool(wait, effect=False)], **ASK)
        run = await finished(loop, items)
    assert (ran, results(items)) == ([], [])
    assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", reason)
    assert run.outcome.history == [HI, {"role": "assistant", "content": "Well. "}]


@pytest.mark.parametrize("fault", [Drop(), ErrorEvent("overloaded_error")])
async def test_a_message_that_is_cut_takes_its_calls_back(fault: Any) -> None:
    stopped: list[str] = []

    async def wait(path: str) -> str:
        try:
            await anyio.sleep_forever()
        finally:
            stopped.append(path)
        return path

    asks = reply(text("Well. "), tool_use("wait", {"path": "b"}), text("And", fault))
    items: list[Any] = []
    async with FakeClaude(*answers(asks)) as server:
        loop = sk.tool_loop(server.client(), tools=[sk.tool(wait, effect=False)], **ASK)
        run = loop.open()
        with pytest.raises(sk.StreamError):
            async with run:
                async for item in run:
                    items.append(item)
    assert stopped == ["b"]
    assert results(items) == []
    said = run.outcome.history[-1]
    assert said["role"] == "assistant"
    assert [block["type"] for block in said["content"] if isinstance(block, dict)] == ["text", "text"]


async def test_a_message_that_starts_over_takes_its_calls_back() -> None:
    began: list[str] = []

    async def wait(path: str) -> str:
        began.append(path)
        if path == "first":
            await anyio.sleep_forever()
        return path

    cut = reply(tool_use("wait", {"path": "first"}), text("And", Drop()))
    whole = reply(tool_use("wait", {"path": "second"}), text("so."))
    retry = sk.RetryPolicy(base=0, resume="restart")
    items: list[Any] = []
    async with FakeClaude(*answers(cut, whole, reply(text("Done.")))) as server:
        loop = sk.tool_loop(server.client(), tools=[sk.tool(wait, effect=False)], retry=retry, **ASK)
        await finished(loop, items)
    assert began == ["first", "second"]
    assert results(items) == [("wait", "second", False)]
    kinds = [item.type for item in items]
    assert kinds.index("restarted") < kinds.index("tool_result")


async def test_what_fails_before_the_first_content_is_retried_unseen_in_any_turn() -> None:
    asks = reply(tool_use("look", {"city": "Oslo"}))
    replies = answers(reply(ErrorEvent("overloaded_error")), asks, reply(ErrorEvent("overloaded_error")))
    async with FakeClaude(*replies, reply(text("Rain."))) as server:
        run = await finished(sk.tool_loop(server.client(), tools=[look], retry=AT_ONCE, **ASK))
    assert len(run.outcome.attempts) == 4
    assert run.outcome.kind == "complete"


async def test_a_retry_around_it_takes_the_place_of_its_own() -> None:
    asks = reply(tool_use("look", {"city": "Oslo"}))
    failed = reply(ErrorEvent("overloaded_error"))
    async with FakeClaude(failed, asks, reply(text("Rain."))) as server:
        loop = sk.tool_loop(server.client(), tools=[look], **ASK) | sk.retry(AT_ONCE)
        run = await finished(loop)
    assert run.outcome.kind == "complete"
    assert len(server.requests) == 3


def test_it_tells_what_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    (sk.tool_loop(anthropic.AsyncAnthropic(api_key="none"), **ASK) | sk.text()).explain()
    assert "4 network reads" in capsys.readouterr().out


# -- leaving ------------------------------------------------------------------------------------------------


async def test_cancel_while_tools_run_leaves_a_history_that_can_be_sent() -> None:
    began, stopped = anyio.Event(), list[str]()

    async def wait(path: str) -> str:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            stopped.append(path)
        return path

    asks = reply(
        tool_use("look", {"city": "Oslo"}, id="toolu_1"),
        tool_use("wait", {"path": "a"}, id="toolu_2"),
        tool_use("wait", {"path": "b"}, id="toolu_3"),
    )
    async with FakeClaude(*answers(asks)) as server:
        loop = sk.tool_loop(server.client(), tools=[look, wait], concurrency=1, **ASK)
        async with loop.open() as run:
            async for item in run:
                if isinstance(item, sk.ToolResult):
                    await began.wait()
                    run.cancel("enough")
    assert stopped == ["a"]
    assert run.outcome.stopped_by == "cancel: enough"
    history: Any = run.outcome.history
    check_conversation(history)
    contents = [(block["content"], block.get("is_error")) for block in history[-1]["content"]]
    assert contents[0] == ("rain in Oslo", None)
    assert contents[1][0].startswith("The tool was stopped")
    assert contents[2][0].startswith("The tool was not run")


async def test_leaving_in_the_middle_of_a_message_leaves_its_calls_out() -> None:
    asks = reply(text("Let me "), tool_use("look", {"city": "Oslo"}), text("and so on", Stall()))
    async with FakeClaude(*answers(asks)) as server:
        loop = sk.tool_loop(server.client(), tools=[sk.tool(look, effect=False)], **ASK)
        async with loop.open() as run:
            async for item in run:
                if isinstance(item, sk.ToolResult):
                    break
    history: Any = run.outcome.history
    check_conversation([*history, HI])
    content = history[-1]["content"]  # of one text, or of two where the second has come too
    assert content == "Let me " or {block["type"] for block in content} == {"text"}


async def test_the_history_that_an_application_has_is_its_own() -> None:
    asks = [reply(tool_use("look", {"city": "Oslo"}, id=f"toolu_{n}")) for n in range(3)]
    async with FakeClaude(*answers(*asks, reply(text("Rain.")))) as server:
        async with sk.tool_loop(server.client(), tools=[look], **ASK).open() as run:
            async for item in run:
                if item.type == "message_stop":
                    history: Any = run.outcome.history
                    for message in history:
                        message["content"] = "changed"
                    history.clear()
        whole = run.outcome.history
    assert [len(request.body["messages"]) for request in server.requests] == [1, 3, 5, 7]
    assert "changed" not in str([request.body for request in server.requests])
    assert whole[: len(server.requests[3].body["messages"])] == server.requests[3].body["messages"]
