"""
`ui.ag_ui.Response`: a run of AG-UI over HTTP, whatever becomes of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from ag_ui.core import CustomEvent

import streamkit as sk
from streamkit.testing import ErrorEvent, FakeClaude, Pause, Reply, error_reply, reply, text, tool_use
from streamkit.ui import ag_ui
from tests.conformance.failure_matrix import BEFORE, FAULTS, SOME, see_all
from tests.conftest import recorded
from tests.serving.asgi import Exchange
from tests.support.claude import ASK, HELLO, events_of
from tests.support.patience import patience
from tests.support.profiles import examples
from tests.ui.ag_ui_client import BROKEN_INPUT, Client, judge
from tests.ui.ag_ui_runs import QUESTION, answered, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamkit._core.outcome import Outcome

Wire = dict[str, Any]

ONCE: Final = sk.RetryPolicy(attempts=1)


def chat_with(server: FakeClaude, run_id: str = "run", **settings: Any) -> sk.Stream[Any]:
    return sk.messages(server.client(), **ASK, **settings) | ag_ui.events(
        "thread", run_id, messages=[QUESTION]
    )


# -- on the wire --------------------------------------------------------------------------------------------


async def test_each_event_is_a_frame_with_its_json() -> None:
    exchange = await Exchange("POST").serve(response(events_of(text("Hello"))))
    assert exchange.headers["content-type"] == "text/event-stream"
    first, *_, last, after = exchange.text.split("\n\n")
    assert first == ('data: {"type":"RUN_STARTED","threadId":"thread","runId":"run","protocolVersion":"1.0"}')
    assert json.loads(last.removeprefix("data: "))["type"] == "RUN_FINISHED"
    assert after == ""


@pytest.mark.parametrize("answer", [HELLO, reply(text("Hel", ErrorEvent()))])
async def test_frames_gives_the_same_bytes(answer: Reply) -> None:
    async with FakeClaude(answer, repeat=True) as server:
        exchange = await Exchange("POST").serve(ag_ui.Response(chat_with(server, retry=ONCE)))
        frames = [each async for each in ag_ui.frames(chat_with(server, retry=ONCE))]
    assert b"".join(frames).decode() == exchange.text


async def test_nothing_that_a_model_says_can_end_or_forge_a_frame() -> None:
    said = 'a\r\n\r\ndata: {"type":"RUN_ERROR"}\n\n\u2028b\u2029\x85: c'
    status, run = await answered(response(events_of(text(said))))
    client = Client([QUESTION])
    client.take(run)
    assert (status, client.error, client.messages[-1]["content"]) == (200, None, said)


async def test_what_utf8_does_not_have_is_written_all_the_same() -> None:
    note = {"type": "CUSTOM", "name": "app.half", "value": "\ud83c"}
    _, run = await answered(response([note]))
    assert run[1] == note


async def test_models_of_the_package_may_stand_among_the_events() -> None:
    stream = sk.from_iterable([CustomEvent(name="app.note", value=None)])
    _, run = await answered(ag_ui.Response(stream))
    assert [event["type"] for event in run] == ["CUSTOM"]


async def test_it_wants_the_events_of_the_protocol() -> None:
    app = ag_ui.Response(sk.from_iterable(events_of(text("Hello"))))
    with pytest.raises(TypeError, match=r"put ag_ui.events\(thread_id, run_id\) behind"):
        await Exchange().serve(app)


# -- ends ---------------------------------------------------------------------------------------------------


async def test_an_error_before_the_first_event_has_its_status() -> None:
    async with FakeClaude(error_reply(429, headers={"retry-after": "7"})) as server:
        exchange = await Exchange("POST").serve(ag_ui.Response(chat_with(server, retry=ONCE)))
    assert (exchange.status, exchange.headers["retry-after"]) == (429, "7")
    assert json.loads(exchange.text)["type"] == "rate_limit_error"


async def test_a_later_error_is_a_run_error_with_its_type_and_what_was_used() -> None:
    secret = ErrorEvent("overloaded_error", message="the key sk-ant-1 of 10.0.0.7")
    async with FakeClaude(reply(text("Hello", secret))) as server:
        status, run = await answered(ag_ui.Response(chat_with(server, retry=ONCE)))
    judge(run)
    client = Client([QUESTION])
    client.take(run)
    assert status == 200
    assert client.error is not None
    usage = client.error.pop("usage")
    assert client.error == {
        "type": "RUN_ERROR",
        "code": "overloaded_error",
        "message": "the service that answers is overloaded at the moment: try again later",
    }
    assert [(entry["provider"], entry["inputTokens"]) for entry in usage] == [("anthropic", 10)]
    assert client.messages[-1]["content"] == "Hello"


async def test_what_a_retry_has_cost_that_nobody_saw_is_told_too() -> None:
    cut = reply(text("Never seen"), input_tokens=7, output_tokens=5).cut(1)
    policy = sk.RetryPolicy(base=0)
    async with FakeClaude(cut, reply(text("Hello"), input_tokens=7, output_tokens=2)) as server:
        _, run = await answered(ag_ui.Response(chat_with(server, retry=policy)))
    judge(run)
    [usage] = run[-1]["usage"]
    assert (usage["inputTokens"], usage["outputTokens"]) == (14, 3)


async def test_each_of_two_runs_in_a_response_tells_what_itself_has_used() -> None:
    async with FakeClaude(HELLO, reply(text("Again"), output_tokens=9)) as server:
        both = sk.concat(*[chat_with(server, run_id=name) for name in ("run-1", "run-2")])
        _, run = await answered(ag_ui.Response(both))
    ends = [event for event in run if event["type"] == "RUN_FINISHED"]
    assert [(end["runId"], end["usage"][0]["outputTokens"]) for end in ends] == [("run-1", 2), ("run-2", 9)]
    assert run[-1] is ends[-1]


async def test_what_fails_behind_the_end_of_a_run_is_a_failed_run() -> None:
    async def source() -> AsyncIterator[Any]:
        yield {"type": "RUN_STARTED", "threadId": "thread", "runId": "run"}
        yield {"type": "RUN_FINISHED", "threadId": "thread", "runId": "run"}
        raise TimeoutError

    _, run = await answered(ag_ui.Response(sk.from_iterable(source)))
    assert [event["type"] for event in run] == ["RUN_STARTED", "RUN_ERROR"]


async def test_a_bug_is_told_as_such_and_raised() -> None:
    exchange = Exchange("POST")
    with pytest.raises(ZeroDivisionError):
        await exchange.serve(response(events_of(text("Hello"))[:3], ZeroDivisionError("secret")))
    assert '"code":"internal_error"' in exchange.text
    assert "secret" not in exchange.text


async def test_a_run_that_is_stopped_closes_what_is_open_and_is_cancelled() -> None:
    call = tool_use("look", '{"at": ', Pause(60), "1}", id="toolu_1")
    runs: list[sk.Run[Any]] = []

    async with FakeClaude(reply(text("Let me see."), call)) as server:
        stream = chat_with(server)
        opened = stream.open

        def open_and_keep(**settings: Any) -> sk.Run[Any]:
            runs.append(opened(**settings))
            return runs[-1]

        stream.open = open_and_keep  # type: ignore[method-assign]
        exchange = Exchange("POST")
        with patience():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(exchange.serve, ag_ui.Response(stream))
                await exchange.until('"TOOL_CALL_ARGS"')
                runs[0].cancel("the stop button")
    run = [json.loads(frame.removeprefix("data: ")) for frame in exchange.text.split("\n\n") if frame]
    judge(run, BROKEN_INPUT)
    client = Client([QUESTION])
    client.take(run)
    assert client.finished is not None
    assert client.finished["outcome"] == {"type": "cancelled"}


async def test_the_run_is_stopped_when_the_client_goes() -> None:
    outcomes: list[Outcome] = []
    async with FakeClaude(reply(text("Hello", Pause(60), " world"))) as server:
        exchange = Exchange("POST")
        app = ag_ui.Response(chat_with(server) | sk.finalize(outcomes.append))
        with patience():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(exchange.serve, app)
                await exchange.until('"Hello"')
                exchange.gone.set()
            await server.connections[0].closed.wait()
    assert [outcome.stopped_by for outcome in outcomes] == ["cancel: the client is gone"]


async def test_a_run_without_an_operator_that_ends_it_is_ended() -> None:
    started = {"type": "RUN_STARTED", "threadId": "thread", "runId": "run"}
    opened = {"type": "TEXT_MESSAGE_START", "messageId": "m"}
    _, run = await answered(ag_ui.Response(sk.from_iterable([started, opened])))
    assert [event["type"] for event in run[2:]] == ["TEXT_MESSAGE_END", "RUN_FINISHED"]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"type": "RUN_STARTED", "threadId": "thread"}, "runId"),
        ({"type": "TEXT_MESSAGE_START"}, "messageId"),
        ({"type": "TOOL_CALL_END", "toolCallId": []}, "toolCallId"),
    ],
)
async def test_an_event_that_lacks_what_closes_it_is_refused_by_name(event: Any, field: str) -> None:
    exchange = Exchange("POST")
    with pytest.raises(TypeError, match=f"a {event['type']} needs the text '{field}'"):
        await exchange.serve(ag_ui.Response(sk.from_iterable([event])))
    assert exchange.complete


# -- all that can come --------------------------------------------------------------------------------------


async def test_a_restart_over_the_wire_leaves_the_client_with_what_counts() -> None:
    policy = sk.RetryPolicy(base=0, resume="restart")
    async with FakeClaude(reply(text("Hel", ErrorEvent()), id="msg_1"), HELLO) as server:
        _, run = await answered(ag_ui.Response(chat_with(server, retry=policy)))
    judge(run)
    client = Client([QUESTION])
    client.take(run)
    assert [message["content"] for message in client.messages] == ["Hi", "Hello world"]


@pytest.mark.pure
async def test_every_recording_is_a_run_that_nobody_objects_to() -> None:
    paths = recorded()
    if not paths:
        pytest.skip("no recorded streams")
    for path in paths:
        status, run = await answered(ag_ui.Response(sk.replay(path) | ag_ui.events("thread", "run")))
        judge(run, *[BROKEN_INPUT] * ("incomplete_partial_json" in path.name))
        client = Client()
        client.take(run)
        assert status == 200
        assert (client.error is None) == ("spliced" not in path.name)


@pytest.mark.pure
@pytest.mark.skips_idle_time
async def test_every_fault_is_a_run_that_nobody_objects_to() -> None:
    found = await see_all(every=examples(pr=SOME, full=1))
    assert {fault for fault, _, _ in found} == {*FAULTS, *BEFORE}
    for cell, seen in found.items():
        status, run = await answered(response(seen.items, seen.error))
        if not seen.items:
            assert status >= 400 if seen.error else status == 200, cell
            continue
        # What is void may have been cut inside the input of a call.
        judge(run, *[BROKEN_INPUT] * seen.restarts)
        client = Client([QUESTION])
        client.take(run)
        _must_be_what_was_seen(client, seen)


def _must_be_what_was_seen(client: Client, seen: Any) -> None:
    assert (client.error is None) == (seen.error is None)
    if client.error is not None and isinstance(seen.error, sk.StreamError):
        assert client.error["code"] == seen.error.type
    told = "".join(
        message.get("content") or "" for message in client.messages if message["role"] == "assistant"
    )
    assert told == seen.text
    thoughts = "".join(message["content"] for message in client.messages if message["role"] == "reasoning")
    assert thoughts == "".join(sk.thinking().over(seen.current))
    if seen.error is None:
        calls = [call for message in client.messages for call in message.get("toolCalls", ())]
        made = [(call["id"].partition("_2")[0], json.loads(call["function"]["arguments"])) for call in calls]
        assert made == [(call.id, call.input) for call in seen.outcome.tool_calls]
        assert client.finished is not None
        assert client.finished["metadata"] == {"anthropic": {"stop_reason": seen.outcome.stop_reason}}
