"""
A response in which a message begins while another has not ended: the two are never merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import (
    PING,
    Drop,
    FakeClaude,
    Reply,
    Stall,
    reply,
    spliced,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, finished
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = reply(
    thinking("Hm"), text("Hello", " wor", "ld"), tool_use("go", {"to": "Rome"}, chunk=4), id="msg_1"
)
SECOND = reply(text("Good", " day"), id="msg_2", input_tokens=20)
TYPES = [item["type"] for item in SECOND.events]

PLACES = {
    "in thinking": 3,
    "in text": 7,
    "between blocks": 5,
    "in a tool's input": 13,
    "after the stop reason": len(FIRST.events) - 1,
}


async def failed(stream: sk.Stream[Any], seen: list[Any]) -> tuple[sk.StreamError, sk.Outcome]:
    run = stream.open()
    with pytest.raises(sk.StreamError) as caught, patience():
        async with run:
            async for item in run:
                seen.append(item)
    return caught.value, run.outcome


def policy(resume: Any, **more: Any) -> sk.RetryPolicy:
    return sk.RetryPolicy(base=0, resume=resume, **more)


def types(items: list[Any]) -> list[str]:
    return [item.type for item in items]


# -- before the first content --------------------------------------------------------------------------------

EMPTY_BEGINNINGS = {
    "message_start": reply(id="msg_1").cut(1),
    "a ping": Reply([*reply(id="msg_1").cut(1).steps, PING]),
    "an empty block": reply(text("x"), id="msg_1").cut(2),
    "a call without input": reply(tool_use("go", {"a": 1}), id="msg_1").cut(2),
    "two of them": Reply([*reply(id="msg_1").cut(1).steps, *reply(id="msg_0").cut(1).steps]),
}

WAYS: dict[str, Callable[[anthropic.AsyncAnthropic], sk.Stream[Any]]] = {
    "never": lambda client: sk.messages(client, **ASK, retry=policy("never")),
    "restart": lambda client: sk.messages(client, **ASK, retry=policy("restart")),
    "continue": lambda client: sk.messages(client, **ASK, retry=policy("continue")),
    "no retries": lambda client: sk.messages(client, **ASK, retry=policy("never", attempts=1)),
    "left to the SDK": lambda client: sk.messages(client, **ASK, retry=None),
    "create": lambda client: sk.from_sdk(client.messages.create(**ASK, stream=True)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("beginning", EMPTY_BEGINNINGS.values(), ids=EMPTY_BEGINNINGS)
async def test_before_content_the_second_message_takes_the_place_of_the_first_unseen(
    way: str, beginning: Reply
) -> None:
    async with FakeClaude(spliced(beginning, len(beginning.steps), SECOND)) as server:
        seen: list[Any] = []
        run = await finished(WAYS[way](server.client()) | sk.validate(), seen)
        assert types(seen) == TYPES
        outcome = run.outcome
        assert (outcome.kind, len(outcome.messages), len(server.requests)) == ("complete", 1, 1)
        assert outcome.message is not None
        assert outcome.message.id == "msg_2"
        assert outcome.usage.input_tokens == 20
        *earlier, last = outcome.attempts
        assert [each.error.type for each in earlier if isinstance(each.error, sk.StreamError)] == [
            "spliced"
        ] * len(earlier)
        assert earlier
        assert last.error is None
        assert {each.request_id for each in outcome.attempts} == {outcome.request_id}


async def test_so_it_is_in_bytes_and_however_they_are_cut() -> None:
    body = spliced(EMPTY_BEGINNINGS["an empty block"], 2, SECOND).body
    for size in (1, 7, 100, len(body)):
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        seen: list[Any] = []
        run = await finished(sk.from_sse(chunks) | sk.validate(), seen)
        assert types(seen) == TYPES
        assert [type(each.error).__name__ for each in run.outcome.attempts] == ["StreamSpliced", "NoneType"]


# -- after it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resume", ["never", None])
@pytest.mark.parametrize("place", PLACES)
async def test_after_content_it_is_an_error_that_is_worth_another_try(place: str, resume: str | None) -> None:
    retry = None if resume is None else policy(resume)
    async with FakeClaude(spliced(FIRST, PLACES[place], SECOND)) as server:
        seen: list[Any] = []
        error, outcome = await failed(sk.messages(server.client(), **ASK, retry=retry), seen)
        assert (error.type, error.retriable, error.partial.id) == ("spliced", True, "msg_1")
        assert len(seen) == PLACES[place]
        assert outcome.message is not None
        assert (outcome.kind, outcome.message.id) == ("failed", "msg_1")
        assert len(outcome.tool_calls) == (place == "after the stop reason")
        assert (len(server.requests), [each.error for each in outcome.attempts]) == (1, [error])


@pytest.mark.parametrize("place", PLACES)
async def test_adopted_streams_and_bytes_end_with_that_error_too(place: str) -> None:
    answer = spliced(FIRST, PLACES[place], SECOND)
    async with FakeClaude(answer) as server:
        streams = [sk.from_sdk(server.client().messages.create(**ASK, stream=True))]
        if place != "after the stop reason":
            streams.append(sk.from_sse(answer.body))
        for stream in streams:
            seen: list[Any] = []
            error, outcome = await failed(stream, seen)
            assert (error.type, error.retriable, error.partial.id) == ("spliced", True, "msg_1")
            assert len(seen) == PLACES[place]
            assert len(outcome.messages) == 1


@pytest.mark.parametrize("place", PLACES)
async def test_under_restart_the_same_response_is_read_on(place: str) -> None:
    async with FakeClaude(spliced(FIRST, PLACES[place], SECOND)) as server:
        seen: list[Any] = []
        run = await finished(
            sk.messages(server.client(), **ASK, retry=policy("restart")) | sk.validate(), seen
        )
        assert types(seen)[PLACES[place] :] == ["restarted", *TYPES]
        restarted = seen[PLACES[place]]
        first, second = run.outcome.attempts
        assert (restarted.attempt, restarted.error) == (2, first.error)
        assert isinstance(first.error, sk.StreamError)
        assert (first.error.type, first.error.partial.id) == ("spliced", "msg_1")
        assert (second.error, second.request_id) == (None, first.request_id)
        assert run.outcome.message is not None
        assert (run.outcome.kind, len(run.outcome.messages), run.outcome.message.id) == (
            "complete",
            1,
            "msg_2",
        )
        assert len(server.requests) == 1


async def test_what_has_not_given_content_yet_does_not_void_what_was_handed_on() -> None:
    first = FIRST.cut(7)
    cut = spliced(first, 7, SECOND.cut(1, Drop()))
    async with FakeClaude(cut, SECOND) as server:
        seen: list[Any] = []
        run = await finished(
            sk.messages(server.client(), **ASK, retry=policy("restart")) | sk.validate(), seen
        )
        assert types(seen)[7:] == ["restarted", *TYPES]
        kinds = [getattr(each.error, "type", None) for each in run.outcome.attempts]
        assert (kinds, len(server.requests)) == (["spliced", "transport", None], 2)


async def test_a_response_that_is_spliced_again_and_again_uses_up_the_attempts() -> None:
    often = Reply([step for _ in range(5) for step in reply(text("Hel"), id="msg").cut(3).steps])
    often = often.edited(
        lambda events: [
            {**e, "message": {**e["message"], "id": f"msg_{n}"}} if "message" in e else e
            for n, e in enumerate(events)
        ]
    )
    async with FakeClaude(often) as server:
        seen: list[Any] = []
        chat = sk.messages(server.client(), **ASK, retry=policy("restart", attempts=3))
        error, _ = await failed(chat | sk.text(restarts=True), seen)
        assert error.type == "spliced"
        assert [each if isinstance(each, str) else each.attempt for each in seen] == [
            "Hel",
            2,
            "Hel",
            3,
            "Hel",
        ]
        assert len(server.requests) == 1


async def test_behind_a_pause_a_restart_asks_from_the_beginning() -> None:
    paused = reply(text("Let me see. "), stop_reason="pause_turn", id="msg_0")
    async with FakeClaude(paused, spliced(reply(text("Hello"), id="msg_1"), 3, SECOND), SECOND) as server:
        seen: list[Any] = []
        chat = sk.messages(server.client(), **ASK, retry=policy("restart"), follow_pause=True)
        # The response answers the request for the rest alone, and a restart makes the turn before void too.
        await finished(chat | sk.validate(), seen)
        restarted = next(number for number, item in enumerate(seen) if isinstance(item, sk.Restarted))
        assert types(seen[restarted + 1 :]) == TYPES
        assert len(server.requests) == 3
        assert server.requests[2].body == server.requests[0].body


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-sonnet-5"])
async def test_under_continue_the_rest_of_the_first_is_asked_for(model: str) -> None:
    first = reply(text("Hello", " wor", "ld"), id="msg_1")
    async with FakeClaude(spliced(first, 4, SECOND), reply(text("ld"), id="msg_3")) as server:
        seen: list[Any] = []
        other_model: Any = {**ASK, "model": model}
        chat = sk.messages(server.client(), **other_model, retry=policy("continue"))
        run = await finished(chat | sk.validate(), seen)
        assert "".join(sk.text().over(seen)) == "Hello world"
        assert server.requests[1].body["messages"][1] == {"role": "assistant", "content": "Hello wor"}
        assert run.outcome.message is not None
        assert (run.outcome.message.id, len(run.outcome.messages)) == ("msg_1", 1)
        assert [getattr(each.error, "type", None) for each in run.outcome.attempts] == ["spliced", None]


async def test_a_continuation_may_be_spliced_too() -> None:
    first = reply(text("Hello", Drop()), id="msg_1")
    unseen = spliced(reply(text("x"), id="msg_2"), 2, reply(text(" wor"), id="msg_3").cut(3, Drop()))
    seen_of = spliced(reply(text("l"), id="msg_4"), 3, SECOND)
    async with FakeClaude(first, unseen, seen_of, reply(text("d"), id="msg_5")) as server:
        seen: list[Any] = []
        chat = sk.messages(server.client(), **ASK, retry=policy("continue", attempts=5))
        run = await finished(chat | sk.validate(), seen)
        assert "".join(sk.text().over(seen)) == "Hello world"
        kinds = [getattr(each.error, "type", None) for each in run.outcome.attempts]
        assert kinds == ["transport", "spliced", "transport", "spliced", None]
        assert len(server.requests) == 4


async def test_where_it_cannot_be_continued_the_error_says_why() -> None:
    async with FakeClaude(spliced(FIRST, PLACES["in thinking"], SECOND)) as server:
        error, _ = await failed(sk.messages(server.client(), **ASK, retry=policy("continue")), [])
        assert error.type == "spliced"
        assert "cannot be continued: the cut is inside a thinking block" in str(error)


async def test_in_bytes_of_unknown_origin_a_message_may_lack_its_last_event() -> None:
    body = spliced(reply(text("Hello"), id="msg_1"), -1, SECOND).body
    run = await finished(sk.from_sse(body))
    assert [message.id for message in run.outcome.messages] == ["msg_1", "msg_2"]


async def test_the_general_retry_tries_again() -> None:
    async with FakeClaude(spliced(FIRST, PLACES["in text"], SECOND), SECOND) as server:
        chat = sk.messages(server.client(), **ASK, retry=policy("never", attempts=1))
        pieces = await (chat | sk.text(restarts=True) | sk.retry(policy("restart"))).collect()
        assert "".join(each for each in pieces[-2:] if isinstance(each, str)) == "Good day"


async def test_it_can_be_left_where_it_is_read_on() -> None:
    async with FakeClaude(
        spliced(FIRST, PLACES["in text"], reply(text("Good", Stall()), id="msg_2"))
    ) as server:
        async with sk.messages(server.client(), **ASK, retry=policy("restart")).open() as run:
            with patience():
                async for item in run:
                    if isinstance(item, sk.Restarted):
                        break
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")
        with patience():
            await server.all_closed()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_so_it_is_on_the_aiohttp_transport(anyio_backend: str) -> None:
    pytest.importorskip("aiohttp")
    async with (
        FakeClaude(spliced(FIRST, PLACES["in text"], SECOND)) as server,
        anthropic.DefaultAioHttpClient() as http_client,
    ):
        seen: list[Any] = []
        client = server.client(http_client=http_client)
        await finished(sk.messages(client, **ASK, retry=policy("restart")) | sk.validate(), seen)
        assert types(seen)[PLACES["in text"] :] == ["restarted", *TYPES]


async def test_operators_that_read_such_events_themselves_tell_it_too() -> None:
    events = spliced(FIRST, PLACES["in text"], SECOND).events
    for operator in (sk.validate(), sk.tool_calls(), sk.blocks()):
        with pytest.raises(sk.StreamError, match="message_start inside another message") as caught:
            list(operator.over(map(from_dict, events)))
        assert (caught.value.type, caught.value.retriable) == ("spliced", True)
