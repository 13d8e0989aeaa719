"""
The table of kinds agrees with what must name the kinds once more, and a row in it is all that a new delta needs.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from anthropic.types import (
    ContentBlock,
    Message,
    MessageDeltaUsage,
    RawContentBlockDelta,
    RawMessageDeltaEvent,
    RawMessageStreamEvent,
    StopReason,
    Usage,
)
from anthropic.types.beta import (
    BetaContentBlock,
    BetaMessage,
    BetaMessageDeltaUsage,
    BetaRawContentBlockDelta,
    BetaRawMessageDeltaEvent,
    BetaRawMessageStreamEvent,
    BetaStopReason,
    BetaUsage,
)

import streamkit
from streamkit import events
from streamkit._claude.protocol import kinds
from streamkit._claude.protocol.events import CLASSES
from streamkit._claude.protocol.kinds import BLOCKS, DELTAS, EVENTS, arrives_whole, start_of
from streamkit._claude.protocol.pieces import PIECES
from streamkit._claude.protocol.stop_reasons import STOP_REASONS, StopReason as Meaning, stop_reason


def types_in(*unions: Any) -> set[str]:
    """
    The types on the wire of the SDK's classes.
    """
    return {
        name
        for union in unions
        for cls in get_args(get_args(union)[0])
        for name in get_args(cls.model_fields["type"].annotation)
    }


def fields_of(cls: Any) -> set[str]:
    """
    The names on the wire of the fields of one of the SDK's classes.
    """
    return {field.alias or name for name, field in cls.model_fields.items()} - {"type"}


def names_for_checkers(alias: str) -> set[str]:
    """
    The classes that a union of `kinds.py` names for type checkers.
    """
    tree = ast.parse(Path(str(kinds.__file__)).read_text(encoding="utf-8"))
    [union] = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == alias and node.value is not None
    ]
    return {node.id for node in ast.walk(union) if isinstance(node, ast.Name)}


def test_checkers_see_the_classes_of_the_table() -> None:
    deltas = {kind.cls.__name__ for kind in DELTAS.values()}
    blocks = {kind.cls.__name__ for kind in BLOCKS.values()}
    assert names_for_checkers("KnownDelta") == deltas
    assert names_for_checkers("KnownBlock") == blocks
    assert {*deltas, *blocks} <= {*events.__all__}


def test_each_class_has_the_type_of_its_row() -> None:
    classes: dict[str, Any] = {name: kind.cls for name, kind in DELTAS.items()}
    classes |= {name: kind.cls for name, kind in BLOCKS.items()}
    for name, cls in classes.items():
        assert cls.type == cls.__struct_config__.tag == name
    assert EVENTS.keys() == CLASSES.keys()


def test_each_field_of_a_delta_has_its_place_in_the_block() -> None:
    for kind in DELTAS.values():
        assert {*kind.fields} == {*kind.cls.__struct_fields__}
        assert kind.fits <= BLOCKS.keys()


def test_the_table_knows_what_the_sdk_knows() -> None:
    assert types_in(RawContentBlockDelta, BetaRawContentBlockDelta) == DELTAS.keys()
    assert types_in(RawMessageStreamEvent, BetaRawMessageStreamEvent) | {"ping"} == EVENTS.keys()
    blocks = types_in(ContentBlock, BetaContentBlock)
    assert blocks == BLOCKS.keys()
    assert {*get_args(StopReason), *get_args(BetaStopReason)} == STOP_REASONS.keys()


@pytest.mark.parametrize(
    "union", [ContentBlock, BetaContentBlock, RawContentBlockDelta, BetaRawContentBlockDelta]
)
def test_each_block_and_delta_has_the_fields_that_the_sdk_knows(union: Any) -> None:
    classes: dict[str, Any] = {name: kind.cls for name, kind in BLOCKS.items()}
    classes |= {name: kind.cls for name, kind in DELTAS.items()}
    for cls in get_args(get_args(union)[0]):
        [name] = get_args(cls.model_fields["type"].annotation)
        assert fields_of(cls) <= {*classes[name].__struct_encode_fields__}, name


def test_messages_and_their_usage_have_the_fields_that_the_sdk_knows() -> None:
    for cls in (Message, BetaMessage):
        assert fields_of(cls) <= {*events.Message.__struct_fields__}
    for usage in (Usage, MessageDeltaUsage, BetaUsage, BetaMessageDeltaUsage):
        assert fields_of(usage) <= {*events.Usage.__struct_fields__}
    for event in (RawMessageDeltaEvent, BetaRawMessageDeltaEvent):
        assert fields_of(event) <= {*events.MessageDelta.__struct_fields__}
        changes = event.model_fields["delta"].annotation
        assert fields_of(changes) <= {*events.MessageChanges.__struct_fields__}


def test_an_unknown_stop_reason_has_no_consequence() -> None:
    assert stop_reason(None) == stop_reason("out_of_breath") == Meaning()


@pytest.mark.parametrize(
    ("block", "whole"),
    [
        ("text", False),
        ("tool_use", False),
        ("redacted_thinking", True),
        ("x_tool_result", True),
        ("x", False),
    ],
)
def test_what_arrives_whole(block: str, whole: bool) -> None:
    assert arrives_whole(block) is whole


def test_what_a_gateway_left_out_is_told_by_the_delta() -> None:
    assert start_of("signature_delta") == {"type": "thinking", "thinking": ""}
    assert start_of("compaction_delta") == {"type": "compaction"}
    assert start_of("input_json_delta") is None
    assert start_of("never_seen") is None


def test_pieces_of_text_are_the_deltas_that_add_nothing_else() -> None:
    assert {name: (piece.field, piece.into, piece.is_prose) for name, piece in PIECES.items()} == {
        "text_delta": ("text", "text", True),
        "input_json_delta": ("partial_json", "input", False),
        "thinking_delta": ("thinking", "thinking", True),
    }


# -- a new delta ---------------------------------------------------------------------------------------------

CLASS = '''

class MoodDelta(TaggedObject, frozen=True, tag="mood_delta"):
    """
    More of a mood.
    """

    type: ClassVar[Literal["mood_delta"]] = "mood_delta"
    mood: str


class MoodBlock(TaggedObject, frozen=True, tag="mood"):
    """
    A mood.
    """

    type: ClassVar[Literal["mood"]] = "mood"
    said: str
'''
DELTA = """
        DeltaKind(MoodDelta, fits=frozenset({"mood"}), fields={"mood": Adds("text", "said")}, made_up="mood"),
"""
BLOCK = """
        BlockKind(MoodBlock, empty={"said": ""}),
"""
PROGRAM = """
import anyio
import streamkit as sk
from streamkit._claude.protocol.deltas import MoodDelta
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.transport.sdk import from_sdk_event
from streamkit._core.items import merged, text_of
from streamkit.events import ContentBlockDelta, Unknown, from_dict
from streamkit.testing import event, reply, text
from streamkit.testing._fake_claude.whole_message import apply

start = {"type": "content_block_start", "index": 0, "content_block": {"type": "mood", "said": ""}}
stop = {"type": "content_block_stop", "index": 0}
def delta(mood, **more):
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "mood": mood}, **more}

begin, *_, change, end = reply(text("")).events
said = [begin, start, delta("gl"), delta("ad"), stop, change, end]
events = EventDecoder().feed(b"".join(map(event, said)))

async def message(events):
    made = await (sk.from_iterable(events) | sk.sinks.message())
    return [block.to_dict() for block in made.content]

# It is decoded, accumulated, and selected; its block may have lost its beginning.
assert events[2] == ContentBlockDelta(0, MoodDelta("gl")), events[2]
assert isinstance(from_dict({**delta("x"), "new": 1}).delta, MoodDelta)
assert anyio.run(message, events) == [{"type": "mood", "said": "glad"}]
assert anyio.run(message, [events[0], *events[2:]]) == [{"type": "mood", "said": "glad"}]
assert list(sk.only(MoodDelta).over(events)) == list(sk.only("mood_delta").over(events)) == events[2:4]
assert not list(sk.only(Unknown).over(events))

# It is joined and cut as text is.
assert merged(*events[2:4]) == ContentBlockDelta(0, MoodDelta("glad"))
assert text_of(events[2]) == "gl"

# It is legal in its block, and nowhere else.
assert list(sk.validate().over(events)) == events
try:
    list(sk.validate().over([events[0], from_dict(reply(text("")).events[1]), events[2]]))
except sk.GrammarError as error:
    assert "mood_delta in block 0, which is of type text" in str(error)
else:
    raise AssertionError

# What the SDK's helpers make of it is left out.
class Mood:
    type = "mood"
assert from_sdk_event(Mood(), Oddities()) is None

# The API's stand-in can answer with it.
block = {"type": "mood", "said": "gl"}
apply({"type": "mood_delta", "mood": "ad"}, block)
assert block == {"type": "mood", "said": "glad"}
"""


def test_a_new_delta_is_one_class_and_one_row(tmp_path: Path) -> None:
    package = tmp_path / "streamkit"
    shutil.copytree(Path(streamkit.__file__).parent, package)  # with what Python has compiled
    deltas, table = (package / "_claude" / "protocol" / name for name in ("deltas.py", "kinds.py"))
    deltas.write_text(deltas.read_text(encoding="utf-8") + CLASS, encoding="utf-8")
    source = table.read_text(encoding="utf-8")
    for before, added in (
        ("        DeltaKind(\n            TextDelta,", DELTA),
        ("        BlockKind(TextBlock", BLOCK),
        ("    CitationsDelta,\n", "    MoodBlock,\n    MoodDelta,\n"),
    ):
        assert before in source
        source = source.replace(before, added + before, 1)
    table.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
