"""
What a worker may begin anew of a run that another one has left, and what it must not: tools that may have run.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Gone, Hub, Lost
from streamkit.testing import FakeClaude, Reply, Request, Stall, reply, text, tool_use
from tests.hub.places import LEASE, PLACES, SHARED
from tests.hub.working import Working, data, died

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.hub.places import Place

pytestmark = pytest.mark.anyio


@pytest.fixture(params=SHARED)
def place_kind(request: pytest.FixtureRequest) -> type[Place]:
    """
    Each kind of place that does without virtual time, which connections to Claude do not know.
    """
    return PLACES[request.param]


@pytest.fixture
async def hub(place: Place) -> AsyncIterator[Hub]:
    async with hubs.connect(place.url, lease=LEASE, ttl=60.0) as hub:
        yield hub


async def calling() -> list[Any]:
    """
    The events of an answer that calls a tool.
    """
    return await sk.from_sse([reply(tool_use("pay", {"amount": 5})).body]).collect()


async def test_tools_that_may_have_run_do_not_run_twice(hub: Hub) -> None:
    ran: list[str] = []

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> sk.Stream[Any]:
        async def answer() -> AsyncIterator[Any]:
            for event in await calling():
                yield event
            ran.append(payload)  # as a tool loop does behind a message
            yield sk.ToolResult("toolu_1", "pay", "paid")

        return sk.from_iterable(answer)

    told = await calling()
    await died(hub, *told, run="called", payload="called")
    await died(hub, *told, sk.ToolResult("toolu_1", "pay", "paid"), run="answered", payload="answered")
    await died(hub, *told[:-2], run="cut", payload="cut")
    async with Working(hub):
        for run in ("called", "answered"):
            with pytest.raises(Lost, match="tools of it may have run, which must not run twice"):
                await data(hub, run)
        assert len(await data(hub, "cut")) == len(told) - 2 + 1 + len(told) + 1
    assert ran == ["cut"]


async def pay(amount: int) -> str:
    """
    Pay.
    """
    return f"paid {amount}"


ASK: Any = {
    "model": "claude-sonnet-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Pay."}],
}


def paying(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[Any]:
    """
    A loop whose tool pays.
    """
    return sk.tool_loop(client, tools=[tool], **ASK)


def from_an_operator(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[Any]:
    return sk.from_iterable([client]) | sk.flat_map(partial(paying, tool=tool), concurrency=1)


def in_a_generator(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[Any]:
    async def items() -> AsyncIterator[Any]:
        async with paying(client, tool).open() as run:
            async for item in run:
                yield item  # noqa: ASYNC119 -- it runs in a task of its own

    return sk.source(buffer=4)(items)()


def in_place_of_an_error(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[Any]:
    def fail(item: Any) -> Any:
        raise LookupError(item)

    return sk.from_iterable("a").map(fail) | sk.catch(lambda error: paying(client, tool))


async def in_a_coroutine(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[Any]:
    return sk.from_iterable(await paying(client, tool).collect())


def as_text(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[str]:
    return paying(client, tool) | sk.text()


def retried(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[Any]:
    return paying(client, tool) | sk.retry()


def merged(client: anthropic.AsyncAnthropic, tool: Any = pay) -> sk.Stream[Any]:
    return sk.merge(paying(client, tool), sk.from_iterable(list[Any]()))


LOOPS: dict[str, Callable[..., Any]] = {
    "itself": paying,
    "as text": as_text,
    "retried": retried,
    "merged": merged,
    "from an operator": from_an_operator,
    "in a generator": in_a_generator,
    "in place of an error": in_place_of_an_error,
    "in a coroutine": in_a_coroutine,
}


@pytest.mark.turns(3)
@pytest.mark.parametrize("loop", LOOPS)
async def test_a_loop_is_not_begun_anew_when_a_tool_with_effects_had_begun_wherever_it_stands(
    hub: Hub, loop: str
) -> None:
    client = anthropic.AsyncAnthropic(api_key="none", base_url="http://127.0.0.1:1")

    @hub.recipe("chat")
    def chat(payload: Any, so_far: Any) -> Any:
        return LOOPS[loop](client)

    await died(hub, *(["text alone"] if loop == "as text" else []), effects=True)
    async with Working(hub):
        with pytest.raises(Lost, match=r"a tool with effects had begun .* and must not run twice"):
            await data(hub)
    await client.close()


@pytest.mark.turns(3)
@pytest.mark.parametrize("loop", LOOPS)
async def test_a_worker_notes_that_a_tool_with_effects_begins_wherever_its_loop_stands(
    hub: Hub, loop: str
) -> None:
    """
    One worker is told to stop before the tool begins, and the next one begins anew; that is told while the tool runs, and the
    next one does not.
    """
    begun: list[int] = []
    in_message, in_tool = anyio.Event(), anyio.Event()

    async def pay(amount: int) -> str:
        begun.append(amount)
        in_tool.set()
        if len(begun) == 1:
            await anyio.sleep_forever()
        raise AssertionError("it has run twice")

    def answer(request: Request) -> Reply:
        if not in_message.is_set():
            in_message.set()
            return reply(text("I pay. ", Stall()))
        return reply(text("I pay. "), tool_use("pay", {"amount": 5}))

    async with FakeClaude(answer, repeat=True) as server, server.client() as client:

        @hub.recipe("chat")
        def chat(payload: Any, so_far: Any) -> Any:
            return LOOPS[loop](client, pay)

        await hub.submit("run", "chat")
        for place in (in_message, in_tool):
            async with Working(hub):
                await place.wait()
        async with Working(hub):
            with pytest.raises(Lost, match="must not run twice"):
                await data(hub)
    assert begun == [5]


async def test_a_tool_with_effects_does_not_begin_where_that_cannot_be_noted(hub: Hub) -> None:
    begun: list[int] = []

    async def pay(amount: int) -> str:
        begun.append(amount)
        return "paid"

    async def somebody_deletes_the_run(call: sk.ToolCall) -> bool:
        await hub.delete("run")
        return True

    async with FakeClaude(reply(tool_use("pay", {"amount": 5}))) as server, server.client() as client:
        asks = sk.approve(somebody_deletes_the_run)(pay)

        @hub.recipe("chat")
        def chat(payload: Any, so_far: Any) -> sk.Stream[Any]:
            return paying(client, asks)

        await hub.submit("run", "chat")
        async with Working(hub):
            with pytest.raises(Gone):
                await data(hub)
    assert begun == []


def kind(item: Any) -> str:
    return item if isinstance(item, str) else str(item.type)


@pytest.mark.parametrize(
    "through",
    [sk.only("content_block_start", "message_start", "tool_result"), sk.text()],
    ids=["events", "text"],
)
async def test_a_loop_whose_tools_have_no_effects_is_begun_anew(hub: Hub, through: Any) -> None:
    asks = reply(text("I pay. "), tool_use("pay", {"amount": 5}))
    async with (
        FakeClaude(asks, reply(text("Paid.")), asks, reply(text("Paid."))) as server,
        server.client() as client,
    ):

        @hub.recipe("chat")
        def chat(payload: Any, so_far: Any) -> Any:
            return paying(client, sk.tool(pay, effect=False)) | through

        told = await (paying(client, sk.tool(pay, effect=False)) | through).collect()
        await died(hub, *told)
        async with Working(hub):
            got = await data(hub)
    restarted = got[len(told)]
    assert isinstance(restarted, sk.Restarted)
    assert [*map(kind, got)] == [*map(kind, told), "restarted", *map(kind, told)]


@pytest.mark.parametrize("uses", [True, False])
async def test_text_of_an_answer_that_makes_nothing_of_the_message_so_far_begins_anew(
    hub: Hub, uses: bool
) -> None:
    answer = "a frog leaps in." if uses else "Old pond, a frog leaps in."
    async with (
        FakeClaude(reply(text(answer))) as server,
        server.client() as client,
    ):

        @hub.recipe("chat")
        def chat(payload: Any, so_far: Any) -> sk.Stream[str]:
            return sk.messages(client, **ASK, so_far=so_far if uses else None) | sk.retry() | sk.text()

        await died(hub, "Old pond, ")
        async with Working(hub):
            got = await data(hub)
    assert [isinstance(item, sk.Restarted) for item in got] == ([False] * 2 if uses else [False, True, False])
    assert got[-1] == answer
