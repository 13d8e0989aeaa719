"""
Pieces of text: the deltas that hold nothing but more of one text, so that neighbours can be joined and some of them cut.

All of it is derived from `kinds.DELTAS`, and works on this library's deltas as well as on the SDK's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET, Struct, UnsetType

from streamkit._claude.protocol.kinds import DELTAS
from streamkit._surrogates import appended

if TYPE_CHECKING:
    from streamkit._claude.protocol.kinds import DeltaKind

__all__ = ["PIECES", "PIECES_BY_CLASS", "PieceKind"]


@dataclass(frozen=True, slots=True)
class PieceKind:
    """
    A kind of delta that is a piece of text.

    Attributes:
        cls: This library's class.
        field: Its field with the text.
        into: The field of the block that the text belongs to.
        is_prose: Whether the text may be cut anywhere and shown at a pace of its own, unlike JSON.
        counts: Its fields that count something of the text.
    """

    cls: type[Struct]
    field: str
    into: str
    is_prose: bool
    counts: tuple[str, ...]

    def joined(self, first: Any, second: Any) -> dict[str, Any]:
        """
        The fields of two neighbours as one delta.
        """
        text: str = getattr(first, self.field)
        more: str = getattr(second, self.field)
        fields: dict[str, Any] = {self.field: text + more if more.isascii() else appended(text, more)}
        for name in self.counts:
            fields[name] = _added(getattr(first, name, UNSET), getattr(second, name, UNSET))
        return fields

    def text_to_cut(self, delta: Any) -> str | None:
        """
        The text, if it can be cut without a loss: of a count nobody knows which part of the text it belongs to.
        """
        if not self.is_prose or (self.counts and self._has_count(delta)):
            return None
        text: str = getattr(delta, self.field)
        return text

    def _has_count(self, delta: Any) -> bool:
        return any(isinstance(getattr(delta, name, None), int) for name in self.counts)


def _piece(kind: DeltaKind) -> PieceKind | None:
    added = {name: adds for name, adds in kind.fields.items() if adds.how != "count"}
    if len(added) != 1:
        return None
    [(field, adds)] = added.items()
    if adds.how not in {"text", "json"}:
        return None
    counts = tuple(name for name in kind.fields if name != field)
    return PieceKind(kind.cls, field, adds.into, adds.how == "text", counts)


def _added(a: int | UnsetType | None, b: int | UnsetType | None) -> int | UnsetType | None:
    """
    Two counts as one: a number counts, and null says more than nothing.
    """
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    return next((each for each in (a, b) if isinstance(each, int)), None if a is None or b is None else UNSET)


PIECES: Final = {name: piece for name, kind in DELTAS.items() if (piece := _piece(kind)) is not None}
"""The deltas that are pieces of text, by their type."""

PIECES_BY_CLASS: Final[dict[type, PieceKind]] = {piece.cls: piece for piece in PIECES.values()}
"""The same by their class here. A subclass has fields that this version does not know: it is not a piece of text."""
