"""
Replies as values: what the builders write, and what they refuse.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from streamkit._claude.protocol.errors import STATUS_OF_ERROR, status_of
from streamkit.testing import (
    PING,
    Drop,
    ErrorEvent,
    Pause,
    Pings,
    Reply,
    Stall,
    error_reply,
    event,
    huge,
    page,
    redirect,
    reindexed,
    reply,
    swapped,
    text,
    thinking,
    tool_use,
    without,
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


def test_cut_may_end_with_an_error_event() -> None:
    hello = reply(text("a"))
    assert hello.cut(2, Pause(1), ErrorEvent()).steps == (*hello.steps[:2], Pause(1), ErrorEvent().frame)
    assert hello.cut_bytes(5, ErrorEvent()).steps == (b"event", ErrorEvent().frame)


def test_cut_bytes_counts_bytes_and_keeps_what_comes_before_them() -> None:
    slow = reply(text("a"), pace=1)
    body = slow.body
    for size in range(len(body) + 1):
        assert slow.cut_bytes(size).body == body[:size]
        assert slow.cut_bytes(-size).body == (body[:-size] if size else b"")
    first = slow.steps[0]
    assert isinstance(first, bytes)
    assert slow.cut_bytes(len(first), Drop()).steps == (first, Drop())
    assert slow.cut_bytes(len(first) + 1, Drop()).steps == (first, Pause(1), b"e", Drop())
    assert slow.cut_bytes(0, Drop()).steps == (Drop(),)
    assert slow.cut_bytes(10**9) == slow
    assert slow.cut_bytes(-(10**9)).steps == ()
    assert reply(text("a", Drop())).cut_bytes(10**9, Stall()).steps[-1] == Stall()


def test_insert_puts_steps_between_writes_and_goes_on() -> None:
    slow = reply(text("a"), pace=1)
    assert slow.insert(1, PING, Pings(1, 2)).steps == (slow.steps[0], PING, Pings(1, 2), *slow.steps[1:])
    assert slow.insert(0, Pause(2)) == slow.after(Pause(2))
    assert slow.insert(-1, PING).steps == (*slow.steps[:-2], PING, *slow.steps[-2:])
    assert slow.insert(99, PING).steps == (*slow.steps, PING)
    assert reply(text("a", Drop())).insert(99, PING).steps[-2:] == (PING, Drop())


def test_drip_is_the_same_bytes_with_a_wait_between_writes() -> None:
    short = Reply([b"abc", Pause(1), b"d", Stall()])
    wait = Pause(0.01)
    assert short.drip().steps == (b"a", wait, b"b", wait, b"c", Pause(1), b"d", Stall())
    assert short.drip(2, 0.5).steps == (b"ab", Pause(0.5), b"c", Pause(1), b"d", Stall())


def test_pings_stand_in_a_reply_as_waits_do() -> None:
    waiting = Pings(1, 2)
    assert reply(text("a", waiting), pace=0.5).steps.count(Pause(0.5)) == 5
    assert Reply([b"ab", waiting, b"c"]).chunked(1).steps == (b"a", b"b", waiting, b"c")
    assert reply(text("a", waiting, "b")).body == reply(text("a", waiting, "b")).body.replace(PING, b"")
    assert reply(text("a"), Pings(1)).steps[-1] == Pings(1)
    assert reply(text("a", Pings(1))).steps[-1] == Pings(1)


def test_the_events_of_a_reply() -> None:
    assert reply(text("a")).events == events(reply(text("a")))
    assert Reply([b": comment\n\n", PING]).events == [{"type": "ping"}]


def test_edited_sends_other_events_and_keeps_the_rest() -> None:
    hello = reply(text("a"), headers={"x-mine": "1"})
    assert hello.edited(lambda events: events) == hello
    twice = hello.edited(lambda events: [*events[:3], *events[2:]])
    assert twice.events == [*hello.events[:3], *hello.events[2:]]
    assert (twice.status, twice.headers) == (200, hello.headers)
    assert len(twice.steps) == 7


def test_an_event_can_be_left_out() -> None:
    two = reply(text("a"), text("b"))
    assert [item["index"] for item in without(two, "content_block_stop").events if "index" in item] == [
        0,
        0,
        1,
        1,
        1,
    ]
    assert without(two, "content_block_stop", -1).events == [
        item for item in two.events if item != {"type": "content_block_stop", "index": 1}
    ]
    assert kinds(without(two, "message_start")) == kinds(two)[1:]


def test_two_events_can_change_places() -> None:
    hello = reply(text("a"))
    first, *between, last = hello.events
    assert swapped(hello, 0, -1).events == [last, *between, first]


def test_blocks_can_be_numbered_otherwise() -> None:
    two = reply(text("a"), text("b"))
    assert [item["index"] for item in reindexed(two, {1: 0}).events if "index" in item] == [0] * 6
    gap = [item["index"] for item in reindexed(two, {0: 3, 1: 0}).events if "index" in item]
    assert gap == [3, 3, 3, 0, 0, 0]


def test_every_status_of_an_error_is_the_api_s() -> None:
    given = {
        name: json.loads(error_reply(status).body)["error"]["type"]
        for name, status in STATUS_OF_ERROR.items()
    }
    assert given == {name: name for name in STATUS_OF_ERROR}
    assert {name: status_of(name) for name in STATUS_OF_ERROR} == STATUS_OF_ERROR
    assert json.loads(error_reply(409).body)["error"] == {"type": "conflict_error", "message": "Conflict"}


def test_an_error_event_may_name_its_request() -> None:
    data = b"".join(ErrorEvent("api_error", "Internal", "req_1").frame.partition(b"{")[1:])
    error = {"type": "api_error", "message": "Internal"}
    assert json.loads(data) == {"type": "error", "error": error, "request_id": "req_1"}


def test_a_page_is_what_it_says() -> None:
    assert b"<h1>Bad gateway</h1>" in page().body
    assert b"<h1>&lt;b&gt;</h1>" in page(502, "<b>").body
    assert not page().is_events


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
        (lambda: Reply([Pings(1), b"x"]), r"b'x' comes after Pings\(every=1, count=None\)"),
        (lambda: text(Pings(1), "y"), r"comes after Pings"),
        (lambda: Pings(0), r"Pings\(0\)"),
        (lambda: Pings(float("inf")), r"Pings\(inf\)"),
        (lambda: Pings(1, 0), r"Pings\(count=0\)"),
        (lambda: reply(text("a")).cut(1, ErrorEvent(), Drop()), r"Drop\(\) comes after ErrorEvent"),
        (lambda: reply(text("a")).cut_bytes(1, Drop(), b"x"), r"b'x' comes after Drop"),
        (lambda: reply(text("a")).insert(1, Drop()), r"use cut\(1, Drop\(\)\)"),
        (lambda: reply(text("a")).insert(1, Stall()), r"use cut\(1, Stall\(\)\)"),
        (lambda: reply(text("a")).insert(1, Pings(1)), r"use cut\(1, Pings"),
        (lambda: reply(text("a")).insert(1, ErrorEvent()), r"use cut\(1, ErrorEvent"),  # type: ignore[arg-type]
        (lambda: reply(text("a")).drip(0), r"drip\(0\)"),
        (lambda: reply(text("a")).drip(1, -1), r"Pause\(-1\)"),
        (lambda: reply(text("a"), pace=1).edited(list), r"a reply with Pause\(seconds=1\) cannot be edited"),
        (lambda: Reply([b"data: {\n\n"]).events, "Expecting property name"),
        (lambda: without(reply(text("a")), "ping"), "has 0 events of type 'ping', and so none with nth=0"),
        (lambda: without(reply(text("a")), "message_stop", 1), "nth=1"),
        (lambda: without(reply(text("a")), "message_stop", -2), "nth=-2"),
        (lambda: swapped(reply(text("a")), 0, 6), "has 6 events, and so none with number 6"),
        (lambda: swapped(reply(text("a")), -7, 0), "number -7"),
        (lambda: reindexed(reply(text("a")), {1: 0}), "no block with index 1"),
        (lambda: huge(-1), r"huge\(-1\)"),
        (lambda: redirect(status=304), r"redirect\(status=304\): give one of 301, 302, 303, 307, 308"),
        (lambda: page(307), r"page\(status=307\)"),
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
