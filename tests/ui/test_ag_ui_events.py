"""
`ui.ag_ui.events`: what a client of AG-UI is told of Claude's messages.
"""

from __future__ import annotations

import inspect
import itertools
import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from ag_ui.core import CustomEvent
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import (
    Block as Scripted,
    FakeClaude,
    OperatorSuite,
    marbles,
    reply,
    text,
    thinking,
    tool_use,
)
from streamkit.ui import ag_ui
from tests.operators.test_diagrams import EVENTS
from tests.support.claude import ASK, HELLO, RESTARTED, events_of
from tests.ui.ag_ui_client import BROKEN_INPUT, Client, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

Wire = dict[str, Any]

FOUND: Final[Wire] = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [
        {"type": "web_search_result", "url": "https://sea.example", "title": "Sea", "encrypted_content": "x"}
    ],
}
CITED: Final[Wire] = {
    "type": "char_location",
    "cited_text": "tide",
    "document_index": 0,
    "document_title": "Tides",
    "start_char_index": 0,
    "end_char_index": 4,
}
SEARCH: Final = tool_use("web_search", {"query": "tides"}, id="srvtoolu_1", type="server_tool_use")


def told(events: Iterable[Any], **settings: Any) -> list[Wire]:
    """
    The run for these events.
    """
    return list(ag_ui.events("thread", "run", **settings).over(events))


def seen(events: Iterable[Any], *besides: str, **settings: Any) -> Client:
    """
    A client that has read the run for these events, and found nothing that the protocol forbids.
    """
    run = told(events, **settings)
    judge(run, *besides)
    client = Client(settings.get("messages"))
    client.take(run)
    return client


def without_ids(messages: Iterable[Wire]) -> list[Wire]:
    return [{name: value for name, value in message.items() if name != "id"} for message in messages]


# -- the run ------------------------------------------------------------------------------------------------


def test_a_run_begins_with_its_ids_and_the_version_and_ends_with_outcome_usage_and_stop_reason() -> None:
    tokens: Any = {"input_tokens": 5, "output_tokens": 3, "usage": {"cache_read_input_tokens": 20}}
    first, *_, last = told(events_of(text("Hello"), **tokens))
    assert first == {
        "type": "RUN_STARTED",
        "threadId": "thread",
        "runId": "run",
        "protocolVersion": "1.0",
    }
    assert last == {
        "type": "RUN_FINISHED",
        "threadId": "thread",
        "runId": "run",
        "outcome": {"type": "success"},
        "usage": [
            {
                "provider": "anthropic",
                "model": "claude-sonnet-5",
                "inputTokens": 25,
                "outputTokens": 3,
                "totalTokens": 28,
                "cachedInputTokens": 20,
            }
        ],
        "metadata": {"anthropic": {"stop_reason": "end_turn"}},
    }


def test_each_message_of_claude_is_a_step() -> None:
    run = told([*events_of(text("One")), *events_of(text("Two"))])
    steps = [(event["type"], event["stepName"]) for event in run if "stepName" in event]
    assert steps == [
        ("STEP_STARTED", "turn 1"),
        ("STEP_FINISHED", "turn 1"),
        ("STEP_STARTED", "turn 2"),
        ("STEP_FINISHED", "turn 2"),
    ]


def test_the_usage_of_all_messages_of_a_model_is_added_up() -> None:
    messages = [events_of(text(said), input_tokens=2, output_tokens=3) for said in "ab"]
    [usage] = told(itertools.chain(*messages))[-1]["usage"]
    assert (usage["inputTokens"], usage["outputTokens"], usage["totalTokens"]) == (4, 6, 10)


def test_the_usage_is_that_of_the_model_that_took_over() -> None:
    models = {"from": {"model": "claude-opus-4-7"}, "to": {"model": "claude-sonnet-4-5"}}
    run = told(events_of({"type": "fallback", **models}, text("Hello"), model="claude-opus-4-7"))
    assert [entry["model"] for entry in run[-1]["usage"]] == ["claude-sonnet-4-5"]


def test_a_stream_that_is_ended_inside_a_message_is_a_run_that_was_cancelled() -> None:
    client = seen(events_of(text("Hello", " world"))[:3])
    assert client.finished is not None
    assert client.finished["outcome"] == {"type": "cancelled"}
    assert [message["content"] for message in client.messages] == ["Hello"]


def test_a_stream_without_anything_is_a_run_without_anything() -> None:
    client = seen([])
    assert client.messages == []
    assert client.finished is not None
    assert client.finished["outcome"] == {"type": "success"}


@pytest.mark.parametrize(("thread_id", "run_id"), [("", "run"), ("thread", "")])
def test_an_id_is_not_empty(thread_id: str, run_id: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        ag_ui.events(thread_id, run_id)


def test_an_id_is_a_string() -> None:
    with pytest.raises(TypeError, match="run_id as a str, not int"):
        ag_ui.events("thread", 7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


# -- messages -----------------------------------------------------------------------------------------------


def test_text_is_an_assistant_message() -> None:
    client = seen(events_of(text("Hello", " world"), id="msg_1"))
    assert client.messages == [{"id": "msg_1:0", "role": "assistant", "content": "Hello world"}]


def test_thinking_is_a_reasoning_message_with_its_signature_as_the_encrypted_value() -> None:
    client = seen(events_of(thinking("Hm.", " Hm.", signature="c2ln"), text("So.")))
    assert without_ids(client.messages) == [
        {"role": "reasoning", "content": "Hm. Hm.", "encryptedValue": "c2ln"},
        {"role": "assistant", "content": "So."},
    ]


def test_thinking_that_is_not_shown_has_its_signature_too() -> None:
    client = seen(events_of(thinking(signature="c2ln"), text("So.")))
    assert without_ids(client.messages)[0] == {"role": "reasoning", "content": "", "encryptedValue": "c2ln"}


def test_thinking_that_is_cut_has_no_signature() -> None:
    events = events_of(thinking("Hm.", signature="c2ln"), text("So."))
    signed = next(n for n, event in enumerate(events) if event.type == "content_block_stop")
    assert "encryptedValue" not in seen(events[:signed]).messages[0]
    assert "encryptedValue" in seen(events[: signed + 1]).messages[0]


def test_a_call_behind_a_thought_is_in_a_message_behind_it() -> None:
    client = seen(events_of(text("Let me see."), thinking("Hm."), tool_use("now"), stop_reason="tool_use"))
    assert [message["role"] for message in client.messages] == ["assistant", "reasoning", "assistant"]
    assert "toolCalls" not in client.messages[0]


def test_text_that_goes_on_behind_a_call_is_a_message_behind_it() -> None:
    events = events_of(text("One"), tool_use("now"), stop_reason="tool_use")
    more = from_dict(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "two"}}
    )
    at = next(n for n, event in enumerate(events) if event.type == "content_block_stop")
    interleaved = [*events[:at], *events[at + 1 : at + 3], more, more, events[at], *events[at + 3 :]]
    client = seen(interleaved)
    assert [message["content"] for message in client.messages] == ["One", "twotwo"]


def test_white_space_that_was_sent_for_another_block_is_not_a_text() -> None:
    events = events_of(thinking("Hm."))
    blank, word = (
        from_dict({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}})
        for said in (" ", "So.")
    )
    assert [message["role"] for message in seen([*events[:3], blank, *events[3:]]).messages] == ["reasoning"]
    told = seen([*events[:3], blank, word, *events[3:]]).messages
    assert [(message["role"], message["content"]) for message in told] == [
        ("reasoning", "Hm."),
        ("assistant", " So."),
    ]


def test_calls_whose_input_was_lost_are_not_calls_without_arguments() -> None:
    events = events_of(tool_use("a", closed=False), tool_use("b", closed=False), stop_reason="tool_use")
    delta = {"type": "input_json_delta", "partial_json": '{"n": 1}'}
    events.insert(-2, from_dict({"type": "content_block_delta", "index": 9, "delta": delta}))
    stops = [from_dict({"type": "content_block_stop", "index": n}) for n in (0, 1)]
    [message] = seen([*events[:-2], *stops, *events[-2:]]).messages
    assert [call["metadata"]["anthropic"]["broken"] for call in message["toolCalls"]] == ["truncated"] * 2


def test_redacted_thinking_is_told_from_a_signature() -> None:
    client = seen(events_of({"type": "redacted_thinking", "data": "ZGF0YQ=="}, text("So.")))
    assert without_ids(client.messages)[0] == {
        "role": "reasoning",
        "content": "",
        "encryptedValue": "ZGF0YQ==",
        "metadata": {"anthropic": {"type": "redacted_thinking"}},
    }


def test_calls_belong_to_the_text_before_them_and_wait_for_the_application() -> None:
    calls = [tool_use("look", {"at": n}, id=f"toolu_{n}", chunk=3) for n in (1, 2)]
    client = seen(events_of(text("Let me see."), *calls, stop_reason="tool_use"))
    [message] = client.messages
    assert message["content"] == "Let me see."
    assert [call["function"]["arguments"] for call in message["toolCalls"]] == ['{"at": 1}', '{"at": 2}']
    assert client.finished is not None
    assert client.finished["outcome"] == {
        "type": "success",
        "pendingToolCallIds": ["toolu_1", "toolu_2"],
    }


def test_a_call_without_arguments_has_an_empty_object() -> None:
    [message] = seen(events_of(tool_use("now"), stop_reason="tool_use")).messages
    assert message["toolCalls"][0]["function"] == {"name": "now", "arguments": "{}"}


def test_an_empty_object_before_the_input_is_not_part_of_it() -> None:
    for before in (["{", "}"], ["{}", " ", "{ }"], [" ", "\n", "{", " ", "}", "\n"], ["{}{"[:2]], [" "] * 9):
        [message] = seen(events_of(tool_use("look", *before, '{"at"', ": 1}"))).messages
        assert message["toolCalls"][0]["function"]["arguments"] == '{"at": 1}'
    for alone in (["{}"], ["{", "}"], ["{}", "{}"], [" "]):
        [message] = seen(events_of(tool_use("look", *alone))).messages
        assert message["toolCalls"][0]["function"]["arguments"] == "{}"


def test_a_server_tool_has_its_result_and_what_follows_is_another_message() -> None:
    client = seen(events_of(text("Let me look."), SEARCH, FOUND, text("It is high.")))
    call, result, answer = client.messages
    assert call["toolCalls"][0]["metadata"] == {"anthropic": {"type": "server_tool_use"}}
    assert (result["role"], result["toolCallId"]) == ("tool", "srvtoolu_1")
    assert '"url":"https://sea.example"' in result["content"]
    assert answer["content"] == "It is high."
    assert client.finished is not None
    assert client.finished["outcome"] == {"type": "success"}


def test_texts_that_follow_one_another_are_one_message_that_knows_what_each_cites() -> None:
    client = seen(events_of(text("It is "), text("high", citations=[CITED]), text(".")))
    assert without_ids(client.messages) == [
        {
            "role": "assistant",
            "content": "It is high.",
            "metadata": {
                "anthropic": {"texts": [{"length": 6}, {"length": 4, "citations": [CITED]}, {"length": 1}]}
            },
        }
    ]


def test_a_block_that_the_protocol_has_no_word_for_goes_along_with_what_follows() -> None:
    compaction = {"type": "compaction", "content": "all so far"}
    client = seen(events_of(compaction, text("So.")))
    assert without_ids(client.messages) == [
        {
            "role": "assistant",
            "content": "So.",
            "metadata": {"anthropic": {"before": [compaction]}},
        }
    ]


def test_halves_of_a_character_wait_for_each_other() -> None:
    client = seen(events_of(text("a\ud83c", "\udf0ab", "c\ud83c")))
    assert client.messages[0]["content"] == "a🌊bc\N{REPLACEMENT CHARACTER}"


def test_a_call_that_was_cut_is_closed_as_it_is_and_says_so() -> None:
    cut = tool_use("look", '{"at": "Lind', id="toolu_1", closed=False)
    client = seen(events_of(cut, stop_reason="max_tokens"), BROKEN_INPUT)
    [call] = client.messages[0]["toolCalls"]
    assert call["function"]["arguments"] == '{"at": "Lind'
    assert call["metadata"] == {"anthropic": {"broken": "truncated"}}


def test_a_call_that_is_said_again_is_made_once_and_another_under_its_id_has_one_of_its_own() -> None:
    calls = [tool_use("look", {"at": n}, id="toolu_1") for n in (1, 1, 2)]
    [message] = seen(events_of(*calls, stop_reason="tool_use")).messages
    made = [(call["id"], call["function"]["arguments"]) for call in message["toolCalls"]]
    assert made == [("toolu_1", '{"at": 1}'), ("toolu_1_2", '{"at": 2}')]


def test_a_call_without_an_id_has_the_one_that_the_outcome_has() -> None:
    answer = events_of(tool_use("look", {"at": 1}, id=""), id="msg_1", stop_reason="tool_use")
    [message] = seen(answer).messages
    assert [call["id"] for call in message["toolCalls"]] == ["call_msg_1_0"]
    assert [call.id for call in sk.tool_calls().over(answer)] == ["call_msg_1_0"]
    assert message["toolCalls"][0]["function"]["arguments"] == '{"at": 1}'


def test_a_call_that_does_not_name_its_tool_says_so() -> None:
    client = seen(events_of(tool_use("", {"at": 1}, id="toolu_1"), stop_reason="tool_use"), BROKEN_INPUT)
    [call] = client.messages[0]["toolCalls"]
    assert call["metadata"] == {"anthropic": {"broken": "no_name"}}


def test_usage_is_that_of_the_model_which_took_over() -> None:
    handed_on = Scripted({"type": "fallback", "from": {"model": "claude-a"}, "to": {"model": "claude-b"}})
    *_, finished = told(events_of(handed_on, text("Ebb."), model="claude-a"))
    assert [entry["model"] for entry in finished["usage"]] == ["claude-b"]


def test_ids_that_the_conversation_has_are_not_used_again() -> None:
    answer = events_of(text("Hello"), tool_use("now", id="toolu_1"), id="msg_1", stop_reason="tool_use")
    before = seen(answer)
    before.answer("toolu_1", "noon")
    after = seen(answer, messages=before.messages)
    names = [message["id"] for message in after.messages]
    assert len(names) == len(set(names))
    assert [len(message.get("toolCalls", ())) for message in after.messages] == [1, 0, 1]


# -- what the application puts in ----------------------------------------------------------------------------


def test_the_applications_results_stand_behind_their_call() -> None:
    asked = events_of(*(tool_use("look", {"at": n}, id=f"toolu_{n}") for n in (1, 2)), stop_reason="tool_use")
    first, second = sk.tool_calls().over(asked)
    results = [second.result("low", is_error=True), {"role": "user", "content": [first.result("high")]}]
    client = seen([*asked, *results, *events_of(text("So."))])
    assert [message["role"] for message in client.messages] == ["assistant", "tool", "tool", "assistant"]
    assert without_ids(client.messages)[1:3] == [
        {
            "role": "tool",
            "toolCallId": "toolu_2",
            "content": "low",
            "metadata": {"anthropic": {"is_error": True}},
        },
        {"role": "tool", "toolCallId": "toolu_1", "content": "high"},
    ]
    assert client.finished is not None
    assert client.finished["outcome"] == {"type": "success"}


def test_a_result_with_an_image_has_parts() -> None:
    asked = events_of(tool_use("draw", id="toolu_1"), stop_reason="tool_use")
    source: Any = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    [call] = sk.tool_calls().over(asked)
    result = call.result([{"type": "text", "text": "Here"}, {"type": "image", "source": source}])
    client = Client()
    client.take(told([*asked, result]))
    assert client.messages[1]["content"] == [
        {"type": "text", "text": "Here"},
        {"type": "image", "source": {"type": "data", "value": "aGk=", "mimeType": "image/png"}},
    ]


ODD_BLOCKS: Final[list[Wire]] = [
    {"type": "text"},
    {"type": "image"},
    *({"type": "image", "source": {"type": kind}} for kind in ("base64", "url", "file", "hologram")),
    {"type": "image", "source": {"type": "base64", "data": 1, "media_type": None}},
    {"type": "document", "source": {"type": "text", "data": "half \ud83c"}},
    {"type": "novelty", "half": "\ud83c"},
]


@pytest.mark.parametrize("block", ODD_BLOCKS)
def test_whatever_a_result_has_in_it_can_be_told(block: Wire) -> None:
    asked = events_of(tool_use("draw", id="toolu_1"), stop_reason="tool_use")
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": [block, {"type": "text", "text": "Here"}],
    }
    (tells,) = (event for event in told([*asked, result]) if event["type"] == "TOOL_CALL_RESULT")
    assert len(tells["content"]) == 2
    assert tells["content"][1] == {"type": "text", "text": "Here"}


def test_a_result_for_no_call_is_a_mistake_of_the_application() -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_9", "content": "high"}
    with pytest.raises(ValueError, match="'toolu_9', which this run has not made"):
        told([*events_of(text("Hello")), result])


def test_a_call_of_an_earlier_run_is_known_by_the_messages_of_the_request() -> None:
    asked = seen(events_of(tool_use("look", id="toolu_1"), stop_reason="tool_use"))
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "high"}
    run = told([result, *events_of(text("So."))], messages=asked.messages)
    asked.take(run)
    assert [message["role"] for message in asked.messages] == ["assistant", "tool", "assistant"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "STATE_SNAPSHOT", "snapshot": {"step": 1}},
        CustomEvent(name="app.note", value=None),
    ],
)
def test_events_of_the_application_pass_through(event: Any) -> None:
    run = told([event, *events_of(text("Hello"))])
    assert run[1]["type"] in {"STATE_SNAPSHOT", "CUSTOM"}
    assert None not in (run[1].get("timestamp", ""), run[1].get("metadata", ""))
    Client().take(run)


NOTHING_KNOWN: Final[list[Any]] = [
    "Hello",
    7,
    {"type": "RUN_ERROR", "message": "no"},
    {"role": "assistant"},
    {"role": "user", "content": [{"type": "text"}]},
]


@pytest.mark.parametrize("item", NOTHING_KNOWN)
def test_anything_else_is_a_mistake_of_the_application(item: Any) -> None:
    with pytest.raises(TypeError, match="AG-UI events that open and close nothing"):
        told([item])


def test_pings_and_events_that_nobody_knows_say_nothing() -> None:
    types = ["ping", "vendor_note", "CUSTOM", "tool_result", "RUN_ERROR"]
    odd = [from_dict({"type": kind, "name": "forged", "value": 1}) for kind in types]
    assert told([*odd, *events_of(text("Hello"))]) == told(events_of(text("Hello")))


# -- starting over ------------------------------------------------------------------------------------------


QUESTION: Final = [{"id": "question", "role": "user", "content": "Hi"}]
WHOLE: Final = reply(thinking("Hm. Hm."), text("So it is."), tool_use("look", {"at": [1]}, id="toolu_1"))


@pytest.mark.parametrize("arrived", range(1, len(WHOLE.events)))
def test_wherever_the_stream_starts_over_the_client_ends_with_what_counts(arrived: int) -> None:
    events = [from_dict(event) for event in WHOLE.events]
    client = seen([*events[:arrived], RESTARTED, *events], BROKEN_INPUT, messages=QUESTION)
    plain = seen(events, messages=QUESTION)
    assert [_said(message) for message in client.messages] == [_said(message) for message in plain.messages]


def _said(message: Wire) -> tuple[Any, ...]:
    calls = [call["function"] for call in message.get("toolCalls", ())]
    return message["role"], message.get("content"), message.get("encryptedValue"), calls


def test_what_is_open_is_closed_and_a_snapshot_follows() -> None:
    events = events_of(text("Hello", " world"))
    run = told([*events[:3], RESTARTED, *events], messages=QUESTION)
    kinds = [event["type"] for event in run]
    at = kinds.index("MESSAGES_SNAPSHOT")
    assert kinds[at - 2 : at + 2] == [
        "TEXT_MESSAGE_END",
        "STEP_FINISHED",
        "MESSAGES_SNAPSHOT",
        "STEP_STARTED",
    ]
    assert run[at]["messages"] == QUESTION


def test_void_thinking_does_not_stay() -> None:
    # A client keeps reasoning that no snapshot speaks of.
    first = events_of(thinking("Hm."), text("No"), id="msg_1")[:7]
    client = seen([*first, RESTARTED, *events_of(text("Yes"), id="msg_2")], messages=QUESTION)
    assert [message["content"] for message in client.messages] == ["Hi", "", "Yes"]
    assert "encryptedValue" not in client.messages[1]


def test_a_late_result_of_a_void_call_is_not_a_mistake() -> None:
    asked = events_of(tool_use("look", {"at": 1}, id="toolu_1"), stop_reason="tool_use")
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "high"}
    again = events_of(text("So."))
    client = seen([*asked[:-1], RESTARTED, result, *again], messages=QUESTION)
    assert [message["content"] for message in client.messages] == ["Hi", "So."]


def test_what_the_attempts_have_cost_is_all_told() -> None:
    events = events_of(text("Hello"), input_tokens=2)
    [entry] = told([*events[:3], RESTARTED, *events], messages=QUESTION)[-1]["usage"]
    assert entry["inputTokens"] == 4


async def test_behind_a_source_that_may_start_over_it_needs_the_messages_of_the_client() -> None:
    async with FakeClaude(HELLO) as server:
        chat = sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(resume="restart"))
        with pytest.raises(TypeError, match=r"events\(…, messages=run_input.messages\)"):
            async with (chat | ag_ui.events("thread", "run")).open():
                pass


@pytest.mark.parametrize("messages", ["Hi", 7, {"id": "question"}, ["Hi"]])
def test_the_messages_are_those_of_the_request(messages: Any) -> None:
    with pytest.raises(TypeError, match="messages="):
        ag_ui.events("thread", "run", messages=messages)


def test_a_pipeline_does_not_show_what_was_said() -> None:
    assert repr(ag_ui.events("thread", "run", messages=QUESTION)) == (
        "events('thread', 'run', messages=[1 messages])"
    )


# -- other forms --------------------------------------------------------------------------------------------


def test_the_sdks_raw_events_are_told_as_ours() -> None:
    wire = [*WHOLE.events, *reply(text("It is", citations=[CITED]), SEARCH, FOUND).events]
    sdk: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    theirs = [sdk.validate_python(event) for event in wire]
    ours = told(map(from_dict, wire))
    for run in (ours, told(theirs)):
        for event in run:
            if event["type"] == "TOOL_CALL_RESULT":
                event["content"] = json.loads(
                    event["content"]
                )  # whose fields have the order of the SDK's class
        assert run == ours


@pytest.mark.virtual_time
async def test_the_diagram_is_what_happens() -> None:
    doc = inspect.getdoc(ag_ui.events) or ""
    [(line, drawn)] = re.findall(r"^ +(\S+\|)\n +events\(.*\n +(\S+\|\)?)$", doc, re.MULTILINE)
    letters = dict(re.findall(r'^ +(\S) = "(.+)"$', doc, re.MULTILINE))
    stream = marbles.source(line, values=EVENTS) | ag_ui.events("t", "r")
    await marbles.expect(stream.map(lambda event: event["type"]), drawn, values=letters)


# -- as an operator -----------------------------------------------------------------------------------------


class TestAsAnOperator(OperatorSuite[Any, Wire]):
    inputs = tuple(from_dict(event) for event in WHOLE.events)
    outputs = tuple(told(inputs))
    keeps_state = True  # the run has begun, and a snapshot says what counts

    def operator(self) -> sk.Operator[Any, Wire]:
        return ag_ui.events("thread", "run", messages=[])
