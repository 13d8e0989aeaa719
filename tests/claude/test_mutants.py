"""
Every value in every recorded stream: replaced by null, by a value of another type, and removed, one at a time.

Whatever the wire says in one place, the rest of the answer arrives, an answer that told its end is complete, each event encodes
to the JSON that it came from, and nothing but a `StreamError` comes out of an operator.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

import streamkit as sk
from streamkit._claude.protocol.record import Record
from streamkit._claude.protocol.sse import EventDecoder
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamkit.events import Event

EVERY = examples(pr=400, full=1)
"""One mutant of this many is tried."""

PARTS = examples(pr=1, full=32)
"""Into how many tests a recording is divided: the longest has some thousand values, and each mutant is a whole recording."""

FACTS = (
    "message",
    "messages",
    "tool_calls",
    "usage",
    "usage_by_model",
    "stop_reason",
    "model",
    "request_id",
    "attempts",
    "oddities",
)

OPERATORS: dict[str, sk.Operator[Any, Any]] = {
    "text": sk.text(),
    "thinking": sk.thinking(),
    "citations": sk.citations(),
    "usage": sk.usage(),
    "blocks": sk.blocks(),
    "tool_calls": sk.tool_calls(server=True),
    "tool_calls by message": sk.tool_calls(when="message", broken="emit"),
    "tool_input": sk.tool_input(),
    "json": sk.json(),
    "validate": sk.validate(),
    "meter": sk.meter(),
    "only": sk.only("text_delta", "message_delta"),
    "until": sk.text() | sk.until("zzz"),
}

_REMOVED: Any = object()


class Frame(NamedTuple):
    name: str
    value: Any


class Mutant(NamedTuple):
    """
    A recording in which one value is another.
    """

    frames: list[Frame]
    number: int
    path: tuple[str | int, ...]
    value: Any

    def changed(self) -> Any:
        whole = self.frames[self.number].value
        return put(whole, self.path, self.value) if self.path else self.value

    def __repr__(self) -> str:
        value = "(removed)" if self.value is _REMOVED else self.value
        return f"frame {self.number} {self.frames[self.number].name} {self.path} = {value!r}"


def put(whole: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """
    A copy of a JSON value that has another value at a path, or nothing.
    """
    first, *rest = path
    changed = whole.copy()
    if rest:
        changed[first] = put(whole[first], tuple(rest), value)
    elif value is _REMOVED:
        del changed[first]
    else:
        changed[first] = value
    return changed


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    if value.__class__ is dict or value.__class__ is list:
        for step in value if value.__class__ is dict else range(len(value)):
            yield from places(value[step], (*path, step))


def other_type(value: Any) -> Any:
    match value:
        case str():
            return 7
        case bool() | None:
            return "x"
        case int() | float():
            return {"x": str(value)}
        case list():
            return {}
        case _:
            return ["x"]


def frames_of(recording: Path) -> list[Frame]:
    frames: list[Frame] = []
    for frame in recording.read_text(encoding="utf-8").replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(":", 1) for line in frame.split("\n") if ":" in line)
        if "data" in fields:
            frames.append(Frame(fields.get("event", "").strip(), json.loads(fields["data"])))
    return frames


def mutants_of(frames: list[Frame]) -> Iterator[Mutant]:
    for number, frame in enumerate(frames):
        for path, value in places(frame.value):
            for changed in (None, other_type(value), *([_REMOVED] if path else [])):
                if changed is not value:
                    yield Mutant(frames, number, path, changed)


def encoded(name: str, value: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()


def text_in(value: Any) -> str:
    """
    The text that a whole frame says, read with none of the code that is tested.
    """
    match value:
        case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": str(text)}}:
            return text
        case {"type": "content_block_start", "content_block": {"type": "text", "text": str(text)}}:
            return text
        case _:
            return ""


def has_end(values: list[Any]) -> bool:
    """
    Whether a message has an end: a stop reason, or a `message_stop` where no block is open.
    """
    in_block = False
    for value in values:
        match value:
            case {"type": "content_block_start"}:
                in_block = True
            case {"type": "content_block_stop"}:
                in_block = False
            case {"type": "message_stop"} if not in_block:
                return True
            case {"type": "message_delta", "delta": {"stop_reason": str(reason)}} if reason:
                return True
            case _:
                pass
    return False


def check(mutant: Mutant) -> None:
    frames, number = mutant.frames, mutant.number
    changed = mutant.changed()
    decoder = EventDecoder()
    events: list[Event] = []
    for i, frame in enumerate(frames):
        events += decoder.feed(encoded(frame.name, changed if i == number else frame.value))
    decoder.end()
    others = [frame.value for i, frame in enumerate(frames) if i != number]
    # A message that begins in the frame may as well be lost with it.
    if has_end(others):
        assert decoder.error is None

    # Each event is the JSON that it came from. One whose type was lost has its frame's name as its type.
    sent = [frame.value for frame in frames]
    if changed.__class__ is dict:
        named: Any = {} if isinstance(changed.get("type"), str) else {"type": frames[number].name}
        sent[number] = {**changed, **named}
    else:
        del sent[number]
    if isinstance(decoder.error, sk.StreamTruncated) and sent[-1]["type"] == "message_stop":
        sent.pop()  # an end that somebody has written inside a block is not handed on
    assert [json.loads(msgspec.json.encode(event)) for event in events] == sent
    assert [sk.events.to_dict(event) for event in events] == sent

    before = "".join(text_in(frame.value) for frame in frames[:number])
    behind = "".join(text_in(frame.value) for frame in frames[number + 1 :])
    said = "".join(sk.text().over(events))
    assert said.startswith(before)
    assert said.endswith(behind)
    assert len(said) >= len(before) + len(behind)

    for name, operator in OPERATORS.items():
        try:
            list(operator.over(events))
        except sk.StreamError:
            pass
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error

    record = Record()
    record.add(events)
    facts = {name: Record.fact(name, [record]) for name in FACTS}
    message: Any = facts["message"]
    assert message is not None
    message.to_dict(warnings=False)  # which pydantic gives for what the SDK does not expect
    repr(message)
    assert isinstance(facts["usage"], sk.events.Usage)
    assert all(isinstance(block.text, str) for block in message.content if block.type == "text")


@pytest.mark.parametrize("part", range(PARTS))
def test_an_answer_survives_any_value_in_any_place(recording: Path, part: int) -> None:
    if "spliced" in recording.stem:
        pytest.skip("a second message begins inside the first, which is an error of its own")
    frames = frames_of(recording)
    chosen = random.Random(recording.stem)
    for number, mutant in enumerate(mutants_of(frames)):
        if not chosen.randrange(EVERY) and number % PARTS == part:
            try:
                check(mutant)
            except Exception as error:
                raise AssertionError(f"{mutant!r}: {error}") from error
