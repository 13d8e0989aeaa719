"""
run.say: a user who says something while Claude answers.
"""

from __future__ import annotations

import threading
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import streamkit as sk
from streamkit._claude.protocol.replies import NOT_RUN, STOPPED
from streamkit.testing import FakeClaude, Stall, reply, text, thinking, tool_use
from tests.support.claude import ASK, HELLO
from tests.support.messages_api import check_conversation
from tests.support.patience import PATIENCE, patience


async def look(city: str) -> str:
    return f"rain in {city}"


async def said_at(
    server: FakeClaude, moment: str, *, now: bool, tools: Any = (look,)
) -> tuple[Any, sk.Run[Any]]:
    """
    Say "And Bergen?" when an item of a type comes, or a text.
    """
    items: list[Any] = []
    left = [moment]
    with patience():
        async with sk.tool_loop(server.client(), tools=tools, **ASK).open() as run:
            async for item in run:
                items.append(item)
                delta = getattr(getattr(item, "delta", None), "type", "")
                if left and moment in {item.type, delta}:
                    left.clear()
                    run.say("And Bergen?", now=now)
    return items, run


async def test_what_is_said_while_claude_answers_begins_another_turn() -> None:
    async with FakeClaude(reply(text("Hello")), reply(text("Rain."))) as server:
        items, run = await said_at(server, "text_delta", now=False)
    sent: Any = server.requests[1].body["messages"]
    check_conversation(sent)
    assert sent[1:] == [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "And Bergen?"}]
    assert [item.type for item in items].count("message_stop") == 2
    assert run.outcome.history[-1] == {"role": "assistant", "content": "Rain."}


async def test_what_is_said_beside_a_call_stands_behind_its_result() -> None:
    asks = reply(tool_use("look", {"city": "Oslo"}))
    async with FakeClaude(asks, reply(text("Rain."))) as server:
        await said_at(server, "content_block_start", now=False)
    sent: Any = server.requests[1].body["messages"]
    check_conversation(sent)
    assert [block["type"] for block in sent[-1]["content"]] == ["tool_result", "text"]
    assert len(server.requests) == 2


async def test_said_now_it_ends_the_text_and_keeps_it() -> None:
    endless = reply(thinking("Hm.", signature="c2ln"), text("Hel", "lo", Stall()))
    async with FakeClaude(endless, reply(text("Rain."))) as server:
        items, run = await said_at(server, "text_delta", now=True)
    sent: Any = server.requests[1].body["messages"]
    check_conversation(sent)
    assert sent[1]["content"][1]["text"] in {"Hel", "Hello"}
    assert sent[2] == {"role": "user", "content": "And Bergen?"}
    texts = await (sk.from_iterable(items) | sk.validate() | sk.text()).collect()
    assert "".join(texts) in {"HelRain.", "HelloRain."}
    assert [item.type for item in items].count("message_stop") == 2
    assert run.outcome.kind == "complete"


async def test_said_now_before_anything_has_come_it_is_added_to_the_question() -> None:
    async with FakeClaude(reply(Stall()), HELLO) as server:
        with patience():
            async with (
                sk.tool_loop(server.client(), **ASK).open() as run,
                anyio.create_task_group() as tasks,
            ):

                async def speak() -> None:
                    await server.request_arrived()
                    run.say("And Bergen?", now=True)

                tasks.start_soon(speak)
                async for _ in run:
                    pass
    question = [{"type": "text", "text": "Hi"}, {"type": "text", "text": "And Bergen?"}]
    assert server.requests[1].body["messages"] == [{"role": "user", "content": question}]


async def test_said_now_while_a_tools_input_is_written_it_waits_for_its_end() -> None:
    asks = reply(tool_use("look", {"city": "Oslo"}, chunk=3), text("and so on", Stall()))
    async with FakeClaude(asks, reply(text("Rain."))) as server:
        items, _ = await said_at(server, "input_json_delta", now=True)
    calls = await (sk.from_iterable(items) | sk.validate() | sk.tool_calls()).collect()
    assert [call.input for call in calls] == [{"city": "Oslo"}]
    assert not any(isinstance(item, sk.ToolResult) for item in items)
    assert [message["role"] for message in server.requests[1].body["messages"]][-1] == "user"
    check_conversation(server.requests[1].body["messages"])


async def test_said_now_while_tools_run_it_stops_them_and_claude_is_told() -> None:
    stopped: list[str] = []

    async def wait(path: str) -> str:
        try:
            await anyio.sleep_forever()
        finally:
            stopped.append(path)
        return path

    asks = reply(*[tool_use("wait", {"path": name}) for name in "ab"], tool_use("look", {"city": "Oslo"}))
    async with FakeClaude(asks, reply(text("Well."))) as server:
        items, _ = await said_at(server, "tool_result", now=True, tools=[wait, look])
    sent: Any = server.requests[1].body["messages"]
    check_conversation(sent)
    assert {*stopped} <= {"a", "b"}  # one may not have begun yet
    told = {item.name: item.is_error for item in items if isinstance(item, sk.ToolResult)}
    assert told == {"wait": True, "look": False}
    assert [block["type"] for block in sent[-1]["content"]] == ["tool_result"] * 3 + ["text"]


@pytest.mark.parametrize("pauses", [False, True])
async def test_what_is_said_of_a_tool_that_was_stopped_is_true(pauses: bool) -> None:
    """
    Whether it had begun, also where it is stopped before it could, and where it waits for a place.
    """
    began: list[str] = []

    async def wait(path: str) -> str:
        began.append(path)
        await anyio.sleep_forever()
        return path

    asks = reply(*[tool_use("wait", {"path": name}) for name in "ab"])
    async with (
        FakeClaude(asks, reply(text("Well."))) as server,
        sk.tool_loop(server.client(), tools=[wait], concurrency=1, **ASK).open() as run,
    ):
        async for item in run:
            if item.type == "message_stop" and len(server.requests) == 1:
                if pauses:
                    await anyio.wait_all_tasks_blocked()
                run.say("Stop.", now=True)
    results: Any = server.requests[1].body["messages"][-1]["content"][:2]
    assert [result["content"] for result in results] == [
        STOPPED if path in began else NOT_RUN for path in "ab"
    ]
    assert began == ["a"] or not pauses


async def test_a_program_of_the_apis_gets_the_results_of_its_calls_before_anything_is_said() -> None:
    """
    The API takes nothing but results while a program waits for them.
    """
    program = tool_use("code_execution", {"code": "look()"}, id="srv_1", type="server_tool_use")
    caller = {"type": "code_execution_20260120", "tool_id": "srv_1"}
    asks = reply(program, tool_use("look", {"city": "Oslo"}, id="toolu_1", caller=caller))
    async with FakeClaude(asks, reply(text("Rain.")), reply(text("There too."))) as server:
        await said_at(server, "content_block_start", now=False)
    bodies: list[Any] = [request.body["messages"] for request in server.requests]
    assert [block["type"] for block in bodies[1][-1]["content"]] == ["tool_result"]
    assert bodies[2][-1] == {"role": "user", "content": "And Bergen?"}


async def test_what_was_said_and_not_sent_is_in_the_history() -> None:
    async with (
        FakeClaude(reply(text("Hello", Stall()))) as server,
        sk.tool_loop(server.client(), **ASK).open() as run,
    ):
        async for item in run:
            if item.type == "content_block_delta":
                run.say("And Bergen?")
                run.cancel("enough")
    assert run.outcome.history[1:] == [
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And Bergen?"},
    ]


async def test_where_nothing_listens_an_error_says_so() -> None:
    async with FakeClaude(HELLO, repeat=True) as server:
        client = server.client()
        async with sk.messages(client, **ASK).open() as answer:
            with pytest.raises(RuntimeError, match="say\\(\\) is for a conversation"):
                answer.say("Hello?")
        loop = sk.tool_loop(client, **ASK)
        async with loop.open() as run:
            with pytest.raises(ValueError, match="not empty"):
                run.say(" ")
            with pytest.raises(TypeError, match="needs a text, not int"):
                run.say(3)  # type: ignore[arg-type]  # pyright: ignore
            async for _ in run:
                pass
            with pytest.raises(RuntimeError, match="nothing in this run listens"):
                run.say("Hello?")
        with pytest.raises(RuntimeError, match="its conversation has ended"):
            run.say("Hello?")
        async with sk.merge(loop, loop).open() as run:
            async for _ in run:
                with pytest.raises(RuntimeError, match="two conversations"):
                    run.say("Hello?")
                break


async def test_half_of_a_character_is_made_legal() -> None:
    async with FakeClaude(HELLO, HELLO) as server, sk.tool_loop(server.client(), **ASK).open() as run:
        run.say("a\udce9")
        async for _ in run:
            pass
    assert server.requests[1].body["messages"][-1]["content"] == "a\ufffd"


async def test_another_thread_is_told_how_to_say_something() -> None:
    async with FakeClaude(HELLO, HELLO) as server, sk.tool_loop(server.client(), **ASK).open() as run:
        with pytest.raises(RuntimeError, match=r"write anyio\.from_thread\.run_sync\(run\.say, text\)"):
            await anyio.to_thread.run_sync(run.say, "Hello?")
        await anyio.to_thread.run_sync(lambda: anyio.from_thread.run_sync(run.say, "Hello?"))
        async for _ in run:
            pass
    assert server.requests[1].body["messages"][-1]["content"] == "Hello?"


async def test_said_now_while_a_plain_function_runs_its_result_is_told() -> None:
    """
    Nothing can interrupt it, and one with effects is waited for.
    """
    begun, may_end = threading.Event(), threading.Event()

    def pay() -> str:
        begun.set()
        may_end.wait(PATIENCE)
        return "receipt 17"

    items: list[Any] = []
    async with FakeClaude(reply(tool_use("pay", {})), reply(text("Well."))) as server:
        with patience():
            async with sk.tool_loop(server.client(), tools=[pay], **ASK).open() as run:
                async for item in run:
                    items.append(item)
                    if item.type == "message_stop" and not may_end.is_set():
                        await anyio.to_thread.run_sync(begun.wait)
                        run.say("Never mind.", now=True)
                        may_end.set()
    told = [item.content for item in items if isinstance(item, sk.ToolResult)]
    sent: Any = server.requests[1].body["messages"][-1]["content"]
    assert told == [sent[0]["content"]] == ["receipt 17"]
