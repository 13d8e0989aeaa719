"""
The parts of a message that are being written: texts, thoughts, and the inputs of tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamkit._claude.protocol.deltas import InputJSONDelta, TextDelta, ThinkingDelta
from streamkit._claude.protocol.kinds import TOOLS
from streamkit._claude.protocol.reading import as_object, input_text
from streamkit._surrogates import WholeCharacters
from streamkit.ui.ai_sdk._provider_metadata import provider_metadata
from streamkit.ui.ai_sdk._sources import source
from streamkit.ui.ai_sdk._tool_chunks import call_start

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.growing_text import GrowingText
    from streamkit.ui.ai_sdk._data import Chunk

__all__ = ["FORMS", "Part", "other_block", "redacted_thought"]


class Form(NamedTuple):
    """
    How one kind of part is written.

    Attributes:
        delta: The class of the deltas that only add to it.
        field: The field of the delta with the piece, and of the block.
        start: The type of the chunk that begins it.
        piece: The type of the chunk that adds to it.
        end: The type of the chunk that ends it.
        id_name: The chunk's field with its id.
        piece_name: The chunk's field with the piece.
    """

    delta: type
    field: str
    start: str
    piece: str
    end: str
    id_name: str = "id"
    piece_name: str = "delta"


_TOOL: Final = Form(
    InputJSONDelta,
    "partial_json",
    "tool-input-start",
    "tool-input-delta",
    "tool-input-available",
    "toolCallId",
    "inputTextDelta",
)

FORMS: Final = {
    "text": Form(TextDelta, "text", "text-start", "text-delta", "text-end"),
    "thinking": Form(ThinkingDelta, "thinking", "reasoning-start", "reasoning-delta", "reasoning-end"),
    **dict.fromkeys(TOOLS, _TOOL),
}
"""For each type of block that is written piece by piece: how."""


class Part:
    """
    One part that is being written.

    Args:
        block: The content block that it shows.
        part_id: Its id, or that of the call.

    Attributes:
        takes: The class of the deltas whose piece can be handed on at once. None until the block has taken its first delta, which
            it notes, and wherever more than the piece matters.
        begun: Whether the client knows of it.
    """

    __slots__ = (
        "begun",
        "block",
        "field",
        "form",
        "held",
        "id",
        "id_name",
        "input",
        "piece",
        "piece_name",
        "takes",
        "whole",
    )

    def __init__(self, block: Block, part_id: str) -> None:
        self.block = block
        self.id = part_id
        self.form = FORMS[block.type]
        self.takes: type | None = None
        self.begun = False
        self.held = ""
        self.whole = WholeCharacters()
        # These are read for each event.
        self.input: GrowingText | None = None
        self.field = self.form.field
        self.piece = self.form.piece
        self.id_name = self.form.id_name
        self.piece_name = self.form.piece_name

    @property
    def is_call(self) -> bool:
        """
        Whether it is the input of a tool.
        """
        return self.form is _TOOL

    def begin(self) -> Chunk:
        """
        The chunk that begins it.
        """
        self.begun = True
        if self.is_call:
            return call_start(self.id, self.block.name, self.block.type)
        return {"type": self.form.start, "id": self.id}

    def add(self, delta: Any) -> str:
        """
        Have the block take a delta.

        Returns:
            The text that it has added.
        """
        block = self.block
        if (adds := block.pieces.get(delta.__class__)) is None:
            block.add(delta)
            return input_text(delta) if self.is_call else self.taken()
        field, into = adds
        piece: str = getattr(delta, field)
        store = block.texts[into]  # by this the block notes that it has begun
        if self.is_call:
            self.input = store
            store.write(piece)
        if self.begun and (piece or not self.is_call):
            self.takes = self.form.delta
        return piece

    def taken(self) -> str:
        """
        The text that the block has taken since the last time.
        """
        block = self.block
        if self.field not in block.texts:
            return ""
        # What has been handed on is kept nowhere.
        return block.texts[self.field].take()

    def hold(self, piece: str) -> list[Chunk]:
        """
        Keep a piece until more of it tells whether it is shown.
        """
        self.held += piece
        return []

    def write(self, piece: str) -> list[Chunk]:
        """
        The chunk of a piece; nothing where that is empty, or waits for the other half of a character.
        """
        if self.held:
            piece, self.held = self.held + piece, ""
        whole = self.whole.feed(piece)
        return [{"type": self.piece, self.id_name: self.id, self.piece_name: whole}] if whole else []

    def end(self) -> list[Chunk]:
        """
        The chunks that end a text or a thought.
        """
        chunks: list[Chunk] = []
        if half := self.whole.take():
            chunks.append({"type": self.piece, "id": self.id, "delta": half})
        end: Chunk = {"type": self.form.end, "id": self.id}
        if citations := self.block.told("citations"):
            objects = [each for citation in citations if (each := as_object(citation))]
            chunks += [source(each, f"{self.id}-{number}") for number, each in enumerate(objects)]
            end["providerMetadata"] = provider_metadata(citations=objects)
        if signature := self.block.told("signature"):
            end["providerMetadata"] = provider_metadata(signature=signature)
        return [*chunks, end]


def redacted_thought(block: Block, part_id: str) -> list[Chunk]:
    """
    The chunks of a thought of which there is nothing to read.
    """
    metadata = provider_metadata(redactedData=block.told("data"))
    return [
        {"type": "reasoning-start", "id": part_id, "providerMetadata": metadata},
        {"type": "reasoning-end", "id": part_id},
    ]


def other_block(block: Block, *, is_current: bool) -> Chunk:
    """
    The chunk of a block that the protocol has no word for.

    Args:
        block: The block, which is whole.
        is_current: Whether the client knows `custom` parts, as those of version 7 do.
    """
    fields = block.to_dict()
    fields.pop("unknown_deltas", None)
    if is_current:
        return {
            "type": "custom",
            "kind": f"anthropic.{block.type}",
            "providerMetadata": provider_metadata(**fields),
        }
    return {"type": "data-anthropic-block", "data": fields}
