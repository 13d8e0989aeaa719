"""
`outcome.history`: the conversation so far, always legal to send again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types import TextBlock
from anthropic.types.parsed_message import ParsedTextBlock

import streamkit as sk
from streamkit.testing import Drop, ErrorEvent, FakeClaude, Reply, event, reply, text, thinking, tool_use
from tests.support.claude import outcome_of

if TYPE_CHECKING:
    from pathlib import Path

    from streamkit._core.outcome import Outcome

QUESTION: Any = {"role": "user", "content": "How long is the Rhine?"}
ASK: Any = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [QUESTION]}
SIGNED: Any = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
SEARCH = tool_use("web_search", {"query": "Rhine"}, type="server_tool_use", id="srvtoolu_1")
FOUND: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


CLOSED = event({"type": "content_block_stop", "index": 1})


async def asked_once(*answers: Reply, **more: Any) -> Outcome:
    params: Any = {**ASK, "retry": sk.RetryPolicy(attempts=1), **more}
    async with FakeClaude(*answers) as server:
        outcome = await outcome_of(sk.messages(server.client(), **params))
    history: Any = outcome.history
    assert json.loads(json.dumps(history)) == history
    return outcome


def answer(outcome: Outcome) -> Any:
    [question, said] = outcome.history
    assert question == QUESTION
    assert said["role"] == "assistant"
    return said["content"]


async def test_it_is_what_was_asked_and_then_the_answer() -> None:
    outcome = await asked_once(
        reply(
            thinking("Hm", signature="c2ln"), text("1,233 km."), tool_use("go", {"to": "Basel"}, id="toolu_1")
        )
    )
    assert answer(outcome) == [
        SIGNED,
        {"type": "text", "text": "1,233 km."},
        {"type": "tool_use", "id": "toolu_1", "name": "go", "input": {"to": "Basel"}},
    ]
    assert (await asked_once(reply(text("1,233", " km.")))).history == [
        QUESTION,
        {"role": "assistant", "content": "1,233 km."},
    ]


async def test_the_next_request_can_send_it() -> None:
    async with FakeClaude(reply(text("Hello")), reply(text("Yes"))) as server:
        async with sk.messages(server.client(), **ASK).open() as run:
            async for _ in run:
                pass
        follow_up: list[Any] = [*run.outcome.history, {"role": "user", "content": "Sure?"}]
        asked: Any = {**ASK, "messages": follow_up}
        await sk.messages(server.client(), **asked).run()
        assert server.requests[1].body["messages"] == follow_up


LEFT_OUT: dict[str, Reply] = {
    "thinking without a signature": reply(thinking("Hm", signature=""), text("Yes")),
    "thinking that was cut": reply(text("Yes"), thinking("Hm", Drop())),
    "a call that was cut": reply(text("Yes"), tool_use("go", '{"to": "Ba', Drop())),
    "a call that was cut before its input": reply(text("Yes"), tool_use("go", Drop())),
    "a call whose input is no object": reply(text("Yes"), tool_use("go", "[1]")),
    "a call that max_tokens has cut": reply(text("Yes"), tool_use("go", '{"to": "Ba', closed=False), stop_reason="max_tokens"),
    "a server's call that was cut": reply(text("Yes"), tool_use("web_search", '{"q', Drop(), type="server_tool_use")),
    "a server's call without a result": reply(text("Yes"), SEARCH, text(ErrorEvent())),
    "a result without its call": reply(text("Yes"), FOUND),
    "empty text": reply(text(""), text("Yes"), text(" \n")),
    "thinking behind which nothing has come": reply(text("Yes"), thinking("Hm", signature="c2ln")).cut(9, Drop()),
    "thinking behind which there is only a call that was cut": reply(
        text("Yes"), thinking("Hm", signature="c2ln"), {"type": "redacted_thinking", "data": "x"}, tool_use("go", "{", Drop())
    ),
    "a call that ended with nothing but the next block": reply(tool_use("go", "{}", closed=False), text("Yes", Drop())),
    "a call without input that may have been cut": reply(text("Yes"), tool_use("go", Drop())).insert(5, CLOSED),
    "a result before its call": reply(FOUND, SEARCH, text("Yes")),
    "a result that nobody can place": reply({"type": "web_search_tool_result", "content": []}, text("Yes")),
    "a result with nothing in it": reply(SEARCH, {"type": FOUND["type"], "tool_use_id": FOUND["tool_use_id"]}, text("Yes")),
    "a signature that is not text": reply({"type": "thinking", "thinking": "Hm", "signature": 7}, text("Yes")),
    "hidden thinking that is not text": reply({"type": "redacted_thinking", "data": {"x": 1}}, text("Yes")),
    "citations that are not objects": reply({"type": "text", "text": "Yes", "citations": ["x"]}),
    "a block of tomorrow of which not all is understood": reply({"type": "map"}, text("Yes")).insert(
        2, event({"type": "content_block_delta", "index": 0, "delta": {"type": "map_delta", "x": 1}})
    ),
    "a failed compaction without a null": reply(text("Yes"), {"type": "compaction", "content": ""}),
}  # fmt: skip


@pytest.mark.parametrize("said", LEFT_OUT.values(), ids=LEFT_OUT)
async def test_what_the_api_would_refuse_is_left_out(said: Reply) -> None:
    content = answer(await asked_once(said))
    assert content in ("Yes", [{"type": "text", "text": "Yes"}])


async def test_a_call_of_the_api_s_own_tools_stays_with_its_result_and_where_the_api_has_paused() -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Rhine"}}
    assert answer(await asked_once(reply(SEARCH, FOUND, text("Yes")))) == [
        call,
        FOUND,
        {"type": "text", "text": "Yes"},
    ]
    assert answer(await asked_once(reply(SEARCH, stop_reason="pause_turn"))) == [call]


RUN = tool_use("code_execution", {"code": "go()"}, type="server_tool_use", id="srvtoolu_2")
RAN: dict[str, Any] = {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_2", "content": {}}
CALLER = {"type": "code_execution_20250825", "tool_id": "srvtoolu_2"}


@pytest.mark.parametrize("caller", [{"type": "direct"}, CALLER], ids=["beside it", "by it"])
async def test_a_program_that_waits_for_the_caller_s_tools_stays_with_their_calls(
    caller: dict[str, str],
) -> None:
    call = tool_use("go", {}, id="toolu_1")
    call = replace(call, start={**call.start, "caller": caller})
    outcome = await asked_once(reply(RUN, call, stop_reason="tool_use"))
    assert [block["type"] for block in answer(outcome)] == ["server_tool_use", "tool_use"]
    # Where the message was cut, the API does not wait, unless the program itself has called.
    outcome = await asked_once(reply(RUN, call, text("And", Drop())))
    by_it = ["server_tool_use"] if caller is CALLER else []
    assert [block["type"] for block in answer(outcome)] == [*by_it, "tool_use", "text"]
    assert answer(await asked_once(reply(RUN, text("Yes"), stop_reason="tool_use"))) == [
        {"type": "text", "text": "Yes"}
    ]


async def test_its_result_comes_in_a_later_answer() -> None:
    asked: list[Any] = [
        QUESTION,
        {
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "srvtoolu_2", "name": "code_execution", "input": {}},
                {"type": "tool_use", "id": "toolu_1", "name": "go", "input": {}, "caller": CALLER},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "gone"}]},
    ]
    outcome = await asked_once(reply(RAN, text("Yes")), messages=asked)
    said: Any = outcome.history[-1]["content"]
    assert said == [RAN, {"type": "text", "text": "Yes"}]
    # And not twice.
    outcome = await asked_once(reply(RAN, text("Yes")), messages=[*outcome.history, QUESTION])
    assert outcome.history[-1]["content"] == [{"type": "text", "text": "Yes"}]


async def test_of_calls_and_results_under_one_id_the_first_stay() -> None:
    outcome = await asked_once(reply(SEARCH, SEARCH, FOUND, {**FOUND, "content": [1]}, text("Yes")))
    assert [block["type"] for block in answer(outcome)] == ["server_tool_use", FOUND["type"], "text"]
    assert answer(outcome)[1] == FOUND


async def test_a_message_of_thinking_alone_is_not_an_answer() -> None:
    for said in (
        reply(thinking("Hm", signature="c2ln")),
        reply(thinking("Hm", signature="c2ln"), text("")),
        reply(thinking("Hm", signature="c2ln"), text("Ye")).cut(6, Drop()),
    ):
        assert (await asked_once(said)).history == [QUESTION]


async def test_all_turns_of_a_paused_answer_are_one_message() -> None:
    outcome = await asked_once(
        reply(text("Let me see. "), SEARCH, stop_reason="pause_turn"),
        reply(FOUND, text("1,233 km.")),
        follow_pause=True,
    )
    assert [block["type"] for block in answer(outcome)] == [
        "text", "server_tool_use", "web_search_tool_result", "text",
    ]  # fmt: skip


async def test_where_nothing_was_answered_it_is_what_was_asked() -> None:
    assert (await asked_once(Reply([]))).history == [QUESTION]
    assert (await asked_once(reply(text("")))).history == [QUESTION]
    assert (await asked_once(reply(thinking("Hm", Drop())))).history == [QUESTION]


async def test_an_answer_to_a_prefill_is_joined_to_it() -> None:
    prefilled: Any = [QUESTION, {"role": "assistant", "content": "It is"}]
    outcome = await asked_once(reply(text(" 1,233 km.")), messages=prefilled)
    assert outcome.history == [QUESTION, {"role": "assistant", "content": "It is 1,233 km."}]


async def test_what_was_asked_may_hold_the_sdk_s_objects() -> None:
    parsed = ParsedTextBlock[dict[str, int]](
        type="text", text="{}", parsed_output={}
    )  # which the SDK keeps to itself
    said = [TextBlock(type="text", text="Hm?"), parsed]
    asked: Any = [QUESTION, {"role": "assistant", "content": said}, QUESTION]
    outcome = await asked_once(reply(text("Yes")), messages=asked)
    assert outcome.history[1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hm?"}, {"type": "text", "text": "{}"}],
    }


async def test_half_a_character_is_marked_because_no_request_can_carry_it() -> None:
    assert answer(await asked_once(reply(text("Yes \ud83d", Drop())))) == "Yes \ufffd"


# -- continued messages --------------------------------------------------------------------------------------

GO_ON: Any = sk.RetryPolicy(base=0, resume="continue")


async def test_thinking_of_a_request_that_continues_is_handed_on_but_not_sent_back() -> None:
    # It was signed for another conversation than the next request will have.
    first = reply(thinking("Hm", signature="c2ln"), text("1,2", Drop()))
    rest = reply(
        thinking("Where was I?", signature="b3RoZXI="),
        text("33 km."),
        tool_use("go", {"to": "Basel"}, id="toolu_1"),
    )
    outcome = await asked_once(first, rest, retry=GO_ON)
    assert outcome.message is not None
    assert [block.type for block in outcome.message.content] == [
        "thinking",
        "text",
        "thinking",
        "text",
        "tool_use",
    ]
    assert [block["type"] for block in answer(outcome)] == ["thinking", "text", "text", "tool_use"]
    assert answer(outcome)[0] == SIGNED


async def test_nor_is_it_sent_where_the_continued_message_pauses() -> None:
    first = reply(text("Let me ", Drop()))
    rest = reply(thinking("Hm", signature="b3RoZXI="), text("see. "), SEARCH, stop_reason="pause_turn")
    async with FakeClaude(first, rest, reply(FOUND, text("1,233 km."))) as server:
        async with sk.messages(server.client(), **ASK, retry=GO_ON, follow_pause=True).open() as run:
            async for _ in run:
                pass
        sent = server.requests[2].body["messages"][1]["content"]
        assert [block["type"] for block in sent] == ["text", "text", "server_tool_use"]
        history: Any = run.outcome.history
        assert history[1]["content"][: len(sent)] == sent


async def test_after_a_restart_it_has_the_new_answer_alone() -> None:
    outcome = await asked_once(
        reply(text("Hel", Drop())), reply(text("Yes")), retry=sk.RetryPolicy(base=0, resume="restart")
    )
    assert answer(outcome) == "Yes"


# -- other sources -------------------------------------------------------------------------------------------


async def test_of_bytes_it_is_the_answer_alone(tmp_path: Path) -> None:
    whole = reply(text("Yes"))
    kept = tmp_path / "body.sse"
    kept.write_bytes(whole.body)
    for stream in (sk.from_sse(whole.body), sk.replay(kept)):
        assert (await outcome_of(stream)).history == [{"role": "assistant", "content": "Yes"}]


async def test_of_an_adopted_stream_it_is_what_the_sdk_has_sent_and_then_the_answer() -> None:
    async with FakeClaude(reply(text("Yes")), repeat=True) as server:
        client = server.client()
        for adopted in (client.messages.create(**ASK, stream=True), client.messages.stream(**ASK)):
            assert answer(await outcome_of(sk.from_sdk(adopted))) == "Yes"


async def test_fields_that_nobody_knows_stay_and_those_of_our_own_do_not() -> None:
    odd = event({"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "x": 1}})
    assert answer(await asked_once(reply(text("Yes", odd)))) == "Yes"


@pytest.mark.parametrize("odd", [{"name": None}, {"name": 7}, {"name": ""}])
async def test_a_call_without_the_name_of_its_tool_is_left_out(odd: dict[str, Any]) -> None:
    block: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "go", "input": {}, **odd}
    call = event({"type": "content_block_start", "index": 1, "content_block": block})
    call += event({"type": "content_block_stop", "index": 1})
    outcome = await asked_once(_with(call))
    assert answer(outcome) == "Hm?"


def _with(frames: bytes) -> Reply:
    """
    An answer with these frames behind its text block.
    """
    whole = reply(text("Hm?")).body
    before, changed, after = whole.partition(b"event: message_delta")
    return Reply([before + frames + changed + after])
