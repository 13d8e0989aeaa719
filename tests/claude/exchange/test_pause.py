"""
`follow_pause`: a turn that the API pauses is gone on with, in the same stream.
"""

from __future__ import annotations

from typing import Any

import pytest

import streamkit as sk
from streamkit.testing import (
    Drop,
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
from tests.support.claude import AT_ONCE, finished
from tests.support.patience import patience

QUESTION = {"role": "user", "content": "How long is the Rhine?"}
ASK: Any = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [QUESTION]}
SEARCH = tool_use("web_search", {"query": "Rhine"}, type="server_tool_use", id="srvtoolu_1")
PAUSED = reply(
    thinking("Hm", signature="c2ln"), text("Let me see. "), SEARCH, stop_reason="pause_turn", input_tokens=20
)
FOUND: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
GOES_ON = reply(FOUND, text("1,233 km."), input_tokens=30)


async def test_a_paused_turn_is_complete_unless_it_is_followed() -> None:
    async with FakeClaude(PAUSED) as server:
        run = await finished(sk.messages(server.client(), **ASK))
        assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "pause_turn")


async def test_a_paused_turn_goes_on_in_the_same_stream() -> None:
    async with FakeClaude(PAUSED, PAUSED, GOES_ON) as server:
        seen: list[Any] = []
        run = await finished(sk.messages(server.client(), **ASK, follow_pause=True) | sk.validate(), seen)
        assert "".join(sk.text().over(seen)) == "Let me see. Let me see. 1,233 km."
        first, second, third = (request.body for request in server.requests)
        answer = [
            {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
            {"type": "text", "text": "Let me see. "},
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Rhine"}},
        ]  # fmt: skip
        assert second == {**first, "messages": [QUESTION, {"role": "assistant", "content": answer}]}
        assert third["messages"] == [QUESTION, {"role": "assistant", "content": answer * 2}]
        outcome = run.outcome
        assert (outcome.kind, outcome.stop_reason, len(outcome.messages)) == ("complete", "end_turn", 3)
        assert outcome.message == outcome.messages[-1]
        assert (outcome.usage.input_tokens, len(outcome.attempts)) == (70, 3)
        assert [attempt.number for attempt in outcome.attempts] == [1, 2, 3]


@pytest.mark.parametrize(("follow", "turns"), [(True, 16), (3, 3), (1, 1), (False, 1)])
async def test_an_answer_that_pauses_again_and_again_has_an_end(follow: bool | int, turns: int) -> None:
    async with FakeClaude(PAUSED, repeat=True) as server:
        run = await finished(sk.messages(server.client(), **ASK, follow_pause=follow))
        assert len(server.requests) == len(run.outcome.messages) == turns
        assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "pause_turn")


@pytest.mark.parametrize("follow", [0, -1])
async def test_a_number_of_turns_is_at_least_one(follow: int) -> None:
    async with FakeClaude(PAUSED) as server:
        with pytest.raises(
            ValueError, match=rf"follow_pause=…\) must be at least 1 message, or False, not {follow}"
        ):
            sk.messages(server.client(), **ASK, follow_pause=follow)


async def test_texts_of_two_turns_stay_two_blocks() -> None:
    paused = reply(text("Wait. "), stop_reason="pause_turn")
    async with FakeClaude(paused, paused, GOES_ON) as server:
        await finished(sk.messages(server.client(), **ASK, follow_pause=True))
        said = {"type": "text", "text": "Wait. "}
        assert server.requests[2].body["messages"][1] == {"role": "assistant", "content": [said, said]}


async def test_each_turn_has_its_retries() -> None:
    busy = error_reply(529)
    async with FakeClaude(busy, PAUSED, busy, busy, GOES_ON) as server:
        policy = sk.RetryPolicy(attempts=3, base=0)
        run = await finished(sk.messages(server.client(), **ASK, retry=policy, follow_pause=True))
        assert (len(run.outcome.messages), len(run.outcome.attempts)) == (2, 5)
        assert [attempt.error is None for attempt in run.outcome.attempts] == [
            False,
            True,
            False,
            False,
            True,
        ]


async def test_a_turn_that_is_cut_behind_a_pause_is_continued() -> None:
    cut = reply(FOUND, text("1,2", Drop()))
    async with FakeClaude(PAUSED, cut, reply(text("33 km."))) as server:
        seen: list[Any] = []
        policy = sk.RetryPolicy(base=0, resume="continue")
        chat = sk.messages(server.client(), **ASK, retry=policy, follow_pause=True)
        run = await finished(chat | sk.validate(), seen)
        assert "".join(sk.text().over(seen)) == "Let me see. 1,233 km."
        last = server.requests[2].body["messages"]
        assert [each["role"] for each in last] == ["user", "assistant", "user"]
        assert [block["type"] for block in last[1]["content"]] == [
            "thinking", "text", "server_tool_use", "web_search_tool_result", "text",
        ]  # fmt: skip
        assert len(run.outcome.messages) == 2


async def test_a_turn_that_starts_over_behind_a_pause_starts_from_the_beginning() -> None:
    cut = reply(FOUND, text("1,2", Drop()))
    async with FakeClaude(PAUSED, cut, PAUSED, GOES_ON) as server:
        policy = sk.RetryPolicy(base=0, resume="restart")
        chat = sk.messages(server.client(), **ASK, retry=policy, follow_pause=True)
        seen: list[Any] = []
        run = await finished(chat | sk.validate() | sk.text(restarts=True), seen)
        [restarted] = [item for item in seen if not isinstance(item, str)]
        # What came before it counts no more: the turn before the pause comes again too.
        assert "".join(seen[seen.index(restarted) + 1 :]) == "Let me see. 1,233 km."
        assert restarted.attempt == 3
        assert (len(run.outcome.messages), len(server.requests)) == (2, 4)
        assert server.requests[2].body == server.requests[0].body


async def test_starting_over_behind_pauses_has_an_end() -> None:
    def always_cut(request: Request) -> Reply:
        return PAUSED if len(request.body["messages"]) == 1 else reply(FOUND, text("1,2", Drop()))

    async with FakeClaude(always_cut, repeat=True) as server:
        policy = sk.RetryPolicy(attempts=3, base=0, resume="restart")
        with pytest.raises(sk.StreamTruncated):
            await finished(sk.messages(server.client(), **ASK, retry=policy, follow_pause=True))
        assert len(server.requests) == 6


async def test_a_turn_that_fails_for_good_keeps_the_ones_before() -> None:
    async with FakeClaude(PAUSED, reply(FOUND, text("1,2", Drop()))) as server:
        run = sk.messages(server.client(), **ASK, retry=AT_ONCE, follow_pause=True).open()
        with pytest.raises(sk.StreamTruncated) as caught:
            async with run:
                async for _ in run:
                    pass
        assert [len(message.content) for message in run.outcome.messages] == [3, 2]
        assert caught.value.partial == run.outcome.message


async def test_a_turn_that_does_not_begin_behind_a_pause_is_an_error_of_the_stream() -> None:
    async with FakeClaude(PAUSED, error_reply(400, message="no")) as server:
        run = sk.messages(server.client(), **ASK, retry=AT_ONCE, follow_pause=True).open()
        with pytest.raises(sk.StreamError, match=r"a follow-up request was refused: .*no") as caught:
            async with run:
                async for _ in run:
                    pass
        assert (caught.value.type, caught.value.status_code) == ("invalid_request_error", 400)
        assert caught.value.partial == run.outcome.message == run.outcome.messages[0]


async def test_the_sandbox_of_a_turn_is_used_again() -> None:
    delta = {
        "stop_reason": "pause_turn",
        "stop_sequence": None,
        "container": {"id": "container_7", "expires_at": "x"},
    }
    paused = reply(
        text("Let me see. "), event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}})
    )
    paused = paused.edited(
        lambda events: [item for item in events if item["type"] != "message_delta" or item["delta"] == delta]
    )
    async with FakeClaude(paused, GOES_ON, paused, GOES_ON) as server:
        await finished(sk.messages(server.client(), **ASK, follow_pause=True))
        assert [request.body.get("container") for request in server.requests] == [None, "container_7"]
        await finished(sk.messages(server.client(), **ASK, follow_pause=True, container="mine"))
        assert server.requests[3].body["container"] == "mine"


async def test_a_pause_without_anything_said_is_the_end() -> None:
    async with FakeClaude(reply(stop_reason="pause_turn")) as server:
        run = await finished(sk.messages(server.client(), **ASK, follow_pause=True))
        assert (run.outcome.kind, len(server.requests)) == ("complete", 1)


async def test_it_can_be_left_between_the_turns() -> None:
    async with FakeClaude(PAUSED, reply(FOUND, text("1,233", Stall()))) as server:
        async with (sk.messages(server.client(), **ASK, follow_pause=True) | sk.take(12)).open() as run:
            with patience():
                async for _ in run:
                    pass
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "take")
        with patience():
            await server.all_closed()
