"""
The judges judge: what is right is read as it was written, and each kind of mistake is seen.

The bodies are written by hand from the protocols, so that nothing of streamkit is in them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.responses import Response

from tests.clients.judges import AI_SDK, Told, judged, told_by_ag_ui, told_by_ui_message

if TYPE_CHECKING:
    from tests.clients.judges import Judge, Seen
    from tests.clients.site import Site

pytestmark = pytest.mark.usefixtures("node")

SAID: Final = Told(
    text="It is 14 °C.",
    reasoning="Look it up.",
    calls=[("toolu_1", "weather", {"city": "Reykjavík"})],
    results={"toolu_1": "14 °C"},
)


def frames(*items: Any) -> str:
    return "".join(f"data: {item if isinstance(item, str) else json.dumps(item)}\n\n" for item in items)


# -- the AI SDK ----------------------------------------------------------------------------------------------------------------

CHUNKS: Final[list[dict[str, Any]]] = [
    {"type": "start", "messageId": "msg_1"},
    {"type": "start-step"},
    {"type": "reasoning-start", "id": "0"},
    {"type": "reasoning-delta", "id": "0", "delta": "Look "},
    {"type": "reasoning-delta", "id": "0", "delta": "it up."},
    {"type": "reasoning-end", "id": "0", "providerMetadata": {"anthropic": {"signature": "c2ln"}}},
    {"type": "tool-input-start", "toolCallId": "toolu_1", "toolName": "weather", "dynamic": True},
    {"type": "tool-input-delta", "toolCallId": "toolu_1", "inputTextDelta": '{"city": "Reykja'},
    {"type": "tool-input-delta", "toolCallId": "toolu_1", "inputTextDelta": 'vík"}'},
    {
        "type": "tool-input-available",
        "toolCallId": "toolu_1",
        "toolName": "weather",
        "input": {"city": "Reykjavík"},
        "dynamic": True,
    },
    {"type": "tool-output-available", "toolCallId": "toolu_1", "output": "14 °C", "dynamic": True},
    {"type": "finish-step"},
    {"type": "start-step"},
    {"type": "text-start", "id": "1"},
    {"type": "text-delta", "id": "1", "delta": "It is "},
    {"type": "text-delta", "id": "1", "delta": "14 °C."},
    {"type": "text-end", "id": "1"},
    {"type": "finish-step"},
    {"type": "finish", "finishReason": "stop"},
]


def ui_response(*chunks: Any) -> Response:
    headers = {"x-vercel-ai-ui-message-stream": "v1"}
    return Response(frames(*chunks, "[DONE]"), media_type="text/event-stream", headers=headers)


def ui_changed(place: int, **fields: Any) -> list[Any]:
    """
    The chunks, one of them with other fields.
    """
    return [{**chunk, **fields} if number == place else chunk for number, chunk in enumerate(CHUNKS)]


UI_MISTAKES: Final[dict[str, tuple[list[Any], str]]] = {
    "a field that is not in the schema": (ui_changed(3, index=0), "TypeValidationError"),
    "a field of another type": (ui_changed(3, delta=1), "TypeValidationError"),
    "a field that is missing": ([*CHUNKS[:3], {"type": "reasoning-delta", "id": "0"}], "TypeValidationError"),
    "a type that does not exist": (
        [*CHUNKS[:2], {"type": "thinking-start", "id": "0"}],
        "TypeValidationError",
    ),
    "a reason that does not exist": (
        ui_changed(-1 % len(CHUNKS), finishReason="end_turn"),
        "TypeValidationError",
    ),
    "what is not JSON": ([*CHUNKS[:2], "{"], "JSONParseError"),
    "a delta of a part that has not begun": ([*CHUNKS[:2], CHUNKS[3]], "reasoning-delta for missing"),
    "a delta of a part that has ended": ([*CHUNKS[:6], CHUNKS[3]], "reasoning-delta for missing"),
    "a result of a call that was not made": ([*CHUNKS[:2], CHUNKS[10]], "No tool invocation found"),
}


@pytest.fixture(scope="module")
def ui(site: Site, node: None) -> dict[str, Seen]:
    """
    What both versions make of the chunks as they are, with each mistake, and with an error at their end.
    """
    written = {"as it is": CHUNKS, "an error": [*CHUNKS[:5], {"type": "error", "errorText": "Overloaded"}]}
    written |= {mistake: chunks for mistake, (chunks, _) in UI_MISTAKES.items()}
    return judged(
        site,
        {
            f"{judge}: {name}": (judge, ui_response(*chunks))
            for judge in AI_SDK
            for name, chunks in written.items()
        },
    )


@pytest.mark.parametrize("judge", AI_SDK)
def test_a_right_message_is_read_as_it_was_written(judge: Judge, ui: dict[str, Seen]) -> None:
    seen = ui[f"{judge}: as it is"]
    assert (seen.errors, seen.told, seen.finished) == ([], [], "stop")
    assert seen.chunks == len(CHUNKS)
    assert told_by_ui_message(seen.end) == SAID
    assert seen.end["id"] == "msg_1"


@pytest.mark.parametrize("judge", AI_SDK)
def test_an_error_that_the_server_tells_is_not_a_mistake(judge: Judge, ui: dict[str, Seen]) -> None:
    seen = ui[f"{judge}: an error"]
    assert (seen.errors, seen.told, seen.finished) == ([], ["Overloaded"], None)
    assert told_by_ui_message(seen.end) == Told(reasoning="Look it up.")


@pytest.mark.parametrize("judge", AI_SDK)
@pytest.mark.parametrize("mistake", UI_MISTAKES)
def test_a_mistake_in_chunks_is_seen(judge: Judge, mistake: str, ui: dict[str, Seen]) -> None:
    [error] = ui[f"{judge}: {mistake}"].errors
    assert UI_MISTAKES[mistake][1] in error


# -- AG-UI -------------------------------------------------------------------------------------------------------------------

EVENTS: Final[list[dict[str, Any]]] = [
    {"type": "RUN_STARTED", "threadId": "thread", "runId": "run"},
    {"type": "REASONING_START", "messageId": "msg_1/0"},
    {"type": "REASONING_MESSAGE_START", "messageId": "msg_1/0", "role": "reasoning"},
    {"type": "REASONING_MESSAGE_CONTENT", "messageId": "msg_1/0", "delta": "Look "},
    {"type": "REASONING_MESSAGE_CONTENT", "messageId": "msg_1/0", "delta": "it up."},
    {"type": "REASONING_MESSAGE_END", "messageId": "msg_1/0"},
    {"type": "REASONING_END", "messageId": "msg_1/0"},
    {
        "type": "TOOL_CALL_START",
        "toolCallId": "toolu_1",
        "toolCallName": "weather",
        "parentMessageId": "msg_1",
    },
    {"type": "TOOL_CALL_ARGS", "toolCallId": "toolu_1", "delta": '{"city": "Reykja'},
    {"type": "TOOL_CALL_ARGS", "toolCallId": "toolu_1", "delta": 'vík"}'},
    {"type": "TOOL_CALL_END", "toolCallId": "toolu_1"},
    {
        "type": "TOOL_CALL_RESULT",
        "messageId": "result_1",
        "toolCallId": "toolu_1",
        "content": "14 °C",
        "role": "tool",
    },
    {"type": "TEXT_MESSAGE_START", "messageId": "msg_2", "role": "assistant"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "msg_2", "delta": "It is "},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "msg_2", "delta": "14 °C."},
    {"type": "TEXT_MESSAGE_END", "messageId": "msg_2"},
    {"type": "RUN_FINISHED", "threadId": "thread", "runId": "run"},
]
FAILED: Final = {"type": "RUN_ERROR", "message": "Overloaded", "code": "overloaded_error"}

AG_UI_MISTAKES: Final[dict[str, list[Any]]] = {
    "a field that is not in the schema": [*EVENTS[:-1], {**EVENTS[-1], "extra": 1}],
    "a field of another type": [EVENTS[0], {**EVENTS[12], "messageId": 1}],
    "a field that is missing": [EVENTS[0], {"type": "TEXT_MESSAGE_START", "role": "assistant"}],
    "a type that does not exist": [
        *EVENTS[:-1],
        {"type": "TEXT_MESSAGE_PAUSE", "messageId": "msg_2"},
        EVENTS[-1],
    ],
    "what is not JSON": [EVENTS[0], "{"],
    "no beginning": EVENTS[1:],
    "a message that does not end": [*EVENTS[:-2], EVENTS[-1]],
    "a delta of a message that has not begun": [EVENTS[0], EVENTS[13], EVENTS[-1]],
    "something after the end": [*EVENTS, EVENTS[12]],
}


@pytest.fixture(scope="module")
def ag_ui(site: Site, node: None) -> dict[str, Seen]:
    written = {"as it is": EVENTS, "an error": [*EVENTS[:5], FAILED], "no end": EVENTS[:-1], **AG_UI_MISTAKES}
    return judged(
        site,
        {
            name: ("ag-ui", Response(frames(*events), media_type="text/event-stream"))
            for name, events in written.items()
        },
    )


def test_right_messages_are_read_as_they_were_written(ag_ui: dict[str, Seen]) -> None:
    seen = ag_ui["as it is"]
    assert (seen.errors, seen.told) == ([], [])
    assert seen.finished["type"] == "RUN_FINISHED"
    assert seen.chunks == len(EVENTS)
    assert told_by_ag_ui(seen.end) == SAID


def test_an_error_of_a_run_is_not_a_mistake(ag_ui: dict[str, Seen]) -> None:
    seen = ag_ui["an error"]
    assert (seen.errors, seen.told, seen.finished) == ([], ["Overloaded"], None)
    assert told_by_ag_ui(seen.end) == Told(reasoning="Look it up.")


def test_a_run_that_does_not_end_is_seen(ag_ui: dict[str, Seen]) -> None:
    seen = ag_ui["no end"]
    assert (seen.errors, seen.told, seen.finished) == ([], [], None), "its client takes it for an end"


@pytest.mark.parametrize("mistake", AG_UI_MISTAKES)
def test_a_mistake_in_events_is_seen(mistake: str, ag_ui: dict[str, Seen]) -> None:
    assert ag_ui[mistake].errors
