"""
The deltas: what one `content_block_delta` adds to its block.

How each of them accumulates, and what else follows from its type, is its row in `kinds.DELTAS`. `streamkit/events.py`
publishes them.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import UNSET, UnsetType

from streamkit._claude.protocol.codec import Unknown  # noqa: TC001 -- msgspec evaluates the annotations
from streamkit._claude.protocol.structs import TaggedObject

__all__ = [
    "CitationsDelta",
    "CompactionDelta",
    "InputJSONDelta",
    "SignatureDelta",
    "TextDelta",
    "ThinkingDelta",
]


class TextDelta(TaggedObject, frozen=True, tag="text_delta", gc=False):
    """
    More text of a text block.
    """

    type: ClassVar[Literal["text_delta"]] = "text_delta"
    text: str


class InputJSONDelta(TaggedObject, frozen=True, tag="input_json_delta", gc=False):
    """
    More of the JSON text of a tool's input; the first is often empty.
    """

    type: ClassVar[Literal["input_json_delta"]] = "input_json_delta"
    partial_json: str


class ThinkingDelta(TaggedObject, frozen=True, tag="thinking_delta", gc=False):
    """
    More text of a thinking block.
    """

    type: ClassVar[Literal["thinking_delta"]] = "thinking_delta"
    thinking: str
    estimated_tokens: int | UnsetType | None = UNSET


class SignatureDelta(TaggedObject, frozen=True, tag="signature_delta", gc=False):
    """
    The signature of a thinking block, whole: it replaces what was there.
    """

    type: ClassVar[Literal["signature_delta"]] = "signature_delta"
    signature: str


class CitationsDelta(TaggedObject, frozen=True, tag="citations_delta"):
    """
    One more citation of a text block.
    """

    type: ClassVar[Literal["citations_delta"]] = "citations_delta"
    citation: Unknown


class CompactionDelta(TaggedObject, frozen=True, tag="compaction_delta", gc=False):
    """
    More of the summary in a compaction block.
    """

    type: ClassVar[Literal["compaction_delta"]] = "compaction_delta"
    content: str | UnsetType | None = UNSET
    encrypted_content: str | UnsetType | None = UNSET
