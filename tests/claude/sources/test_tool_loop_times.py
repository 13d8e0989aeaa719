"""
When the tools of a loop run: beside the text, and never in its way. In virtual time, where only what says so takes time.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit.testing import reply, text, tool_use
from tests.support.claude import ASK, HELLO, decoded
from tests.support.scripted_client import ScriptedClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamkit.testing import Reply
    from tests.support.scripted_client import Step

pytestmark = pytest.mark.virtual_time

EVERY = 0.1
"""Seconds between two events of the model."""


def paced(answer: Reply) -> Iterator[Step]:
    for event in decoded(answer):
        yield EVERY
        yield sk.events.to_dict(event)


async def slow(city: str) -> str:
    await anyio.sleep(1.5)
    return city


async def seen(
    asks: Reply, tools: Any, **settings: Any
) -> tuple[list[tuple[float, Any]], ScriptedClient, float]:
    """
    The items with their times, and the time when the first request came.
    """
    replies = iter([asks, reply(text("Done."))])
    client = ScriptedClient(lambda _: paced(next(replies)))
    got: list[tuple[float, Any]] = []
    async with sk.tool_loop(client.as_sdk, tools=tools, **settings, **ASK).open() as run:
        async for item in run:
            got.append((anyio.current_time(), item))
    return got, client, client.times[0]


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("effect", [True, False])
async def test_text_never_waits_and_the_next_request_leaves_when_the_last_of_both_has_ended(
    concurrency: int, effect: bool
) -> None:
    words = [f"word {n} " for n in range(8)]
    asks = reply(tool_use("slow", {"city": "a"}), tool_use("slow", {"city": "b"}), text(*words))
    got, client, began = await seen(asks, [sk.tool(slow, effect=effect)], concurrency=concurrency)
    # Every event comes when the model has made it. Those before the first content are held until that.
    first = [at for at, item in got if item.type != "tool_result" and at <= client.times[1]]
    assert first[2:] == pytest.approx([began + EVERY * n for n in range(3, len(first) + 1)])
    ends = {item.type: at for at, item in got if at < client.times[1] or item.type == "tool_result"}
    message_end = next(at for at, item in got if item.type == "message_stop")
    block_ends = [at for at, item in got if item.type == "content_block_stop"]
    begins = [message_end] * 2 if effect else block_ends[:2]
    tools_end = begins[0] + 3.0 if concurrency == 1 else begins[1] + 1.5
    assert ends["tool_result"] == pytest.approx(tools_end)
    assert client.times[1] == pytest.approx(max(message_end, tools_end))


@pytest.mark.parametrize(
    ("loop", "tool", "is_early"),
    [
        ("block", None, True),
        ("block", "message", False),
        ("message", None, False),
        ("message", "block", True),
    ],
)
async def test_a_tool_says_itself_when_it_begins_and_else_the_loop_does(
    loop: Any, tool: Any, is_early: bool
) -> None:
    asks = reply(tool_use("slow", {"city": "a"}), text(*["and so on "] * 30))
    got, _, _ = await seen(asks, [sk.tool(slow, effect=False, start=tool)], start=loop)
    (ended,) = (at for at, item in got if item.type == "tool_result")
    message_end = next(at for at, item in got if item.type == "message_stop")
    assert (ended < message_end) == is_early
    assert is_early or ended == pytest.approx(message_end + 1.5)


async def test_each_result_comes_when_its_tool_has_ended() -> None:
    async def timed(seconds: float) -> str:
        await anyio.sleep(seconds)
        return ""

    asks = reply(*[tool_use("timed", {"seconds": n}) for n in (0.3, 0.1, 0.2)])
    got, _, _ = await seen(asks, [timed])
    end = next(at for at, item in got if item.type == "message_stop")
    results = [(round(at - end, 3), item.seconds) for at, item in got if isinstance(item, sk.ToolResult)]
    assert [at for at, _ in results] == [0.1, 0.2, 0.3]
    assert [took for _, took in results] == pytest.approx([0.1, 0.2, 0.3])


async def test_a_slow_consumer_holds_up_the_model_and_not_the_tools() -> None:
    """
    What is read ahead is bounded; a tool whose call has been read runs meanwhile.
    """
    asks = reply(tool_use("slow", {"city": "a"}), text("Well."))
    replies = iter([asks, reply(text("Done."))])
    client = ScriptedClient(lambda _: paced(next(replies)))
    ran: list[float] = []

    async def noted(city: str) -> str:
        ran.append(anyio.current_time())
        return city

    tool = sk.tool({"name": "slow", "input_schema": {}, "run": noted}, effect=False)
    async with sk.tool_loop(client.as_sdk, tools=[tool], **ASK).open() as run:
        async for _ in run:
            await anyio.sleep(10)
    assert ran == [pytest.approx(client.times[0] + 4 * EVERY, abs=EVERY)]


async def test_a_tool_that_takes_too_long_has_a_result_that_says_so_and_a_time() -> None:
    asks = reply(tool_use("slow", {"city": "a"}))
    got, _, _ = await seen(asks, [sk.tool(slow, timeout=0.5)])
    [result] = [item for _, item in got if isinstance(item, sk.ToolResult)]
    assert result.content == "TimeoutError: the tool 'slow' took longer than 0.5 s"
    assert result.seconds == pytest.approx(0.5)


@pytest.mark.parametrize("cut", ["by the connection", "by the user"])
async def test_a_result_that_nobody_has_got_when_its_message_is_cut_is_dropped(cut: str) -> None:
    async def quick(city: str) -> str:
        return city

    asks = [
        sk.events.to_dict(event) for event in decoded(reply(tool_use("quick", {"city": "a"}), text("And")))
    ]
    broken: list[Step] = [*asks[:-3], 1.0, httpx2.ReadError("reset")]
    hello: list[Step] = [sk.events.to_dict(event) for event in decoded(HELLO)]
    answers = iter([broken, hello])
    client = ScriptedClient(lambda _: next(answers))
    tool = sk.tool(quick, effect=False)
    retry = sk.RetryPolicy(attempts=1)
    items: list[Any] = []
    run = sk.tool_loop(client.as_sdk, tools=[tool], retry=retry, **ASK).open()
    with suppress(sk.StreamError):
        async with run:
            async for item in run:
                items.append(item)
                if item.type == "content_block_stop" and len(client.requests) == 1:
                    if cut == "by the user":
                        await anyio.sleep(0.5)  # its tool has ended
                        run.say("And Bergen?", now=True)
                    else:
                        await anyio.sleep(2)
    assert len(client.requests) == (2 if cut == "by the user" else 1)
    assert not [item for item in items if item.type == "tool_result"]
    assert "tool_use" not in str(run.outcome.history)
