"""
Server-sent events: what is sent, as a browser reads it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit.testing import ErrorEvent, FakeClaude, reply, text
from tests.serving.asgi import Exchange, parsed
from tests.support.claude import ASK, HELLO, RESTARTED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

END = {"kind": "complete", "stop_reason": None, "usage": None}


async def events_of(stream: sk.Stream[Any], **settings: Any) -> list[tuple[str, Any]]:
    """
    The events of a response, with their data read as JSON.
    """
    exchange = await Exchange().serve(sk.sse.Response(stream, **settings))
    assert exchange.complete
    return [(name, json.loads(data)) for name, data in parsed(exchange.text)]


# -- what is sent -------------------------------------------------------------------------------------------


async def test_each_item_is_an_event_and_the_end_says_how_it_ended() -> None:
    assert await events_of(sk.from_iterable(["a", {"b": 1}])) == [
        ("message", "a"),
        ("message", {"b": 1}),
        ("done", END),
    ]


async def test_a_pair_is_an_event_of_its_name() -> None:
    pairs = sk.from_iterable([("text", "a"), ("calls", [1])])
    assert await events_of(pairs) == [("text", "a"), ("calls", [1]), ("done", END)]


async def test_the_end_of_an_answer_of_claude_has_its_stop_reason_and_usage() -> None:
    async with FakeClaude(HELLO) as server, server.client() as client:
        chat = sk.messages(client, **ASK) | sk.split(text=sk.text(), end=sk.only("message_stop"))
        events = await events_of(chat)
    *said, (name, end) = events
    assert said == [("text", "Hello"), ("text", " world"), ("end", {"type": "message_stop"})]
    assert (name, end["kind"], end["stop_reason"]) == ("done", "complete", "end_turn")
    assert end["usage"]["output_tokens"] > 0


async def test_a_stream_that_was_ended_early_on_purpose_is_done() -> None:
    events = await events_of(sk.from_iterable("abc") | sk.take(1))
    assert events == [("message", "a"), ("done", {**END, "kind": "stopped"})]


async def test_a_stream_without_items_is_done() -> None:
    assert await events_of(sk.from_iterable([])) == [("done", END)]


async def test_a_failure_after_the_first_item_is_the_last_event_and_says_nothing_that_was_said() -> None:
    async with (
        FakeClaude(reply(text("Hello", ErrorEvent("overloaded_error", "secret")))) as server,
        server.client() as client,
    ):
        events = await events_of(sk.messages(client, **ASK) | sk.text())
    assert events[0] == ("message", "Hello")
    name, error = events[-1]
    assert name == "error"
    assert error == {
        "type": "overloaded_error",
        "retriable": True,
        "message": "the service that answers is overloaded at the moment: try again later",
    }


async def test_a_restart_is_an_event_of_its_own_without_the_error_that_it_was_for() -> None:
    events = await events_of(sk.from_iterable(["a", ("text", RESTARTED), RESTARTED, "b"]))
    error = {"type": "internal_error", "retriable": False, "message": "something went wrong"}
    restarted = ("restarted", {"type": "restarted", "attempt": 2, "error": error})
    assert events == [("message", "a"), restarted, restarted, ("message", "b"), ("done", END)]


async def test_a_value_of_ours_is_its_plain_form() -> None:
    call = sk.ToolCall("toolu_1", "search", {"q": "x"}, 0)
    failed = sk.Failed("item", ValueError("secret"))
    events = await events_of(sk.from_iterable([call, failed]))
    assert events[0] == ("message", call.to_dict())
    assert "secret" not in str(events[1])


# -- strings as they are ------------------------------------------------------------------------------------


class Mood(str, Enum):  # noqa: UP042 -- a StrEnum would be written by its value in any case
    CALM = "calm"


async def raw_events(*items: Any) -> list[tuple[str, str]]:
    exchange = await Exchange().serve(sk.sse.Response(sk.from_iterable(items), raw=True))
    return parsed(exchange.text)


async def test_raw_strings_are_sent_as_they_are_and_other_items_as_json() -> None:
    events = await raw_events("a b", ("text", " c"), {"d": 1}, "")
    assert events[:-1] == [("message", "a b"), ("text", " c"), ("message", '{"d":1}'), ("message", "")]
    assert (await raw_events((Mood.CALM, Mood.CALM)))[0] == ("calm", "calm")


async def test_a_character_in_two_halves_is_sent_whole_and_half_of_one_as_a_replacement() -> None:
    assert (await raw_events("a\ud83d", "\ude00b", "\ud83d"))[:-1] == [
        ("message", "a"),
        ("message", "\U0001f600b"),
        ("message", "\ufffd"),
    ]


async def test_a_line_break_in_two_pieces_is_one_line_break() -> None:
    events = await raw_events("a\r", "\n", "\nb\r", ("x", "\n"), "c", "\n", "\r", "\r", "\nd")
    assert "".join(data for name, data in events if name == "message") == "a\n\nb\nc\n\n\nd"
    assert ("x", "\n") in events


@pytest.mark.parametrize("name", ["do\nne", "done\r", "\r\nerror", "restarted\n"])
async def test_no_name_becomes_that_of_an_event_that_tells_of_the_stream(name: str) -> None:
    exchange = Exchange()
    with pytest.raises(ValueError, match=r"sse sends events named '(done|error|restarted)' itself"):
        await exchange.serve(sk.sse.Response(sk.from_iterable([(name, 1)])))
    assert exchange.status == 500


async def test_the_halves_of_a_character_wait_for_the_other_one_of_the_same_name() -> None:
    events = await raw_events(("x", "\ud83d"), ("y", "\ude00"), ("x", "\ude00"))
    assert events[:-1] == [("y", "\ufffd"), ("x", "\U0001f600")]


LINES = st.text(st.sampled_from("\r\n\u2028\u2029\x85\x0b\0 :adetvn"), max_size=12)
PIECES = st.one_of(LINES, st.text(max_size=5), st.just("\n\ndata: forged\n\nevent: done\ndata: x\n\n"))


def framed(items: list[Any], *, raw: bool) -> list[tuple[str, str]]:
    """
    What a browser reads of these items.
    """

    async def run() -> str:
        return b"".join([each async for each in sk.sse.events(sk.from_iterable(items), raw=raw)]).decode()

    return parsed(anyio.run(run))


@given(st.lists(PIECES, max_size=4))
def test_no_text_can_end_or_forge_an_event(texts: list[str]) -> None:
    *said, (name, _) = framed(texts, raw=False)
    assert name == "done"
    assert [(event, json.loads(data)) for event, data in said] == [("message", each) for each in texts]


@given(st.lists(PIECES, max_size=4))
def test_no_raw_text_can_end_or_forge_an_event(texts: list[str]) -> None:
    *said, (name, _) = framed(texts, raw=True)
    assert name == "done"
    assert {name for name, _ in said} <= {"message"}
    assert len(said) <= len(texts)
    lines = "".join(texts).replace("\r\n", "\n").replace("\r", "\n")
    assert "".join(data for _, data in said) == lines


@given(LINES)
def test_no_name_can_end_or_forge_an_event(name: str) -> None:
    events = framed([(f"x{name}", "a")], raw=False)
    assert [data for _, data in events[:-1]] == ['"a"']
    assert [name for name, _ in events].count("done") == 1


async def test_a_pair_cannot_have_the_name_of_an_event_that_tells_of_the_stream() -> None:
    exchange = Exchange()
    with pytest.raises(ValueError, match=r"'done'.*another name"):
        await exchange.serve(sk.sse.Response(sk.from_iterable(["a", ("done", 1)])))
    assert [name for name, _ in parsed(exchange.text)] == ["message", "error"]


# -- frames for other frameworks ----------------------------------------------------------------------------


async def test_events_gives_the_same_bytes() -> None:
    items = sk.from_iterable(["a", ("b", 1)])
    exchange = await Exchange().serve(sk.sse.Response(items))
    assert b"".join([each async for each in sk.sse.events(items)]).decode() == exchange.text


async def test_events_ends_with_the_error_of_the_stream() -> None:
    async def broken() -> AsyncIterator[str]:
        yield "a"
        raise TimeoutError("secret")

    frames = b"".join([each async for each in sk.sse.events(sk.from_iterable(broken))]).decode()
    assert [name for name, _ in parsed(frames)] == ["message", "error"]
    assert "secret" not in frames


async def test_a_bug_is_raised_behind_the_event_that_tells_of_it() -> None:
    def buggy(_: int) -> str:
        raise KeyError("x")

    frames = sk.sse.events(sk.from_iterable([1]).map(buggy))
    got: list[bytes] = []
    with pytest.raises(KeyError):
        async for each in frames:
            got.append(each)
    assert parsed(b"".join(got).decode())[0][0] == "error"


@pytest.mark.virtual_time
async def test_events_sends_a_comment_where_nothing_comes() -> None:
    async def slow() -> AsyncIterator[str]:
        await anyio.sleep(25)
        yield "a"

    frames = [each async for each in sk.sse.events(sk.from_iterable(slow), heartbeat=10)]
    assert frames[:2] == [b": keep-alive\n\n"] * 2


# -- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"heartbeat": 0}, ValueError),
        ({"heartbeat": "15"}, TypeError),
        ({"raw": 1}, TypeError),
        ({"wait_for_first": 0.0}, ValueError),
        ({"wait_for_first": None}, TypeError),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(settings: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"sse\.Response"):
        sk.sse.Response(sk.from_iterable("a"), **settings)


@pytest.mark.parametrize("make", [sk.sse.Response, sk.sse.events])
def test_what_is_not_a_stream_is_refused(make: Any) -> None:
    with pytest.raises(TypeError, match=r"needs a stream.*not list.*from_sdk"):
        make(["a"])


def test_without_the_extra_the_error_names_it() -> None:
    code = """
import sys
sys.modules["sse_starlette"] = None
import streamkit as sk

try:
    sk.sse.Response(sk.from_iterable("a"))
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == 'sse.Response() needs sse-starlette: pip install "claude-streamkit[sse]"\n'


def test_without_starlette_it_is_a_plain_asgi_application() -> None:
    code = """
import sys
sys.modules["starlette"] = sys.modules["starlette.responses"] = None
from streamkit._serving.response import FramedResponse
print(FramedResponse.__mro__[1].__module__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "streamkit._serving.starlette_base\n"
