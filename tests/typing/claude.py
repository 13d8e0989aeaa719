"""
Types of Claude's sources, operators and sink; checked, not run.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Literal, assert_type

import anthropic
import httpx2
from anthropic.types import ContentBlock, Message, MessageParam, RawMessageStreamEvent, ToolResultBlockParam
from anthropic.types.beta import BetaContentBlock, BetaMessage, BetaRawMessageStreamEvent

import streamkit as sk
from streamkit import events
from streamkit.sinks import collect, join, message

if TYPE_CHECKING:
    from mcp import Client, ClientSession


def sources(client: anthropic.AsyncAnthropic, chunks: AsyncIterator[bytes]) -> None:
    stream = sk.messages(
        client, model="claude-sonnet-5", max_tokens=100, messages=[{"role": "user", "content": "Hello"}]
    )
    assert_type(stream, sk.Stream[events.Event])
    patient = sk.RetryPolicy(attempts=2)
    asked: list[MessageParam] = [{"role": "user", "content": "…"}]
    assert_type(
        sk.messages(client, retry=patient, pings=True, model="…", max_tokens=9, messages=asked),
        sk.Stream[events.Event],
    )
    assert_type(
        sk.messages(client, retry=None, model="…", max_tokens=9, messages=asked, output_format=Message),
        sk.Stream[events.Event],
    )
    assert_type(
        sk.messages(client, betas=["context-1m"], model="…", max_tokens=9, messages=[], mcp_servers=[]),
        sk.Stream[events.Event],
    )
    # Each of these is a mistake when it is misspelt: see mistakes.py.
    sk.messages(client, so_far=None, model="…", max_tokens=9, messages=[])
    sk.messages(client, so_far={"content": []}, betas=["x"], model="…", max_tokens=9, messages=[])
    sk.messages(client, model="…", max_tokens=9, messages=[], speed="fast", stop_sequences=["END"])
    sk.messages(client, model="…", max_tokens=9, messages=[], output_format=list[Message])
    sk.messages(client, model="…", max_tokens=9, messages=[], output_format=Message | BetaMessage)
    sk.messages(client, model="…", max_tokens=9, messages=[], output_format=None)
    sk.messages(client, betas=["x"], model="…", max_tokens=9, messages=[], output_format=Message)
    sk.messages(client, betas=["x"], model="…", max_tokens=9, messages=[], output_format=list[Message])
    lasting = sk.RetryPolicy(resume="continue")
    limits = sk.Timeouts(first_event=20, total=None)
    chat = sk.messages(
        client, retry=lasting, timeouts=limits, follow_pause=True, model="…", max_tokens=9, messages=[]
    )
    assert_type(chat, sk.Stream[events.Event])
    assert_type(chat | sk.text(restarts=True), sk.Stream[str | events.Restarted])
    assert_type(sk.http_client(limits, transport="aiohttp"), httpx2.AsyncClient)
    assert_type(sk.http_client(connections=5000), httpx2.AsyncClient)

    assert_type(sk.from_sse(chunks), sk.Stream[events.Event])
    assert_type(sk.from_sse([b"data"]), sk.Stream[events.Event])
    assert_type(sk.from_sse(lambda: [b"data"]), sk.Stream[events.Event])
    assert_type(sk.replay("cassette.jsonl", speed=1.0), sk.Stream[events.Event])


async def adopted(client: anthropic.AsyncAnthropic) -> None:
    request = client.messages.create(model="…", max_tokens=1, messages=[], stream=True)
    assert_type(sk.from_sdk(request), sk.Stream[events.Event])
    assert_type(sk.from_sdk(await request), sk.Stream[events.Event])
    manager = client.messages.stream(model="…", max_tokens=1, messages=[])
    assert_type(sk.from_sdk(manager), sk.Stream[events.Event])
    async with manager as inside:
        assert_type(sk.from_sdk(inside), sk.Stream[events.Event])
    runner = client.beta.messages.tool_runner(model="…", max_tokens=1, messages=[], tools=[], stream=True)
    assert_type(sk.from_sdk(runner), sk.Stream[events.Event])


async def look(city: str) -> str:
    return city


def add(a: int, b: int) -> int:
    return a + b


async def ask(call: sk.ToolCall) -> bool | tuple[Literal[False], str]:
    return call.name == "look" or (False, "no")


async def conversation(client: anthropic.AsyncAnthropic, asked: list[MessageParam]) -> None:
    loop = sk.tool_loop(client, tools=[look, add], model="…", max_tokens=9, messages=asked)
    assert_type(loop, sk.Stream[events.Event | sk.ToolResult])
    assert_type(loop | sk.text(), sk.Stream[str])
    assert_type(loop | sk.tool_calls(), sk.Stream[sk.ToolCall])
    assert_type(loop | sk.only("tool_result"), sk.Stream[sk.ToolResult])
    assert_type(loop | sk.only(sk.ToolResult), sk.Stream[sk.ToolResult])
    assert_type(loop | sk.only("message_stop", "tool_result"), sk.Stream[events.Event])
    assert_type(sk.tool(look, effect=False), sk.Tool)
    assert_type(sk.approve(ask), sk.Approval)
    assert_type(sk.approve(ask)(add), sk.Tool)

    @sk.tool(effect=False, timeout=3)
    async def search(query: str) -> list[str]:
        return [query]

    assert_type(search, sk.Tool)
    tools: list[sk.ToolLike] = [look, search, sk.approve(ask)(add)]
    tools.append({"type": "web_search_20250305", "name": "web_search"})
    tools.append(anthropic.beta_async_tool(look))
    sk.tool_loop(
        client,
        tools=tools,
        max_turns=3,
        concurrency=2,
        start="message",
        on_error="raise",
        betas=["x"],
        model="…",
        max_tokens=9,
        messages=[],
    )
    async with loop.open() as run:
        run.say("…", now=True)
        async for item in run:
            if isinstance(item, sk.ToolResult):
                assert_type(item.type, Literal["tool_result"])
                assert_type(item.name, str)
                assert_type(item.seconds, float)
                assert_type(item.block, ToolResultBlockParam)
            else:
                assert_type(item, events.Event)


async def with_servers(client: anthropic.AsyncAnthropic, session: ClientSession, remote: Client) -> None:
    async with sk.mcp(session) as tools, sk.mcp(remote, prefix="git_", timeout=30) as others:
        assert_type(tools, list[sk.Tool])
        loop = sk.tool_loop(client, tools=[look, *tools, *others], model="…", max_tokens=9, messages=[])
        assert_type(loop, sk.Stream[events.Event | sk.ToolResult])
        sk.tool_loop(client, tools=tools, model="…", max_tokens=9, messages=[])
        sk.tool_loop(client, tools=map(sk.approve(ask), tools), model="…", max_tokens=9, messages=[])


def operators(stream: sk.Stream[events.Event]) -> None:
    assert_type(stream | sk.text(), sk.Stream[str])
    assert_type(stream | sk.text(restarts=True), sk.Stream[str | events.Restarted])
    assert_type(stream | sk.thinking(), sk.Stream[str])
    assert_type(stream | sk.thinking(restarts=True), sk.Stream[str | events.Restarted])
    assert_type(stream | sk.sinks.websocket(object()), sk.Job[bool])
    sk.sse.Response(stream | sk.text(), raw=True)
    assert_type(sk.sse.events(stream), AsyncGenerator[bytes, None])
    assert_type(sk.ui.ai_sdk.frames(stream, version=6), AsyncGenerator[bytes, None])
    assert_type(sk.ui.ag_ui.frames(stream), AsyncGenerator[bytes, None])
    assert_type(stream | sk.text() | sk.until("END", inclusive=True), sk.Stream[str])
    assert_type(stream | sk.tool_calls(), sk.Stream[sk.ToolCall])
    assert_type(stream | sk.tool_calls(broken="skip", when="message"), sk.Stream[sk.ToolCall])
    assert_type(stream | sk.tool_calls(broken="emit"), sk.Stream[sk.ToolCall | sk.BrokenToolCall])
    assert_type(stream | sk.text(between="\n\n"), sk.Stream[str])
    assert_type(stream | sk.text(restarts=True, between=" "), sk.Stream[str | events.Restarted])
    assert_type(stream | sk.tool_results(), sk.Stream[sk.ServerToolResult])
    assert_type(stream | sk.blocks(), sk.Stream[ContentBlock | BetaContentBlock])
    assert_type(stream | sk.citations(), sk.Stream[events.Unknown])
    assert_type(stream | sk.usage(), sk.Stream[events.Usage])
    assert_type(stream | sk.validate() | sk.meter(), sk.Stream[events.Event])
    assert_type(sk.budget(turns=3), sk.Same)
    assert_type(
        stream | sk.budget(tokens=1_000, cost=0.5, prices={"input": 3, "output": 15}, seconds=60),
        sk.Stream[events.Event],
    )


def pipelines(stream: sk.Stream[events.Event]) -> None:
    assert_type(sk.take(1) | sk.text(), sk.Operator[events.AnyEvent, str])
    assert_type(sk.text() | sk.take(1), sk.Operator[events.AnyEvent, str])
    assert_type(sk.text().map(str.upper), sk.Operator[events.AnyEvent, str])
    assert_type(sk.text() | join(), sk.Sink[events.AnyEvent, str])
    assert_type(sk.text(restarts=True) | join(), sk.Sink[events.AnyEvent, str])
    assert_type(stream | (sk.only(events.TextDelta) | sk.text()), sk.Stream[str])

    speak = sk.tee(sk.branch(sk.sinks.jsonl("run.jsonl"), on_error="detach")) | sk.text() | sk.throttle(0.1)
    assert_type(speak, sk.Operator[events.AnyEvent, str])
    assert_type(stream | speak, sk.Stream[str])
    assert_type(stream | sk.tee(collect()) | sk.text() | sk.throttle(0.1), sk.Stream[str])


async def only(stream: sk.Stream[events.Event]) -> None:
    assert_type(stream | sk.only("text_delta", "message_stop"), sk.Stream[events.Event])
    assert_type(stream | sk.only(events.MessageStop), sk.Stream[events.MessageStop])
    both = sk.only(events.MessageStart, events.MessageStop)
    assert_type(stream | both, sk.Stream[events.MessageStart | events.MessageStop])
    async for event in stream | sk.only(events.TextDelta):
        assert_type(event.type, Literal["content_block_delta"])
        assert_type(event.index, int)
        assert_type(event.delta, events.TextDelta)
        assert_type(event.delta.text, str)
    async for piece in stream | sk.only(events.TextDelta, events.ThinkingDelta):
        assert_type(piece.delta, events.TextDelta | events.ThinkingDelta)
    async for either in stream | sk.only(events.MessageDelta, events.TextDelta):
        if either.type == "content_block_delta":
            assert_type(either.delta, events.TextDelta)
        else:
            assert_type(either, events.MessageDelta)


async def split(stream: sk.Stream[events.Event]) -> None:
    async for name, value in stream | sk.split(text=sk.text(), thinking=sk.thinking()):
        assert_type(name, str)
        assert_type(value, str)
    # Of different types pyright makes a union and mypy an `object`, unless it is told.
    either: sk.Operator[events.Event, tuple[str, str | sk.ToolCall]]
    either = sk.split(text=sk.text(), calls=sk.tool_calls())
    assert_type(stream | either, sk.Stream[tuple[str, str | sk.ToolCall]])
    async for pair in stream | sk.split(ordered=False, text=sk.text(), calls=sk.tool_calls()):
        match pair:
            case "calls", sk.ToolCall() as call:
                assert_type(call, sk.ToolCall)
            case "text", str() as text:
                assert_type(text, str)
            case _:
                pass


async def split_of_a_loop(loop: sk.Stream[events.Event | sk.ToolResult]) -> None:
    parts: sk.Operator[events.Event | sk.ToolResult, tuple[str, str | sk.ToolCall | sk.ToolResult]]
    parts = sk.split(text=sk.text(), call=sk.tool_calls(), result=sk.only("tool_result"))
    async for _, value in loop | parts:
        match value:
            case str():
                assert_type(value, str)
            case sk.ToolCall():
                assert_type(value, sk.ToolCall)
            case _:
                assert_type(value, sk.ToolResult)


async def the_message(stream: sk.Stream[events.Event]) -> None:
    assert_type(await (stream | message()), Message | BetaMessage)
    assert_type(await (stream | message(beta=False)), Message)
    assert_type(await (stream | message(beta=True)), BetaMessage)


async def tools(stream: sk.Stream[events.Event]) -> list[ToolResultBlockParam]:
    return [call.result("22 °C") async for call in stream | sk.tool_calls()]


def events_of_the_sdk(
    client: anthropic.Anthropic,
    raw: sk.Stream[RawMessageStreamEvent],
    beta: sk.Stream[BetaRawMessageStreamEvent],
) -> None:
    assert_type(raw | sk.text(), sk.Stream[str])
    assert_type(beta | sk.tool_calls(), sk.Stream[sk.ToolCall])
    assert_type(beta | sk.split(text=sk.text(), thinking=sk.thinking()), sk.Stream[tuple[str, str]])
    assert_type(raw | message(), sk.Job[Message | BetaMessage])
    for piece in sk.text().over(client.messages.create(model="…", max_tokens=1, messages=[], stream=True)):
        assert_type(piece, str)


async def json_while_it_is_written(stream: sk.Stream[events.Event]) -> None:
    assert_type(stream | sk.tool_input(), sk.Stream[sk.Partial])
    assert_type(stream | sk.tool_input("edit_file"), sk.Stream[sk.Partial])
    assert_type((await (stream | sk.json()).first()).complete, bool)
    assert_type((await (stream | sk.json()).first()).copy(), sk.Partial)
    # What stands at a path is not known to a checker; a model says it.
    assert_type(stream | sk.tool_input("edit_file", "$.new_text", model=str), sk.Stream[str])
    assert_type(stream | sk.json("$.items[*]", model=Message), sk.Stream[Message])
    assert_type(stream | sk.json(model=dict[str, int]), sk.Stream[dict[str, int]])


async def one_except_serves_all(stream: sk.Stream[events.Event]) -> None:
    try:
        await stream.run()
    except sk.ERRORS as error:
        assert_type(error, sk.StreamError | anthropic.AnthropicError)
