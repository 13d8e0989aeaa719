"""
Validate: what is a legal Claude sequence, and what is not.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from streamkit._claude.operators.validate import validate
from streamkit._claude.protocol.errors import GrammarError, StreamTruncated
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._core.from_iterable import from_iterable
from streamkit._operators.select import take
from streamkit.events import from_dict
from streamkit.testing import PING, reply, text, thinking, tool_use
from tests.support.claude import RESTARTED

if TYPE_CHECKING:
    from pathlib import Path

    from streamkit._claude.protocol.events import Event
    from streamkit._core.runtime.run import Run

    Events = list[Event]

NEW = from_dict({"type": "message_pause"})
PING_EVENT = from_dict({"type": "ping"})


def start(index: int, kind: str = "text") -> Event:
    fields: dict[str, dict[str, object]] = {
        "text": {"text": ""},
        "tool_use": {"id": "t", "name": "n", "input": {}},
        "thinking": {"thinking": ""},
    }
    block = {"type": kind, **fields.get(kind, {})}
    return from_dict({"type": "content_block_start", "index": index, "content_block": block})


def delta(index: int, kind: str = "text_delta") -> Event:
    fields = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
    delta = {"type": kind, fields.get(kind, "mood"): "a"}
    return from_dict({"type": "content_block_delta", "index": index, "delta": delta})


def stop(index: int) -> Event:
    return from_dict({"type": "content_block_stop", "index": index})


def changes(stop_reason: str | None = "end_turn") -> Event:
    return from_dict({"type": "message_delta", "delta": {"stop_reason": stop_reason}})


def begin(*content: dict[str, Any], stop_reason: str | None = None) -> Event:
    message = {"content": [*content], "stop_reason": stop_reason}
    return from_dict({"type": "message_start", "message": message})


END = from_dict({"type": "message_stop"})
SHORT = [begin(), start(0), delta(0), stop(0), changes(), END]


@pytest.mark.parametrize(
    "events",
    [
        SHORT,
        [begin(), changes(), END],
        [*SHORT, *SHORT],
        [PING_EVENT, *(each for event in SHORT for each in (event, PING_EVENT))],
        [NEW, *(each for event in SHORT for each in (event, NEW))],
        [begin(), start(0, "tool_use"), delta(0, "input_json_delta"), changes("max_tokens"), END],
        [begin(), changes(None), changes(), changes(), END],
        [begin(), start(0), delta(0), stop(0), changes()],
        [begin(), start(0), delta(0), stop(0), changes(), *SHORT],
        [begin(), start(0, "mood"), delta(0), delta(0, "mood_delta"), stop(0), changes(), END],
        [begin(), start(0), delta(0, "mood_delta"), stop(0), changes(), END],
        [begin({"type": "text", "text": "a"}, stop_reason="tool_use"), END],
        [begin({"type": "text", "text": "a"}), start(1), stop(1), changes(), END],
        [begin(), start(0), RESTARTED, *SHORT],
    ],
    ids=lambda events: f"{len(events)} events",
)
def test_legal_sequences_pass_as_they_are(events: Events) -> None:
    passed = list(validate().over(events))
    assert len(passed) == len(events)
    assert all(a is b for a, b in zip(passed, events, strict=True))


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([start(0)], "event 1: content_block_start outside of a message"),
        ([delta(0)], "event 1: text_delta for block 0, which is not open"),
        ([changes()], "event 1: message_delta outside of a message"),
        ([END], "event 1: message_stop outside of a message"),
        ([begin(), begin()], "event 2: message_start inside another message"),
        ([begin(), start(0), begin()], "event 3: message_start inside another message"),
        ([begin(), start(0), start(0)], "event 3: content_block_start for block 0 while block 0 is open"),
        ([begin(), start(0), start(1)], "event 3: content_block_start for block 1 while block 0 is open"),
        ([begin(), start(0), stop(0), start(0)], "event 4: content_block_start for block 0 where block 1"),
        ([begin(), start(1)], "event 2: content_block_start for block 1 where block 0 is due"),
        ([begin(), start(0), stop(0), start(2)], "content_block_start for block 2 where block 1 is due"),
        ([begin(), delta(0)], "event 2: text_delta for block 0, which is not open"),
        ([begin(), start(0), stop(0), delta(0)], "event 4: text_delta for block 0, which is not open"),
        ([begin(), start(0), delta(1)], "event 3: text_delta for block 1, which is not open"),
        ([begin(), start(0), changes(), delta(0)], "event 4: text_delta for block 0, which is not open"),
        ([begin(), start(0), delta(0, "thinking_delta")], "thinking_delta in block 0, which is of type text"),
        ([begin(), start(0, "tool_use"), delta(0)], "text_delta in block 0, which is of type tool_use"),
        ([begin(), start(0, "thinking"), delta(0)], "text_delta in block 0, which is of type thinking"),
        ([begin(), stop(0)], "event 2: content_block_stop for block 0, which is not open"),
        ([begin(), start(0), stop(0), stop(0)], "content_block_stop for block 0, which is not open"),
        ([begin(), changes(), start(0)], "event 3: content_block_start after the message_delta"),
        ([begin(), END], "event 2: message_stop without a message_delta before it"),
        ([*SHORT, END], "event 7: message_stop outside of a message"),
        ([*SHORT, changes()], "event 7: message_delta outside of a message"),
        ([*SHORT, start(1)], "event 7: content_block_start outside of a message"),
        ([*SHORT, *SHORT[:3], *SHORT], "event 10: message_start inside another message"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_the_first_event_out_of_place_is_refused(events: Events, reason: str) -> None:
    seen: list[Event] = []
    with pytest.raises(GrammarError) as raised:
        seen.extend(validate().over(events))
    assert reason in str(raised.value)
    assert seen == events[: int(str(raised.value).removeprefix("event ").partition(":")[0]) - 1]


@pytest.mark.parametrize("cut", range(5))
def test_an_end_inside_a_message_is_truncated(cut: int) -> None:
    with pytest.raises(StreamTruncated, match="before a message began" if not cut else "inside a message"):
        list(validate().over(SHORT[: cut % 5]))


def test_what_others_leave_out_does_not_pass() -> None:
    with pytest.raises(StreamTruncated):
        list((take(3) | validate()).over(SHORT))
    assert list((validate() | take(3)).over(SHORT)) == SHORT[:3]


def test_a_whole_conversation() -> None:
    first = reply(thinking("Hm."), PING, text("I look."), tool_use("look", {"a": 1}), tool_use("now"))
    events = [*EventDecoder().feed(first.body), *EventDecoder().feed(reply(text("Sunny.")).body)]
    assert list(validate().over(events)) == events


def test_recorded_streams_are_legal(recording: Path) -> None:
    decoder = EventDecoder()
    events = decoder.feed(recording.read_bytes())
    decoder.end()
    passed: list[Event] = []
    # Of what the decoder refuses there are the events before its error.
    cut = nullcontext() if decoder.error is None else pytest.raises(StreamTruncated)
    with cut:
        passed.extend(validate().over(events))
    assert passed == events


async def drained(run: Run[Any]) -> None:
    async with run:
        async for _ in run:
            pass


async def test_a_run_that_ends_too_early_is_truncated() -> None:
    run = (from_iterable(SHORT[:3]) | validate()).open()
    with pytest.raises(StreamTruncated):
        await drained(run)
    assert run.outcome.kind == "truncated"
