"""
Calls that turn out void: their tools are stopped and awaited, those that have not begun never do, and nobody is told anything.

In virtual time: the model writes a call, and goes on for a second before its message turns out void.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.protocol.replies import NOT_RUN, STOPPED
from streamkit.testing import reply, text, tool_use
from tests.support.claude import ASK, HELLO, decoded
from tests.support.messages_api import check_conversation
from tests.support.scripted_client import ScriptedClient

if TYPE_CHECKING:
    from streamkit.testing import Reply
    from tests.support.scripted_client import Step

pytestmark = pytest.mark.virtual_time

WAYS = ["refused", "max_tokens", "without a stop reason", "cut", "started over", "said now"]
"""How a message turns out void."""


def steps(answer: Reply) -> list[Step]:
    return [sk.events.to_dict(event) for event in decoded(answer)]


def written(way: str, *calls: Any) -> list[Step]:
    """
    A message with these calls, a second, and what makes it void.
    """
    reason: Any = way if way == "max_tokens" else "refusal" if way == "refused" else "tool_use"
    events = steps(reply(*calls, text("And"), stop_reason=reason))
    if way in {"refused", "max_tokens"}:
        return [*events[:-2], 1.0, *events[-2:]]
    if way == "without a stop reason":
        return [*events[:-2], 1.0, events[-1]]
    return [*events[:-3], 1.0, httpx2.ReadError("reset")]


async def converse(
    way: str, tools: list[sk.Tool], *calls: Any, pace: float = 0.0, **settings: Any
) -> tuple[list[Any], sk.Outcome]:
    """
    Ask, and read to the end. What follows a message that starts over calls nothing.
    """
    answers = iter([written(way, *calls), steps(HELLO), steps(HELLO)])
    client = ScriptedClient(lambda _: next(answers))
    retry = sk.RetryPolicy(base=0, attempts=3, resume="restart" if way == "started over" else "never")
    items: list[Any] = []
    run = sk.tool_loop(client.as_sdk, tools=tools, retry=retry, **settings, **ASK).open()

    async def interrupt() -> None:
        await anyio.sleep(0.9)
        run.say("Wait.", now=True)

    async with anyio.create_task_group() as tasks:
        if way == "said now":
            tasks.start_soon(interrupt)
        with suppress(sk.StreamError):
            async with run:
                async for item in run:
                    items.append(item)
                    await anyio.sleep(pace)
        tasks.cancel_scope.cancel()
    return items, run.outcome


def untold(items: list[Any], outcome: sk.Outcome) -> bool:
    """
    Whether nobody was told of a result: not whoever reads, and not Claude.
    """
    history: Any = outcome.history
    check_conversation(history if history[-1]["role"] == "user" else [*history, ASK["messages"][0]])
    return "tool_result" not in [item.type for item in items] and "tool_" not in str(history)


@pytest.mark.parametrize("way", WAYS)
async def test_a_tool_that_gives_something_though_it_was_stopped_is_not_heard(way: str) -> None:
    heard: list[str] = []

    async def stubborn(n: int) -> str:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            heard.append("stopped")  # it is not right to go on, but that is no reason to tell anybody
        return "something"

    items, outcome = await converse(way, [sk.tool(stubborn, effect=False)], tool_use("stubborn", {"n": 1}))
    assert heard == ["stopped"]
    assert untold(items, outcome)


@pytest.mark.parametrize("way", WAYS)
async def test_a_tool_that_raises_when_it_is_stopped_is_not_heard(way: str) -> None:
    async def sulky(n: int) -> str:
        try:
            await anyio.sleep_forever()
        finally:
            raise ConnectionError("while it was stopped")

    tools = [sk.tool(sulky, effect=False)]
    items, outcome = await converse(way, tools, tool_use("sulky", {"n": 1}), on_error="raise")
    assert untold(items, outcome)


@pytest.mark.parametrize(("way", "kind"), [("cut", "truncated"), ("started over", "complete")])
async def test_a_question_that_raises_when_it_is_stopped_is_not_why_the_run_ends(way: str, kind: str) -> None:
    async def ask(call: sk.ToolCall) -> bool:
        try:
            await anyio.sleep_forever()
        finally:
            raise ConnectionError("while it was stopped")
        return True

    async def write(n: int) -> str:
        return ""

    items, outcome = await converse(way, [sk.approve(ask)(write)], tool_use("write", {"n": 1}))
    assert outcome.kind == kind
    assert untold(items, outcome)


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_that_waits_for_a_place_never_begins(way: str) -> None:
    began: list[int] = []

    async def wait(n: int) -> str:
        began.append(n)
        await anyio.sleep_forever()
        return ""

    calls = [tool_use("wait", {"n": n}) for n in range(3)]
    items, outcome = await converse(way, [sk.tool(wait, effect=False)], *calls, concurrency=1)
    assert began == [0]
    assert untold(items, outcome)


@pytest.mark.parametrize("way", WAYS)
async def test_one_with_effects_never_begins(way: str) -> None:
    began: list[int] = []

    async def write(n: int) -> str:
        began.append(n)
        return ""

    async def ask(call: sk.ToolCall) -> bool:
        return True

    tools = [sk.tool(write), sk.approve(ask)(sk.tool({"name": "store", "input_schema": {}, "run": write}))]
    items, outcome = await converse(way, tools, tool_use("write", {"n": 1}), tool_use("store", {"n": 2}))
    assert began == []
    assert untold(items, outcome)


@pytest.mark.parametrize("reason", ["refusal", "max_tokens"])
async def test_a_tool_that_ends_behind_the_stop_reason_is_not_heard(reason: Any) -> None:
    """
    From then on the call is void, though its message has not ended.
    """

    async def work(n: int) -> str:
        await anyio.sleep(0.5)
        return "something"

    *events, stop = steps(reply(tool_use("work", {"n": 1}), text("And"), stop_reason=reason))
    client = ScriptedClient(lambda _: [*events, 1.0, stop])
    items: list[Any] = []
    run = sk.tool_loop(client.as_sdk, tools=[sk.tool(work, effect=False)], **ASK).open()
    async with run:
        async for item in run:
            items.append(item)
    assert untold(items, run.outcome)


@pytest.mark.parametrize("way", ["cut", "started over", "said now"])
async def test_a_result_that_nobody_has_taken_yet_is_dropped(way: str) -> None:
    async def quick(n: int) -> str:
        return "something"

    items, outcome = await converse(
        way, [sk.tool(quick, effect=False)], tool_use("quick", {"n": 1}), pace=0.7
    )
    assert untold(items, outcome)


@pytest.mark.parametrize("way", WAYS)
async def test_a_tool_that_was_stopped_has_ended_before_anything_else_comes(way: str) -> None:
    log: list[str] = []
    began = anyio.Event()

    async def wait(n: int) -> str:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.5)
            log.append("ended")
        return ""

    answers = iter([written(way, tool_use("wait", {"n": 1})), steps(HELLO)])
    client = ScriptedClient(lambda _: next(answers))
    retry = sk.RetryPolicy(base=0, attempts=3, resume="restart" if way == "started over" else "never")
    loop = sk.tool_loop(client.as_sdk, tools=[sk.tool(wait, effect=False)], retry=retry, **ASK)
    async with (loop | sk.catch(lambda _: sk.from_iterable(decoded(HELLO)))).open() as run:
        async for item in run:
            if item.type == "content_block_stop" and "content_block_stop" not in log:
                await began.wait()
                if way == "said now":
                    run.say("Wait.", now=True)
            log.append(item.type)
    log.append("over")
    behind = [at for at, kind in enumerate(log) if kind in {"message_start", "restarted", "over"}][1]
    assert log.index("ended") < behind


async def test_of_a_message_that_starts_over_only_the_new_calls_are_told_of() -> None:
    """
    Also where they have the same ids: what the void ones have given, and that they had begun, is forgotten.
    """

    async def work(n: int) -> str:
        if len(client.requests) == 1:
            return "void"
        await anyio.sleep_forever()
        return ""

    first, second = (tool_use("work", {"n": n}, id=f"toolu_{n}") for n in range(2))
    answers = iter([written("cut", second, first), steps(reply(first, second))])
    client = ScriptedClient(lambda _: next(answers))
    retry = sk.RetryPolicy(base=0, resume="restart")
    loop = sk.tool_loop(client.as_sdk, tools=[sk.tool(work, effect=False)], concurrency=1, retry=retry, **ASK)
    async with loop.open() as run:
        async for item in run:
            if item.type == "message_stop":
                await anyio.sleep(1)
                run.cancel("enough")
    history: Any = run.outcome.history
    check_conversation(history)
    assert [block["content"] for block in history[-1]["content"]] == [STOPPED, NOT_RUN]


async def test_where_one_fails_for_all_the_others_have_ended_before_anything_else_comes() -> None:
    log: list[str] = []

    async def wait() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.5)
            log.append("ended")
        return ""

    async def fail() -> str:
        await anyio.sleep(1)
        raise ConnectionError

    client = ScriptedClient(lambda _: steps(reply(tool_use("wait", {}), tool_use("fail", {}))))
    loop = sk.tool_loop(client.as_sdk, tools=[wait, fail], on_error="raise", **ASK)
    caught = loop | sk.catch(lambda _: sk.from_iterable(decoded(HELLO))) | sk.only("message_start")
    async with caught.open() as run:
        async for item in run:
            log.append(item.type)
    assert log[:3] == ["message_start", "ended", "message_start"]


async def test_where_one_fails_for_all_the_rest_is_stopped_at_once_however_slow_the_consumer_is() -> None:
    times: dict[str, float] = {}

    async def wait() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            times["stopped"] = anyio.current_time()
        return ""

    async def fail() -> str:
        await anyio.sleep(1)
        times["failed"] = anyio.current_time()
        raise ConnectionError

    *events, stop = steps(reply(tool_use("wait", {}), tool_use("fail", {}), text("And")))
    client = ScriptedClient(lambda _: [*events[:-1], 100.0, events[-1], stop])
    tools = [sk.tool(wait, effect=False), sk.tool(fail, effect=False)]
    run = sk.tool_loop(client.as_sdk, tools=tools, on_error="raise", **ASK).open()
    with pytest.raises(ConnectionError):
        async with run:
            async for item in run:
                if item.type == "content_block_stop":
                    await anyio.sleep(10)
                if "failed" in times:
                    assert client.open == 0
    assert times["stopped"] == times["failed"]
