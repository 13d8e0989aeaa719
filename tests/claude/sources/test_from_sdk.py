"""
Streams of the SDK that the application already has, its helpers with their books included.
"""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from anthropic import beta_async_tool

import streamkit as sk
from streamkit._claude.protocol.events import to_dict
from streamkit.testing import (
    PING,
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Request,
    Stall,
    error_reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, HELLO, read_all
from tests.support.messages_api import check_conversation
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CITATION = {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None}
FULL = reply(
    thinking("Hm", "m"),
    text("Hello", " world", citations=[{**CITATION, "start_char_index": 0, "end_char_index": 1}]),
    tool_use("go", {"to": "Rome"}, chunk=4),
    {"type": "redacted_thinking", "data": "x"},
)


async def awaited(client: anthropic.AsyncAnthropic) -> Any:
    return await client.messages.create(**ASK, stream=True)


async def not_awaited(client: anthropic.AsyncAnthropic) -> Any:
    return client.messages.create(**ASK, stream=True)


async def manager(client: anthropic.AsyncAnthropic) -> Any:
    return client.messages.stream(**ASK)


async def entered(client: anthropic.AsyncAnthropic) -> Any:
    return await client.messages.stream(**ASK).__aenter__()


async def beta_awaited(client: anthropic.AsyncAnthropic) -> Any:
    return await client.beta.messages.create(**ASK, stream=True, betas=["b"])


async def beta_manager(client: anthropic.AsyncAnthropic) -> Any:
    return client.beta.messages.stream(**ASK)


async def thread_manager(client: anthropic.AsyncAnthropic) -> Any:
    return client.beta.messages.thread(model="claude-sonnet-5", max_tokens=64).stream(*ASK["messages"])


GIVE: dict[str, Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]] = {
    "create, awaited": awaited,
    "create, not awaited": not_awaited,
    "stream manager": manager,
    "stream, entered": entered,
    "beta create": beta_awaited,
    "beta stream manager": beta_manager,
    "thread": thread_manager,
}
each_kind = pytest.mark.parametrize("kind", GIVE)


# -- what comes through --------------------------------------------------------------------------------------


@each_kind
async def test_every_event_of_the_wire_comes_once_and_nothing_else(kind: str) -> None:
    async with FakeClaude(FULL) as server:
        run = sk.from_sdk(await GIVE[kind](server.client())).open()
        assert await read_all(run) == await sk.from_sse(FULL.body).collect()
    outcome = run.outcome
    assert (outcome.kind, outcome.stop_reason, outcome.request_id) == (
        "complete",
        "tool_use",
        "req_000000000000000000000001",
    )
    assert [call.input for call in outcome.tool_calls] == [{"to": "Rome"}]
    assert [attempt.number for attempt in outcome.attempts] == [1]


@each_kind
async def test_no_token_is_doubled(kind: str) -> None:
    async with FakeClaude(FULL) as server:
        stream = sk.from_sdk(await GIVE[kind](server.client()))
        assert "".join(await (stream | sk.text()).collect()) == "Hello world"


@pytest.mark.parametrize("kind", ["create, awaited", "stream manager", "beta stream manager"])
async def test_what_neither_knows_comes_through(kind: str) -> None:
    frames: list[dict[str, Any]] = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": "", "tone": "low"},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "hum_delta", "hum": "mm"}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hi", "pitch": 7},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "aside", "text": "psst"},
    ]
    if kind == "create, awaited":
        frames[3]["why"] = "done"  # which the SDK's helpers leave out, for they make these events anew
    async with FakeClaude(reply(*(event(frame) for frame in frames))) as server:
        events = await sk.from_sdk(await GIVE[kind](server.client())).collect()
    assert [to_dict(item) for item in events[1:-2]] == frames


async def test_a_stream_that_has_been_read_in_part_is_read_from_there() -> None:
    async with FakeClaude(reply(text("Hello", " world")), repeat=True) as server:
        for give in (awaited, entered):
            stream = await give(server.client())
            while (await anext(stream)).type != "content_block_delta":
                pass
            run = sk.from_sdk(stream).open()
            assert [
                item.delta.text for item in await read_all(run) if item.type == "content_block_delta"
            ] == [" world"]
            assert run.outcome.kind == "complete"
            assert run.outcome.message is not None
            assert run.outcome.message.content[0].text == " world"  # type: ignore[union-attr]


async def test_pings_are_left_out_as_the_sdk_does() -> None:
    async with FakeClaude(reply(PING, text("Hel", PING, "lo"))) as server:
        events = await sk.from_sdk(await awaited(server.client())).collect()
    assert "ping" not in [item.type for item in events]


# -- the books of the helpers --------------------------------------------------------------------------------


async def test_the_helper_has_the_message_too() -> None:
    async with FakeClaude(FULL) as server, server.client().messages.stream(**ASK) as stream:
        run = sk.from_sdk(stream).open()
        await read_all(run)
        assert run.outcome.message is not None
        assert (await stream.get_final_message()).to_dict() == run.outcome.message.to_dict()


def weather_runner(client: anthropic.AsyncAnthropic, asked: list[str], **options: Any) -> Any:
    @beta_async_tool
    async def weather(city: str) -> str:
        """The weather in a city."""
        await anyio.lowlevel.checkpoint()
        asked.append(city)
        return f"18 °C in {city}"

    return client.beta.messages.tool_runner(**ASK, tools=[weather], stream=True, **options)


def call(city: str) -> Reply:
    return reply(
        text("Let me see. "),
        tool_use("weather", {"city": city}, id=f"toolu_{city}", chunk=3),
        output_tokens=3,
    )


@pytest.mark.parametrize("eagerly", [False, True])
async def test_a_tool_runner_runs_its_tools_and_keeps_its_books(eagerly: bool) -> None:
    def third(request: Request) -> Reply:
        assert "18 °C in Oslo" in str(request.body["messages"][-1])
        return reply(text("It is 18 °C."), output_tokens=2)

    asked: list[str] = []
    async with FakeClaude(call("Rome"), call("Oslo"), third) as server:
        runner = weather_runner(server.client(), asked, run_tools_eagerly=eagerly)
        run = sk.from_sdk(runner).open()
        events = await read_all(run)
        assert asked == ["Rome", "Oslo"]
        assert (await runner.until_done()).content[0].text == "It is 18 °C."
        assert len(server.requests) == 3
    assert [item.type for item in events].count("message_start") == 3
    told = [
        item.delta.text
        for item in events
        if item.type == "content_block_delta" and item.delta.type == "text_delta"
    ]
    assert told == ["Let me see. ", "Let me see. ", "It is 18 °C."]
    outcome = run.outcome
    assert (outcome.kind, outcome.stop_reason, len(outcome.messages)) == ("complete", "end_turn", 3)
    assert [each.input for each in outcome.tool_calls] == [{"city": "Rome"}, {"city": "Oslo"}]
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (30, 8)
    assert [attempt.request_id for attempt in outcome.attempts] == [
        f"req_00000000000000000000000{number}" for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("threaded", [False, True], ids=["whole requests", "a thread"])
async def test_the_history_of_a_runner_is_the_whole_conversation(threaded: bool) -> None:
    """
    Of a thread, the API holds the conversation, and a request has only what is new in it.
    """
    replies = [call("Rome"), call("Oslo"), reply(text("It is 18 °C."))]
    async with FakeClaude(*replies) as server:
        client = server.client()
        runner = weather_runner(client, [], **({} if threaded else {"thread": False}))
        run = sk.from_sdk(runner).open()
        await read_all(run)
    history: Any = run.outcome.history
    check_conversation([*history, *ASK["messages"]])
    assert [message["role"] for message in history] == ["user", "assistant"] * 3
    assert "thread" in server.requests[2].body or history[:5] == server.requests[2].body["messages"]
    assert ("thread" in server.requests[2].body) == threaded


async def test_the_history_of_a_runner_that_was_stopped_ends_with_the_calls_of_its_last_message() -> None:
    async with FakeClaude(call("Rome"), call("Oslo")) as server:
        run = sk.from_sdk(weather_runner(server.client(), [], max_iterations=2)).open()
        await read_all(run)
    history: Any = run.outcome.history
    results = [each.result("18 °C") for each in run.outcome.tool_calls[-1:]]
    check_conversation([*history, {"role": "user", "content": results}])


async def test_of_a_thread_that_was_begun_before_the_history_is_the_answer_alone() -> None:
    async with FakeClaude(HELLO, repeat=True) as server:
        thread = server.client().beta.messages.thread(model="claude-sonnet-5", max_tokens=64)
        runs: list[sk.Run[Any]] = []
        for _ in range(2):
            runs.append(sk.from_sdk(thread.stream({"role": "user", "content": "Hi"})).open())
            await read_all(runs[-1])
    histories: list[Any] = [run.outcome.history for run in runs]
    assert [[message["role"] for message in history] for history in histories] == [
        ["user", "assistant"],
        ["assistant"],
    ]


@pytest.mark.parametrize("eagerly", [False, True])
async def test_a_runner_that_is_left_runs_no_more_tools(eagerly: bool) -> None:
    asked: list[str] = []
    answer = reply(tool_use("weather", {"city": "Rome"}), text("And so on", " and on", Stall()))
    for sent in (answer, Reply([answer.body, Stall()])):
        async with FakeClaude(sent, repeat=True) as server:
            runner = weather_runner(server.client(), asked, run_tools_eagerly=eagerly)
            async with sk.from_sdk(runner).open() as run:
                async for item in run:
                    if item.type == "content_block_start" and item.index == 1:
                        break
            assert asked == []
            with patience():
                await server.connection_closed()
            assert [item async for item in runner] == []


async def test_a_cut_turn_stops_a_runner_before_it_acts_on_it() -> None:
    asked: list[str] = []
    async with FakeClaude(
        call("Rome"), reply(tool_use("weather", '{"city": "Os', closed=False), end="content")
    ) as server:
        run = sk.from_sdk(weather_runner(server.client(), asked)).open()
        with pytest.raises(sk.StreamTruncated) as caught:
            await read_all(run)
        assert (asked, len(server.requests)) == (["Rome"], 2)
    assert (run.outcome.kind, len(run.outcome.messages)) == ("truncated", 2)
    assert [each.input for each in run.outcome.tool_calls] == [{"city": "Rome"}]
    assert caught.value.partial == run.outcome.message
    assert [attempt.error for attempt in run.outcome.attempts] == [None, caught.value]
    assert caught.value.request_id == "req_000000000000000000000002"


async def test_an_error_of_the_runner_itself_stays_what_it_is() -> None:
    async with FakeClaude(call("Rome"), error_reply(529)) as server:
        run = sk.from_sdk(weather_runner(server.client(), [])).open()
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            await read_all(run)
        assert (run.outcome.kind, len(run.outcome.messages)) == ("failed", 1)


async def test_a_runner_can_be_closed_by_a_run_that_never_read_it() -> None:
    async with FakeClaude(call("Rome")) as server:
        runner = weather_runner(server.client(), [])
        async with sk.from_sdk(runner).open() as run:
            pass
        assert (run.outcome.kind, run.outcome.message) == ("stopped", None)
        assert [item async for item in runner] == []
        assert server.requests == []


async def test_a_thread_goes_on_from_what_it_was_told() -> None:
    def second(request: Request) -> Reply:
        assert request.body["thread"]
        return reply(text("Again"))

    async with FakeClaude(reply(text("Hello"), id="msg_first"), second) as server:
        thread = server.client().beta.messages.thread(model="claude-sonnet-5", max_tokens=64)
        for message_id in ("msg_first", None):
            await sk.from_sdk(thread.stream({"role": "user", "content": "Hi"})).run()
            assert message_id is None or thread.previous_message_id == message_id
        assert [message["role"] for message in thread.messages] == ["user", "assistant"] * 2


async def test_a_thread_that_is_left_is_free_for_its_next_turn() -> None:
    async with FakeClaude(reply(text("Hello", Stall())), reply(text("Again"))) as server:
        thread = server.client().beta.messages.thread(model="claude-sonnet-5", max_tokens=64)
        async with sk.from_sdk(thread.stream({"role": "user", "content": "Hi"})).open() as run:
            async for item in run:
                if item.type == "content_block_delta":
                    break
        assert len(thread.messages) == 2  # with what had come of the reply
        assert (await sk.from_sdk(thread.stream({"role": "user", "content": "And?"})).collect())[
            -1
        ].type == "message_stop"


# -- failures ------------------------------------------------------------------------------------------------


@each_kind
async def test_a_failure_in_mid_stream_is_a_stream_error(kind: str) -> None:
    for fault, type_ in ((Drop(), "transport"), (b"", "truncated")):
        async with FakeClaude(reply(text("Hel", fault, closed=False), end="content")) as server:
            run = sk.from_sdk(await GIVE[kind](server.client())).open()
            with pytest.raises(sk.StreamTruncated) as caught:
                await read_all(run)
        assert caught.value.type == type_
        assert run.outcome.kind == "truncated"
        assert run.outcome.attempts[0].error is caught.value


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # of the SDK, whose iterators fail here
async def test_an_error_event_is_a_stream_error() -> None:
    async with FakeClaude(reply(text("Hel", ErrorEvent())), repeat=True) as server:
        for give in GIVE.values():
            run = sk.from_sdk(await give(server.client())).open()
            with pytest.raises(sk.StreamError, match="overloaded_error: Overloaded"):
                await read_all(run)
            assert run.outcome.message is not None
    gc.collect()  # what it warns of is of this test


@pytest.mark.parametrize("kind", ["create, not awaited", "stream manager", "thread"])
async def test_a_failure_before_the_stream_is_the_sdk_s_own(kind: str) -> None:
    async with FakeClaude(error_reply(529)) as server:
        run = sk.from_sdk(await GIVE[kind](server.client())).open()
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            await read_all(run)
    assert (run.outcome.kind, run.outcome.message) == ("failed", None)


# -- one opening ---------------------------------------------------------------------------------------------


@each_kind
async def test_it_can_be_opened_once(kind: str) -> None:
    async with FakeClaude(FULL) as server:
        stream = sk.from_sdk(await GIVE[kind](server.client()))
        await stream.run()
        with pytest.raises(RuntimeError, match=r"cannot be opened twice.*sk\.messages\(client, \.\.\.\)"):
            await stream.run()


@pytest.mark.parametrize("kind", ["create, awaited", "stream, entered", "beta create"])
async def test_a_stream_that_was_never_read_is_closed_with_its_run(kind: str) -> None:
    async with FakeClaude(reply(text("Hello", Stall()))) as server:
        async with sk.from_sdk(await GIVE[kind](server.client())).open() as run:
            assert server.open_connections == 1
        with patience():
            await server.connection_closed()
        assert run.outcome.kind == "stopped"


async def test_a_coroutine_that_was_never_awaited_is_closed_with_its_run() -> None:
    async with FakeClaude(FULL) as server:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            async with sk.from_sdk(server.client().messages.create(**ASK, stream=True)).open():
                pass
            gc.collect()
        assert server.connections == []


@pytest.mark.parametrize("kind", ["create, not awaited", "stream manager"])
async def test_what_is_never_opened_warns_as_without_streamkit(kind: str) -> None:
    async with FakeClaude(FULL) as server:
        stream = sk.from_sdk(await GIVE[kind](server.client()))
        with pytest.warns(RuntimeWarning, match="was never awaited"):
            del stream


# -- what is not one ------------------------------------------------------------------------------------------


def test_a_synchronous_stream_is_refused_with_a_way_out() -> None:
    synchronous: Any = anthropic.Anthropic(api_key="key").messages.stream(**ASK)
    message = (
        r"asynchronous streams, not MessageStreamManager; a synchronous stream works through `pipeline\.over"
    )
    with pytest.raises(TypeError, match=message):
        sk.from_sdk(synchronous)


async def some_events() -> Any:
    yield {"type": "ping"}


@pytest.mark.parametrize(
    "given", [None, 7, some_events(), some_events], ids=["None", "7", "generator", "function"]
)
def test_something_else_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=r"from_sdk\(\) takes one of the SDK's asynchronous streams, not "):
        sk.from_sdk(given)


async def test_a_call_without_stream_is_refused_when_it_is_seen() -> None:
    async with FakeClaude(FULL, repeat=True) as server:
        client: Any = server.client()
        stream = sk.from_sdk(client.messages.create(**ASK))
        with pytest.raises(TypeError, match=r"got Message: give it what create\(stream=True\)"):
            await stream.run()
        stream = sk.from_sdk(client.beta.messages.tool_runner(**ASK, tools=[]))
        with pytest.raises(
            TypeError, match=r"got ParsedBetaMessage.*: a runner must be made with stream=True"
        ):
            await stream.run()
        stream = sk.from_sdk(client.messages.with_streaming_response.create(**ASK, stream=True))
        with pytest.raises(TypeError, match=r"got AsyncAPIResponse: give it what create"):
            await stream.run()
