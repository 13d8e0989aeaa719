"""
What every fault does, at every place and under every way of resuming, is what docs/failures.md says; and in all of it nothing
is doubled, nothing lost, nothing pretended, and nothing left open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import streamkit as sk

from .failure_matrix import (
    ANSWER,
    BEFORE,
    FAULTS,
    PAGE,
    PLACES,
    RESUMES,
    SAID,
    SOME,
    on_the_page,
    see_all,
    written,
)

if TYPE_CHECKING:
    from .failure_matrix import Cell, Seen

pytestmark = pytest.mark.skips_idle_time


@pytest.mark.pure
async def test_the_matrix() -> None:
    found = await see_all()
    assert len(found) == (len(FAULTS) * len(PLACES) + len(BEFORE)) * len(RESUMES)
    for cell, seen in found.items():
        check(cell, seen)
    assert written(found) == PAGE.read_text(encoding="utf-8"), (
        "docs/failures.md is out of date: run `python -m tests.conformance.failure_matrix`"
    )


async def test_a_part_of_it_is_the_same_on_each_event_loop() -> None:
    found = await see_all(every=SOME)
    for part, parts in zip(
        zip(*found, strict=True), ({*FAULTS, *BEFORE}, {*PLACES, ""}, RESUMES), strict=True
    ):
        assert {*part} == {*parts}
    for cell, seen in found.items():
        check(cell, seen)
        assert str(seen) == on_the_page(cell), cell


def check(cell: Cell, seen: Seen) -> None:
    outcome = seen.outcome
    message = outcome.message
    calls = [(call.name, call.input) for call in sk.tool_calls(broken="skip").over(seen.current)]
    assert seen.open_connections == 0, f"{cell}: a connection of a request that failed is still open"
    assert seen.restarts <= (cell[2] == "restart"), cell
    # What was handed on is a beginning of the answer, without a character twice; the outcome claims that and no more.
    assert SAID.startswith(seen.text), cell
    claimed = "" if message is None else "".join(b.text for b in message.content if b.type == "text")
    assert claimed == seen.text, cell
    if seen.error is None:
        assert outcome.kind == "complete", cell
        assert message is not None, cell
        assert (seen.text, message.stop_reason) == (SAID, "tool_use"), cell
        assert [block.type for block in message.content] == ["thinking", "text", "tool_use"], cell
        assert calls == [("tides", {"place": "Lindholm"})], cell
        assert [(call.name, call.input) for call in outcome.tool_calls] == calls, cell
        assert message.content[0].to_dict()["thinking"] == "Hm, the tides.", cell
    else:
        assert outcome.kind == ("truncated" if isinstance(seen.error, sk.StreamTruncated) else "failed"), cell
        assert outcome.error is seen.error, cell
        assert outcome.attempts[-1].error is seen.error, cell
        whole = message is not None and message.stop_reason is not None
        assert len(calls) == len(outcome.tool_calls) == whole, f"{cell}: a call that was cut"
        if seen.items:
            assert isinstance(seen.error, sk.StreamError), cell
            assert seen.error.partial == message, cell


async def test_the_places_are_what_they_are_called() -> None:
    before = {place: ANSWER.events[:number] for place, number in PLACES.items()}
    last = {place: events[-1] for place, events in before.items()}
    assert last["before the first content"]["type"] == "content_block_start"
    assert last["in thinking"]["delta"]["type"] == "thinking_delta"
    assert last["in text"]["delta"]["type"] == "text_delta"
    assert last["between blocks"]["type"] == "content_block_stop"
    assert last["in a tool's input"]["delta"]["partial_json"]
    assert last["after the stop reason"]["type"] == "message_delta"
