"""
The snapshot of what was told so far: whatever comes behind it, a client ends with what one has that was there from the beginning.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._serving.catch_up import joined
from streamkit.testing import text, thinking, tool_use
from streamkit.ui import ag_ui, ai_sdk
from tests.support.claude import RESTARTED, events_of
from tests.support.profiles import examples
from tests.ui.ag_ui_client import Client as AgUiClient
from tests.ui.client import Client

if TYPE_CHECKING:
    from pathlib import Path

CUTS = examples(pr=8, full=10_000)


def decoded(recording: Path) -> list[Any]:
    decoder = EventDecoder()
    events = decoder.feed(recording.read_bytes())
    try:
        list(sk.validate().over(events))
        decoder.end()
    except sk.StreamError:
        pytest.skip("it is not a legal stream")
    return list(events)


def page(chunks: list[Any], version: Any) -> Any:
    client = Client(version=version)
    client.read(chunks)
    assert client.errors == []
    return client.message, client.finish_reason, client.aborted


def agent(events: list[Any]) -> Any:
    client = AgUiClient()
    client.take(events)
    return client.messages, client.finished


@pytest.mark.parametrize("version", [6, 7])
def test_a_page_that_comes_in_the_middle_ends_like_the_others(recording: Path, version: Any) -> None:
    events = decoded(recording)
    expected = page(list(ai_sdk.chunks(version=version).over(events)), version)
    for cut in range(1, len(events) + 1, 1 + len(events) // CUTS):
        late = [*joined(events[:cut]), *events[cut:]]
        chunks = list(ai_sdk.chunks(version=version).over(late))
        assert page(chunks, version) == expected
        snapshot = ai_sdk.snapshot(events[:cut], version=version)
        assert chunks[: len(snapshot)] == snapshot


def test_a_client_of_ag_ui_does_too(recording: Path) -> None:
    events = decoded(recording)
    expected = agent(list(ag_ui.events("thread", "run").over(events)))
    for cut in range(1, len(events) + 1, 1 + len(events) // CUTS):
        late = [*joined(events[:cut]), *events[cut:]]
        told = list(ag_ui.events("thread", "run").over(late))
        assert agent(told) == expected
        snapshot = ag_ui.snapshot(events[:cut], "thread", "run")
        assert told[: len(snapshot)] == snapshot


def test_a_snapshot_is_short_however_many_pieces_there_were() -> None:
    events = events_of(thinking(*"abc" * 50), text(*"defg" * 50), tool_use("go", {"to": "Rome"}, chunk=1))
    assert len(events) > 350
    whole = [chunk["type"] for chunk in ai_sdk.snapshot(events)]
    assert len(whole) == 11
    in_text = ai_sdk.snapshot(events[:200])
    assert [chunk["type"] for chunk in in_text[-2:]] == ["text-start", "text-delta"]
    assert in_text[-1]["delta"] == "".join(sk.text().over(events[:200]))
    assert len(ag_ui.snapshot(events[:200], "thread", "run")) < 12


def test_a_snapshot_of_what_pages_read_is_the_same() -> None:
    events = events_of(thinking("H", "m"), text("Hel", "lo"), tool_use("go", {"to": "Rome"}, chunk=1))
    for cut in range(1, len(events) + 1):
        chunks = [chunk for chunk in ai_sdk.chunks().over(events[:cut]) if chunk["type"] != "abort"]
        shown = ai_sdk.snapshot(events[:cut])
        assert ai_sdk.snapshot(chunks)[: len(shown)] == shown
        told = ag_ui.snapshot(events[:cut], "thread", "run")
        assert ag_ui.snapshot(ag_ui.events("thread", "run").over(events[:cut]), "t", "r")[: len(told)] == told


def test_what_was_void_stays_void() -> None:
    events: list[Any] = [*events_of(text("Hel", "lo"))[:4], RESTARTED, *events_of(text("Good", " day"))]
    for cut in range(1, len(events)):
        late = [*joined(events[:cut]), *events[cut:]]
        assert page(list(ai_sdk.chunks().over(late)), 7) == page(list(ai_sdk.chunks().over(events)), 7)
        told = ag_ui.events("thread", "run", messages=[])
        assert agent(list(told.over(late))) == agent(list(told.over(events)))


def test_what_an_application_says_keeps_its_place() -> None:
    data = ai_sdk.Data("note", 1)
    events: list[Any] = [*events_of(text("Hel", "lo"))[:3], data, *events_of(text("Hel", "lo"))[3:]]
    kinds = [chunk["type"] for chunk in ai_sdk.snapshot(events)]
    assert kinds[2:6] == ["text-start", "text-delta", "data-note", "text-delta"]


@given(st.lists(st.text(max_size=3) | st.integers(0, 2), max_size=40))
def test_joining_keeps_all_text_and_the_order(items: list[Any]) -> None:
    short = joined(items)
    assert not any(isinstance(a, str) and isinstance(b, str) for a, b in pairwise(short))
    spread = [each for item in short for each in (item if isinstance(item, str) else [item])]
    assert spread == [each for item in items for each in (item if isinstance(item, str) else [item])]


def test_joining_many_pieces_takes_no_more_than_their_text() -> None:
    [whole] = joined(["ab"] * 100_000)
    assert whole == "ab" * 100_000
