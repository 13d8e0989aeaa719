"""
Replies as values: what the builders write, and what they refuse.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from streamkit.testing import (
    PING,
    Drop,
    ErrorEvent,
    Pause,
    Reply,
    Stall,
    error_reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
)

if TYPE_CHECKING:
    from pathlib import Path


def events(scripted: Reply) -> list[dict[str, Any]]:
    frames = [frame for frame in scripted.body.decode().split("\n\n") if frame]
    for frame in frames:
        assert frame.startswith("event: ")
    pairs = [frame.removeprefix("event: ").split("\ndata: ") for frame in frames]
    found = [json.loads(data) for _, data in pairs]
    assert [name for name, _ in pairs] == [data["type"] for data in found]
    return found


def kinds(scripted: Reply) -> list[str]:
    return [data["type"] for data in events(scripted)]


def test_a_text_reply_has_the_events_of_the_api() -> None:
    hello = reply(text("Hel", "lo"), id="msg_1", input_tokens=7, output_tokens=3)
    usage = {"input_tokens": 7, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    assert events(hello) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-5",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "stop_details": None,
                "usage": {**usage, "output_tokens": 1, "service_tier": "standard"},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None},
            "usage": {**usage, "output_tokens": 3},
        },
        {"type": "message_stop"},
    ]
    assert len(hello.steps) == 7


def test_thinking_ends_with_one_signature() -> None:
    deltas = [
        data["delta"] for data in events(reply(thinking("abc", chunk=2, signature="sig"))) if "delta" in data
    ]
    assert deltas[:3] == [
        {"type": "thinking_delta", "thinking": "ab"},
        {"type": "thinking_delta", "thinking": "c"},
        {"type": "signature_delta", "signature": "sig"},
    ]


def test_tool_input_starts_with_an_empty_delta_and_sets_the_stop_reason() -> None:
    found = events(reply(tool_use("get_weather", {"city": "Paris"}, chunk=6, id="toolu_1")))
    assert found[1]["content_block"] == {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "get_weather",
        "input": {},
    }
    fragments = [data["delta"]["partial_json"] for data in found if data["type"] == "content_block_delta"]
    assert fragments == ["", '{"city', '": "Pa', 'ris"}']
    assert found[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_server_tool_does_not_set_the_stop_reason() -> None:
    result: dict[str, object] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    call = tool_use("web_search", {"query": "x"}, type="server_tool_use", id="srvtoolu_1")
    found = events(reply(call, result, text("Nothing.")))
    assert [data["content_block"]["type"] for data in found if data["type"] == "content_block_start"] == [
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    assert [data["index"] for data in found if data["type"] == "content_block_stop"] == [0, 1, 2]
    assert found[-2]["delta"]["stop_reason"] == "end_turn"


def test_two_equal_calls_in_one_reply_have_ids_of_their_own() -> None:
    found = events(reply(tool_use("now"), tool_use("now")))
    ids = [data["content_block"]["id"] for data in found if data["type"] == "content_block_start"]
    assert len(set(ids)) == 2
    assert all(name.startswith("toolu_") for name in ids)


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert reply(text("a"), tool_use("t")) == reply(text("a"), tool_use("t"))
    assert reply(text("a")) != reply(text("b"))


def test_citations_follow_their_text() -> None:
    citation = {"type": "char_location", "cited_text": "x", "document_index": 0}
    found = events(reply(text("x", citations=[citation])))
    assert found[1]["content_block"] == {"type": "text", "text": "", "citations": []}
    assert found[3]["delta"] == {"type": "citations_delta", "citation": citation}


def test_characters_beyond_ascii_and_half_characters_are_sent_as_the_api_does() -> None:
    body = reply(text("é🦀", "\ud83e")).body
    assert "é🦀".encode() in body
    assert rb'"\ud83e"' in body


def test_faults_stand_where_they_are_put() -> None:
    scripted = reply(text("a", Pause(1), "b"), PING, b": comment\n\n", Pause(2), text("c"))
    places = [step if isinstance(step, Pause) else b"" for step in scripted.steps]
    assert places.index(Pause(1)) == 3
    assert places.index(Pause(2)) == 8
    assert scripted.steps[6:8] == (PING, b": comment\n\n")


@pytest.mark.parametrize("end", [Stall(), Drop()], ids=repr)
def test_nothing_is_written_after_an_end(end: Stall | Drop) -> None:
    assert reply(text("a", end)).steps[-1] == end
    assert len(reply(text("a", end)).steps) == 4
    assert reply(text("a"), end).steps[-2:] == (event({"type": "content_block_stop", "index": 0}), end)


def test_an_error_event_is_the_last_event() -> None:
    scripted = reply(text("a", ErrorEvent("api_error", "Internal")))
    assert kinds(scripted) == ["message_start", "content_block_start", "content_block_delta", "error"]
    assert events(scripted)[-1] == {"type": "error", "error": {"type": "api_error", "message": "Internal"}}


def test_the_end_of_a_message_or_block_can_be_left_out() -> None:
    whole = ["message_start", "content_block_start", "content_block_delta", "content_block_stop"]
    assert kinds(reply(text("a"))) == [*whole, "message_delta", "message_stop"]
    assert kinds(reply(text("a"), end="message_delta")) == [*whole, "message_delta"]
    assert kinds(reply(text("a"), end="content")) == whole
    assert kinds(reply(text("a", closed=False), end="content")) == whole[:3]


def test_pace_stands_between_events_only() -> None:
    steps = reply(text("a", Stall()), pace=0.5).steps
    assert [step for step in steps if not isinstance(step, bytes)] == [Pause(0.5), Pause(0.5), Stall()]
    assert isinstance(steps[0], bytes)


def test_cut_counts_writes_and_keeps_what_comes_before_them() -> None:
    slow = reply(text("a"), pace=1)
    assert slow.cut(2, Drop()).steps == (*slow.steps[:3], Drop())
    assert slow.cut(-1).steps == slow.steps[:-2]
    assert slow.cut(0, Drop()).steps == (Drop(),)
    assert slow.cut(99) == slow


def test_chunked_keeps_bytes_and_pauses() -> None:
    whole = reply(text("a", Pause(1), "b"))
    cut = whole.chunked(7)
    assert cut.body == whole.body
    assert {len(step) for step in cut.steps[:-1] if isinstance(step, bytes)} >= {7}
    assert max(len(step) for step in cut.steps if isinstance(step, bytes)) == 7
    at = cut.steps.index(Pause(1))
    assert b"".join(step for step in cut.steps[:at] if isinstance(step, bytes)) == whole.cut(3).body


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_file_is_sent_byte_for_byte_one_write_an_event(tmp_path: Path, newline: bytes) -> None:
    body = reply(text("a", "b")).body.replace(b"\n", newline)
    path = tmp_path / "recorded.sse"
    path.write_bytes(body)
    scripted = Reply.file(path)
    assert scripted.body == body
    assert len(scripted.steps) == 7


def test_every_recording_is_read_byte_for_byte(recording: Path) -> None:
    assert Reply.file(recording).body == recording.read_bytes()


def test_an_error_reply_is_the_api_s_json() -> None:
    error = error_reply(529, headers={"Retry-After": "2"})
    assert error.status == 529
    assert json.loads(error.body) == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    }
    assert error.headers["retry-after"] == "2"
    named = error_reply(400, "billing_error", "No credit")
    assert json.loads(named.body)["error"] == {"type": "billing_error", "message": "No credit"}


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Pause(-1), r"Pause\(-1\)"),
        (lambda: Pause(float("inf")), r"use Stall\(\)"),
        (lambda: Reply([Drop(), b"x"]), r"b'x' comes after Drop\(\)"),
        (lambda: reply(Stall(), text("x")), r"comes after Stall\(\)"),
        (lambda: reply(text("x", Drop()), text("y")), r"comes after Drop\(\)"),
        (lambda: text(ErrorEvent(), "y"), r"comes after ErrorEvent"),
        (lambda: text("abc", chunk=0), "chunk=0"),
        (lambda: reply(text("a")).chunked(0), r"chunked\(0\)"),
        (lambda: Reply([], status=99), "status=99"),
        (lambda: error_reply(200), r"error_reply\(200\)"),
        (lambda: event({"no": "type"}), "needs a 'type'"),
        (lambda: reply(end="never"), "end='never'"),  # type: ignore[arg-type]
    ],
)
def test_bad_scripts_are_refused_where_they_are_written(make: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make()


def test_a_step_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="not 'text'"):
        Reply(["text"])  # type: ignore[list-item]


def test_a_text_that_is_no_block_yet_says_how_to_make_one() -> None:
    with pytest.raises(TypeError, match=r"write reply\(text\('hello'\)\)"):
        reply("hello")  # type: ignore[arg-type]
