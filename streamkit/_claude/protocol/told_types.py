"""
The types of deltas and content blocks, also where a gateway leaves them out or has other names for them.
"""

from __future__ import annotations

from typing import Final

from streamkit._claude.protocol.deltas import CompactionDelta, InputJSONDelta
from streamkit._claude.protocol.kinds import BLOCKS, DELTAS

__all__ = ["NOT_INPUT", "is_input", "type_of_block", "type_of_delta"]


def type_of_delta(delta: object) -> str:
    """
    The type of a delta. One that does not say it, as from some gateways, is told by its field; empty if it cannot be told. Some
    write the name without its end, as in `"text"`, or another one for input.
    """
    kind: object = getattr(delta, "type", None)
    if isinstance(kind, str):
        return kind if kind in DELTAS else _named_otherwise(kind, delta)
    return next(
        (name for field, name in _TOLD_BY.items() if isinstance(getattr(delta, field, None), str)), ""
    )


def _named_otherwise(kind: str, delta: object) -> str:
    if f"{kind}_delta" in DELTAS:
        return f"{kind}_delta"
    return InputJSONDelta.type if isinstance(getattr(delta, "partial_json", None), str) else kind


NOT_INPUT: Final = frozenset(kind.cls for kind in DELTAS.values() if kind.cls is not InputJSONDelta)
"""The classes of the deltas that are no input of a tool. A subclass has fields that this version does not know."""


def is_input(delta: object) -> bool:
    """
    Whether a delta is a piece of a tool's input.
    """
    cls = delta.__class__
    return cls is InputJSONDelta or (cls not in NOT_INPUT and type_of_delta(delta) == InputJSONDelta.type)


def type_of_block(block: object) -> str:
    """
    The type of a content block. One of text or thinking need not say it; empty if it cannot be told.
    """
    kind: object = getattr(block, "type", None)
    if isinstance(kind, str):
        return kind
    return next((name for name in _PROSE if isinstance(getattr(block, name, None), str)), "")


_TOLD_BY = {
    field: name
    for name, kind in DELTAS.items()
    for field, adds in kind.fields.items()
    if adds.how in {"text", "json", "value"} and kind.cls is not CompactionDelta
}
"""The type of a delta, by its field that no other has. Of a compaction they are such as any object may have."""

_PROSE = [name for name, kind in BLOCKS.items() if name in kind.empty]
"""The types of block that are named after the field with their text."""
