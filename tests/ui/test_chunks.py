"""
chunks(): what each event of Claude's is in the AI SDK's protocol.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import Block as Scripted, FakeClaude, Reply, marbles, reply, text, thinking, tool_use
from streamkit.ui import ai_sdk
from tests.operators.test_diagrams import EVENTS, diagrams
from tests.support.claude import ASK

from .client import Client, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

SEARCH = tool_use("web_search", {"query": "tides"}, id="srv_1", type="server_tool_use")
FOUND = {
    "type": "web_search_result",
    "title": "Tides",
    "url": "https://tides.example",
    "encrypted_content": "e+",
}
FOUND_BLOCK = Scripted({"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [FOUND]})


def events(*replies: Reply) -> list[Any]:
    return [from_dict(event) for each in replies for event in each.events]


def chunks_of(items: Iterable[Any], **options: Any) -> list[dict[str, Any]]:
    return list(ai_sdk.chunks(**options).over(items))


def of_type(chunks: Iterable[dict[str, Any]], *types: str) -> list[dict[str, Any]]:
    return [chunk for chunk in chunks if chunk["type"] in types]


def without(block: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in names}


# -- the frame of a message ----------------------------------------------------------------------------------


def test_a_message_is_a_start_a_step_and_a_finish() -> None:
    chunks = chunks_of(events(reply(text("Hel", "lo"), id="msg_1", model="claude-sonnet-5")))
    assert chunks[:-1] == [
        {"type": "start", "messageId": "msg_1"},
        {"type": "start-step"},
        {"type": "text-start", "id": "1-0"},
        {"type": "text-delta", "id": "1-0", "delta": "Hel"},
        {"type": "text-delta", "id": "1-0", "delta": "lo"},
        {"type": "text-end", "id": "1-0"},
        {"type": "finish-step"},
    ]
    finish = chunks[-1]
    assert (finish["type"], finish["finishReason"]) == ("finish", "stop")
    assert finish["messageMetadata"]["stop_reason"] == "end_turn"
    assert finish["messageMetadata"]["model"] == "claude-sonnet-5"
    assert finish["messageMetadata"]["usage"]["output_tokens"] > 0


def test_the_model_is_the_one_that_took_over() -> None:
    models = {"from": {"model": "claude-opus-4-7"}, "to": {"model": "claude-sonnet-4-5"}}
    answer = reply({"type": "fallback", **models}, text("Hello"), model="claude-opus-4-7")
    assert chunks_of(events(answer))[-1]["messageMetadata"]["model"] == "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("tool_use", "tool-calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content-filter"),
        ("content_filter", "content-filter"),
        ("compaction", "other"),
        ("of_tomorrow", "other"),
    ],
)
def test_each_stop_reason_has_its_finish_reason(reason: str, expected: str) -> None:
    assert chunks_of(events(reply(text("Hi"), stop_reason=reason)))[-1]["finishReason"] == expected


def test_nothing_is_nothing() -> None:
    assert chunks_of([]) == []


def test_several_messages_are_steps_of_one_message() -> None:
    first = reply(text("One"), tool_use("look", {"n": 1}, id="toolu_1"), id="msg_1")
    second = reply(text("Two"), id="msg_2")
    chunks = chunks_of([*events(first), *events(second)])
    frame = of_type(chunks, "start", "start-step", "finish-step", "finish")
    assert [chunk["type"] for chunk in frame] == [
        "start",
        "start-step",
        "finish-step",
        "start-step",
        "finish-step",
        "finish",
    ]
    assert frame[0]["messageId"] == "msg_1"
    ids = [chunk["id"] for chunk in of_type(chunks, "text-start")]
    assert len({*ids}) == 2


def test_the_usage_is_that_of_all_messages() -> None:
    first, second = events(reply(text("One"))), events(reply(text("Two and three")))
    told = [[*sk.usage().over(each)][-1].output_tokens for each in (first, second)]
    finish = chunks_of([*first, *second])[-1]
    assert finish["messageMetadata"]["usage"]["output_tokens"] == sum(each or 0 for each in told)


def test_a_message_that_the_api_has_paused_goes_on_in_the_same_step() -> None:
    paused = reply(text("One"), SEARCH, stop_reason="pause_turn")
    chunks = chunks_of([*events(paused), *events(reply(FOUND_BLOCK, text("Two")))])
    assert len(of_type(chunks, "start-step")) == 1
    message = Client().read(chunks)
    (call,) = [part for part in message["parts"] if part["type"] == "tool-web_search"]
    assert (call["state"], call["output"]) == ("output-available", [FOUND])


# -- blocks --------------------------------------------------------------------------------------------------


def test_thinking_ends_with_its_signature() -> None:
    chunks = chunks_of(events(reply(thinking("Hm", signature="c2ln+/="))))
    assert of_type(chunks, "reasoning-start", "reasoning-delta", "reasoning-end") == [
        {"type": "reasoning-start", "id": "1-0"},
        {"type": "reasoning-delta", "id": "1-0", "delta": "Hm"},
        {"type": "reasoning-end", "id": "1-0", "providerMetadata": {"anthropic": {"signature": "c2ln+/="}}},
    ]


def test_thinking_that_is_withheld_has_its_data() -> None:
    chunks = chunks_of(events(reply(Scripted({"type": "redacted_thinking", "data": "b64"}))))
    assert of_type(chunks, "reasoning-start", "reasoning-end") == [
        {"type": "reasoning-start", "id": "1-0", "providerMetadata": {"anthropic": {"redactedData": "b64"}}},
        {"type": "reasoning-end", "id": "1-0"},
    ]


def test_a_call_is_shown_while_its_input_is_written() -> None:
    chunks = chunks_of(events(reply(tool_use("look", '{"n"', ": 1}", id="toolu_1"))))
    call = {"toolCallId": "toolu_1", "toolName": "look"}
    assert chunks[2:-2] == [
        {"type": "tool-input-start", **call},
        {"type": "tool-input-delta", "toolCallId": "toolu_1", "inputTextDelta": '{"n"'},
        {"type": "tool-input-delta", "toolCallId": "toolu_1", "inputTextDelta": ": 1}"},
        {"type": "tool-input-available", **call, "input": {"n": 1}},
    ]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (tool_use("look", '{"n": ', id="toolu_1", closed=False), "The input of this call was cut off."),
        (tool_use("look", "{]", id="toolu_1"), "The input of this call is not JSON."),
        (tool_use("look", "[1]", id="toolu_1"), "The input of this call is not an object."),
        (
            tool_use("look", '{"n":1} {}', id="toolu_1"),
            "The input of this call is followed by something else.",
        ),
        (tool_use("", {"n": 1}, id="toolu_1"), "This call does not name its tool."),
    ],
)
def test_a_call_that_cannot_be_executed_is_an_error(block: Scripted, reason: str) -> None:
    (chunk,) = of_type(chunks_of(events(reply(block, stop_reason="max_tokens"))), "tool-input-error")
    assert without(chunk, "type", "input") == {
        "toolCallId": "toolu_1",
        "toolName": block.start["name"],
        "errorText": reason,
    }
    assert isinstance(chunk["input"], str)


def test_what_the_server_runs_is_executed_by_the_provider() -> None:
    chunks = chunks_of(events(reply(SEARCH, FOUND_BLOCK)))
    shown = [chunk for chunk in chunks if chunk["type"].startswith("tool-")]
    assert all(chunk["providerExecuted"] is True for chunk in shown if "delta" not in chunk["type"])
    assert shown[-1]["output"] == [FOUND]
    assert shown[-1]["providerMetadata"] == {"anthropic": {"type": "web_search_tool_result"}}
    (old,) = of_type(chunks_of(events(reply(SEARCH, FOUND_BLOCK)), version=6), "tool-output-available")
    assert "providerMetadata" not in old  # its first releases refuse it


def test_a_tool_of_an_mcp_server_is_dynamic_and_says_whose_it_is() -> None:
    call = tool_use("roll", {"n": 1}, id="mcp_1", type="mcp_tool_use", server_name="dice")
    said = {"type": "text", "text": "4"}
    result = Scripted(
        {"type": "mcp_tool_result", "tool_use_id": "mcp_1", "is_error": False, "content": [said]}
    )
    chunks = chunks_of(events(reply(call, result)))
    (available,) = of_type(chunks, "tool-input-available")
    assert available["providerMetadata"] == {"anthropic": {"type": "mcp-tool-use", "serverName": "dice"}}
    assert available["dynamic"] is True
    (part,) = [part for part in Client().read(chunks)["parts"] if part["type"] == "dynamic-tool"]
    assert (part["toolName"], part["output"]) == ("roll", [said])


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srv_1",
                "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
            },
            '{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}',
        ),
        (
            {"type": "mcp_tool_result", "tool_use_id": "srv_1", "is_error": True, "content": "down"},
            "down",
        ),
    ],
)
def test_a_tool_of_the_servers_that_failed_is_an_error(result: dict[str, Any], told: str) -> None:
    (chunk,) = of_type(chunks_of(events(reply(SEARCH, Scripted(result)))), "tool-output-error")
    assert chunk["errorText"] == told


def test_a_result_whose_call_nobody_has_told_of_gets_one_so_that_a_page_can_show_it() -> None:
    message = Client().read(chunks_of(events(reply(FOUND_BLOCK, text("Ebb.")))))
    (part,) = [part for part in message["parts"] if part["type"] == "tool-web_search"]
    assert (part["input"], part["output"]) == (None, [FOUND])


@pytest.mark.parametrize(
    ("citation", "expected"),
    [
        (
            {
                "type": "web_search_result_location",
                "url": "https://tides.example",
                "title": "Tides",
                "cited_text": "Low",
                "encrypted_index": "Eo8B",
            },
            {"type": "source-url", "url": "https://tides.example", "title": "Tides"},
        ),
        (
            {"type": "search_result_location", "source": "kb://7", "title": None, "cited_text": "Low"},
            {"type": "source-url", "url": "kb://7"},
        ),
        (
            {"type": "page_location", "document_index": 0, "document_title": "Almanac", "cited_text": "Low"},
            {"type": "source-document", "mediaType": "application/pdf", "title": "Almanac"},
        ),
        (
            {"type": "char_location", "document_index": 3, "document_title": None, "cited_text": "Low"},
            {"type": "source-document", "mediaType": "text/plain", "title": "Document 3"},
        ),
        (
            {"type": "of_tomorrow", "cited_text": "Low"},
            {"type": "source-document", "mediaType": "text/plain", "title": "Document"},
        ),
    ],
)
def test_a_citation_is_a_source(citation: dict[str, Any], expected: dict[str, Any]) -> None:
    chunks = chunks_of(events(reply(text("Low", citations=[citation]))))
    (source,) = of_type(chunks, "source-url", "source-document")
    assert without(source, "sourceId", "providerMetadata") == expected
    assert source["providerMetadata"] == {"anthropic": citation}
    (end,) = of_type(chunks, "text-end")
    assert end["providerMetadata"] == {"anthropic": {"citations": [citation]}}


def test_any_other_block_is_a_part_too() -> None:
    upload = {"type": "container_upload", "file_id": "file_1"}
    items = events(reply(text("Hi"), Scripted(upload)))
    (part,) = of_type(chunks_of(items), "custom")
    assert part == {
        "type": "custom",
        "kind": "anthropic.container_upload",
        "providerMetadata": {"anthropic": upload},
    }
    (old,) = of_type(chunks_of(items, version=6), "data-anthropic-block")
    assert old == {"type": "data-anthropic-block", "data": upload}


def test_a_character_is_never_taken_apart() -> None:
    wave = "🌊"
    first, second = wave.encode("utf-16-le", "surrogatepass")[:2], wave.encode("utf-16-le")[2:]
    halves = [half.decode("utf-16-le", "surrogatepass") for half in (first, second)]
    begin, *_, stop, delta, end = reply(text("x"), thinking("y")).events
    items = [
        begin,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in ("a", "b" + halves[0], halves[1] + "c")
        ),
        {**stop, "index": 0},
        delta,
        end,
    ]
    chunks = chunks_of(map(from_dict, items))
    assert [chunk["delta"] for chunk in of_type(chunks, "text-delta")] == ["a", "b", "🌊c"]


def test_a_call_that_is_said_twice_is_shown_once_and_two_under_one_id_are_two() -> None:
    def call(n: int) -> Scripted:
        return tool_use("look", {"n": n}, id="toolu_1")

    items = events(reply(call(1), call(1), call(2)))
    chunks = chunks_of(items)
    parts = [part for part in Client().read(chunks)["parts"] if part["type"] == "tool-look"]
    shown = [(part["toolCallId"], part["input"]) for part in parts]
    assert shown == [(each.id, each.input) for each in sk.tool_calls().over(items)]
    assert [part["state"] for part in parts] == ["input-available"] * 2
    assert len(of_type(chunks, "tool-input-available")) == 2


def test_calls_without_an_id_are_shown_when_they_have_one() -> None:
    items = events(reply(tool_use("look", {"n": 1}, id=""), tool_use("look", {"n": 2}, id=""), id="msg_1"))
    chunks = chunks_of(items)
    shown = of_type(chunks, "tool-input-available")
    assert [chunk["input"] for chunk in shown] == [{"n": 1}, {"n": 2}]
    assert [chunk["toolCallId"] for chunk in shown] == ["call_msg_1_0", "call_msg_1_1"]
    assert [chunk["toolCallId"] for chunk in shown] == [call.id for call in sk.tool_calls().over(items)]
    assert of_type(chunks, "tool-input-start", "tool-input-delta") == []


def test_white_space_that_was_sent_for_a_call_is_no_text() -> None:
    begin, start, *rest = reply(tool_use("look", {"n": 1}, id="toolu_1")).events

    def stray(said: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}}

    blank = chunks_of(map(from_dict, [begin, start, stray(" \n"), *rest]))
    assert of_type(blank, "text-start", "text-delta") == []
    said = chunks_of(map(from_dict, [begin, start, stray(" \n"), stray("Hi"), *rest]))
    assert text_of(Client().read(said)) == " \nHi"


def test_a_result_ends_its_call_where_the_end_was_left_out() -> None:
    unended = tool_use("web_search", {"query": "tides"}, id="srv_1", type="server_tool_use", closed=False)
    (part,) = [
        part
        for part in Client().read(chunks_of(events(reply(unended, FOUND_BLOCK, text("Ebb.")))))["parts"]
        if part["type"] == "tool-web_search"
    ]
    assert (part["state"], part["input"], part["output"]) == ("output-available", {"query": "tides"}, [FOUND])


async def test_where_input_was_lost_a_call_without_any_is_not_one_without_arguments() -> None:
    begin, start, _, stop, *rest = reply(tool_use("look", id="toolu_1")).events
    lost = {
        "type": "content_block_delta",
        "index": 7,
        "delta": {"type": "input_json_delta", "partial_json": "{"},
    }
    other = {
        **start,
        "index": 1,
        "content_block": {**start["content_block"], "id": "toolu_2"},
    }
    items = [begin, start, other, lost, stop, {**stop, "index": 1}, *rest]
    body = b"".join(b"data: " + json.dumps(item).encode() + b"\n\n" for item in items)
    async with (sk.from_sse([body]) | ai_sdk.chunks()).open() as run:
        chunks = [chunk async for chunk in run]
    shown = of_type(chunks, "tool-input-available")
    assert [(chunk["toolCallId"], chunk["input"]) for chunk in shown] == [
        (call.id, call.input) for call in run.outcome.tool_calls
    ]
    assert len(of_type(chunks, "tool-input-error")) == 2 - len(shown) > 0


def test_what_comes_for_a_block_that_has_ended_is_a_part_of_its_own() -> None:
    *before, stop, changes, end = reply(text("Hel")).events
    late = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}}
    message = Client().read(chunks_of(map(from_dict, [*before, stop, late, late, changes, end])))
    parts = [(part["text"], part["state"]) for part in message["parts"] if part["type"] == "text"]
    assert parts == [("Hel", "done"), ("lolo", "done")]


def test_half_a_character_at_the_end_is_not_lost() -> None:
    items = events(reply(text("x")))
    items[2] = sk.events.ContentBlockDelta(0, sk.events.TextDelta("a\ud83d"))
    assert text_of(Client().read(chunks_of(items))) == "a\ud83d"


def test_a_message_that_comes_whole_is_shown() -> None:
    whole = {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
                {"type": "text", "text": "Hi"},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"n": 1}},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 2},
        },
    }
    chunks = chunks_of([from_dict(whole)])
    message = Client().read(chunks)
    assert [part["type"] for part in message["parts"]] == ["step-start", "reasoning", "text", "tool-look"]
    assert chunks[-1]["finishReason"] == "tool-calls"


# -- what an application says itself --------------------------------------------------------------------------


def test_the_result_of_a_tool_is_the_output_of_its_call() -> None:
    items = events(reply(tool_use("look", {"n": 1}, id="toolu_1"), tool_use("look", {"n": 2}, id="toolu_2")))
    first, second = sk.tool_calls().over(items)
    results = [
        first.result("seen"),
        sk.ServerToolResult(second, second.result("gone", is_error=True), 1),  # any item with such a block
    ]
    message = Client().read(chunks_of([*items, *results, *events(reply(text("So.")))]))
    states = [(part["state"], part.get("output"), part.get("errorText")) for part in message["parts"][1:3]]
    assert states == [("output-available", "seen", None), ("output-error", None, "gone")]


def test_data_of_the_applications_own_stands_in_its_place() -> None:
    began, *rest = events(reply(text("Hi"), id="msg_1"))
    own = [
        ai_sdk.Data("progress", 0.5, id="p", transient=True),
        ai_sdk.Data("weather", {"c": 21}, id="w"),
        {"type": "data-weather", "id": "w", "data": {"c": 22}},
        {"type": "tool-approval-request", "approvalId": "a", "toolCallId": "t"},
    ]
    chunks = chunks_of([began, *own, *rest])
    assert chunks[2:6] == [
        {"type": "data-progress", "id": "p", "data": 0.5, "transient": True},
        {"type": "data-weather", "id": "w", "data": {"c": 21}},
        {"type": "data-weather", "id": "w", "data": {"c": 22}},
        {"type": "tool-approval-request", "approvalId": "a", "toolCallId": "t"},
    ]


def test_the_client_knows_of_the_message_before_it_is_told_anything_else() -> None:
    """
    A part that comes first would stand in a message with an id of the page's, and the answer in another one.
    """
    chunks = chunks_of([ai_sdk.Data("progress", 0), *events(reply(text("Hi"), id="msg_1"))])
    assert [chunk["type"] for chunk in chunks[:4]] == ["start", "data-progress", "start-step", "text-start"]
    assert "messageId" not in chunks[0]
    assert len(of_type(chunks, "start")) == 1


@pytest.mark.parametrize("item", ["a piece", 7, {"type": "text-delta"}, {"type": "data-x"}, {"n": 1}])
def test_what_cannot_be_sent_is_refused(item: object) -> None:
    with pytest.raises(TypeError, match="chunks"):
        chunks_of([item])


# -- an answer that goes on with a message ----------------------------------------------------------------------


def continuing(**fields: Any) -> dict[str, Any]:
    asked = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "Hi"}]}
    call: dict[str, Any] = {
        "type": "tool-look",
        "toolCallId": "toolu_1",
        "state": "output-available",
        "input": {},
        "output": "seen",
    }
    answer: dict[str, Any] = {"id": "msg_1", "role": "assistant", "parts": [{"type": "step-start"}, call]}
    return {"id": "chat", "trigger": "submit-message", "messages": [asked, answer], **fields}


def test_an_answer_to_a_tools_output_goes_on_with_the_message_of_the_call() -> None:
    chunks = chunks_of(events(reply(text("So."), id="msg_2")), body=continuing())
    assert chunks[0] == {"type": "start", "messageId": "msg_1"}
    assert chunks[2]["id"] == "2-0"  # no part has the id of one that is there


def test_an_answer_goes_on_with_the_message_that_the_request_names() -> None:
    """
    An approval in a message that is not the last one.
    """
    body = continuing(messageId="msg_1")
    body["messages"].append({"id": "u2", "role": "user", "parts": [{"type": "text", "text": "And?"}]})
    assert chunks_of(events(reply(text("So."), id="msg_2")), body=body)[0]["messageId"] == "msg_1"
    regenerated = {**body, "trigger": "regenerate-message"}
    assert chunks_of(events(reply(text("So."), id="msg_2")), body=regenerated)[0]["messageId"] == "msg_2"


def test_an_error_of_a_tool_in_one_text_block_is_that_text() -> None:
    items = events(reply(tool_use("look", {"n": 1}, id="toolu_1")))
    (call,) = sk.tool_calls().over(items)
    failed = call.result([{"type": "text", "text": "gone"}], is_error=True)
    assert of_type(chunks_of([*items, failed]), "tool-output-error")[0]["errorText"] == "gone"


def test_an_answer_to_a_user_is_a_message_of_its_own() -> None:
    asked = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "Hi"}]}
    chunks = chunks_of(events(reply(text("So."), id="msg_2")), body={"messages": [asked]})
    assert chunks[0] == {"type": "start", "messageId": "msg_2"}


def test_a_result_of_the_servers_for_a_call_of_the_message_before_needs_no_other_call() -> None:
    paused = chunks_of(events(reply(SEARCH, stop_reason="pause_turn", id="msg_1")))
    page = Client()
    before = page.read(paused)
    chunks = chunks_of(events(reply(FOUND_BLOCK, id="msg_2")), body={"messages": [before]})
    assert of_type(chunks, "tool-input-available") == []
    message = Client(before).read(chunks)
    assert message["id"] == "msg_1"
    assert [part["state"] for part in message["parts"] if part["type"] == "tool-web_search"] == [
        "output-available"
    ]


def test_the_application_may_say_the_id() -> None:
    assert chunks_of(events(reply(text("Hi"))), message_id="mine")[0]["messageId"] == "mine"


# -- starting over -------------------------------------------------------------------------------------------


async def test_a_restart_takes_back_the_step_and_not_those_before_it() -> None:
    first = events(reply(text("One"), tool_use("look", {}, id="toolu_1"), id="msg_1"))
    void = events(reply(text("Tw"), text("o"), id="msg_2"))[:5]
    whole = events(reply(text("Three"), id="msg_3"))
    items = [*first, *void, sk.Restarted(2, sk.StreamTruncated()), *whole]
    chunks = await (sk.from_iterable(items) | ai_sdk.chunks()).collect()
    assert len(of_type(chunks, "reset-step")) == 1
    message = Client().read(chunks)
    assert text_of(message) == "OneThree"
    assert [part["type"] for part in message["parts"]].count("step-start") == 2
    assert message["id"] == "msg_1"


async def test_a_source_that_may_start_over_is_shown_without_any_setting() -> None:
    async with FakeClaude(reply(text("Hi")), repeat=True) as server:
        chat = sk.messages(server.client(), retry=sk.RetryPolicy(resume="restart"), **ASK)
        assert text_of(Client().read(await (chat | ai_sdk.chunks()).collect())) == "Hi"


# -- the operator --------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
async def test_the_diagram_in_its_docstring_is_what_happens() -> None:
    (drawn,) = diagrams(ai_sdk.chunks)
    (line,) = drawn.sources
    finish = chunks_of(EVENTS[letter] for letter in line if letter in EVENTS)[-1]
    source = marbles.source(line, values=EVENTS)
    await marbles.expect(source | ai_sdk.chunks(), drawn.result, values={**drawn.results, "H": finish})


@pytest.mark.parametrize("version", [5, 8, "7", None])
def test_an_unknown_version_is_refused(version: Any) -> None:
    with pytest.raises(ValueError, match="version must be 6 or 7"):
        ai_sdk.chunks(version=version)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(TypeError, match="body"):
        ai_sdk.chunks(body=[])  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [json.dumps(continuing()), json.dumps(continuing()).encode()])
def test_the_request_may_be_given_as_its_text(body: str | bytes) -> None:
    chunks = chunks_of(events(reply(text("So."), id="msg_2")), body=body)
    assert chunks == chunks_of(events(reply(text("So."), id="msg_2")), body=continuing())


@pytest.mark.parametrize("body", ["{", "[]", b"\xff"])
def test_a_text_that_is_no_request_is_the_fault_of_the_page(body: Any) -> None:
    with pytest.raises(ai_sdk.BadRequest):
        ai_sdk.chunks(body=body)


def test_its_text_says_nothing_of_what_a_user_has_said() -> None:
    assert repr(sk.text() | sk.map(str)) == "text() | map(str)"
    assert repr(ai_sdk.chunks()) == "chunks()"
    assert repr(ai_sdk.chunks(version=6, body=continuing())) == "chunks(version=6, body=<Continued>)"


def test_it_runs_in_one_loop_with_its_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    (sk.from_iterable([]) | ai_sdk.chunks() | sk.map(str)).explain()
    assert "┌ chunks()" in capsys.readouterr().out


async def test_the_sdks_own_events_are_read_too() -> None:
    async with FakeClaude(
        reply(thinking("Hm"), text("Hi"), tool_use("look", {"n": 1})), repeat=True
    ) as server:
        client = server.client()
        own = await (sk.from_sdk(client.messages.create(stream=True, **ASK)) | ai_sdk.chunks()).collect()
        raw = [event async for event in await client.messages.create(stream=True, **ASK)]
        assert [without(chunk, "messageMetadata") for chunk in ai_sdk.chunks().over(raw)] == [
            without(chunk, "messageMetadata") for chunk in own
        ]
