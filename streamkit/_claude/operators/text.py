"""
Text: the message's text, piece by piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from streamkit._claude.operators.text_pieces import NO_HALF, TextPieces
from streamkit._claude.protocol.content import blocks_in, text_in
from streamkit._claude.protocol.deltas import InputJSONDelta, TextDelta, ThinkingDelta
from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._claude.protocol.reading import index_of, text_of_field
from streamkit._claude.protocol.told_types import type_of_block
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure
from streamkit._surrogates import WholeCharacters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._claude.protocol.events import AnyEvent
    from streamkit._core.items import Restarted

__all__ = ["text"]


@overload
def text(*, restarts: Literal[False] = False, between: str = "") -> Operator[AnyEvent, str]: ...
@overload
def text(*, restarts: bool, between: str = "") -> Operator[AnyEvent, str | Restarted]: ...
@keyword_hints
def text(*, restarts: bool = False, between: str = "") -> Operator[AnyEvent, Any]:
    """
    The text of the message, piece by piece as it comes.

    In the diagram each character of the upper line is an event: `a` and `b` are deltas of text.

        MTa-bE-DS|
        text()
        --a-b----|

    Args:
        restarts: Whether a `Restarted` is handed on, in its place among the pieces: what came before it is
            void. Without it, a pipeline whose source may start over is refused when it is opened.
        between: What is handed on, as a piece of its own, where one text block has ended and the text of the next begins, such
            as a blank line. A message with tools has several; by default their texts stand together.

    Raises:
        TypeError: `between` is not a string.

    Emits: a string for each piece of text, of every message in the stream. A piece never ends within a character: half of a
        surrogate pair is handed on with the other half.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: half a character.
    """
    if not isinstance(between, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"text() needs between= as a str, such as a blank line, not {between!r}")
    given = {"restarts": (bool(restarts), False), "between": (between, "")}
    changed = {name: value for name, (value, usual) in given.items() if value != usual}
    if not between:
        return Operator(pure("text", Text, **changed))
    return Operator(pure("text", SeparatedAndRestarts if restarts else Separated, **changed))


class Text(TextPieces):
    restart_remedy = "text(restarts=True)"
    piece_in = staticmethod(text_in)

    def _for_each(self, whole: WholeCharacters, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def feed(event: Any) -> Any:
            if event.__class__ is ContentBlockDelta:
                delta = event.delta
                if delta.__class__ is TextDelta:
                    piece: str = delta.text
                    if not whole.half and (piece.isascii() or piece[-1] <= NO_HALF):
                        return piece
                elif delta.__class__ is InputJSONDelta or delta.__class__ is ThinkingDelta:
                    return None
            return otherwise(event)

        return feed


class Separated(Transducer[Any, Any]):
    """
    The pieces of text, with a separator between those of two blocks.
    """

    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "pieces of text"

    passes_restarts = False
    restart_remedy = "text(restarts=True, between=…)"
    memory = "half a character"

    def __init__(self, *, between: str, restarts: bool = False) -> None:
        self.between = between
        self.reset()

    def feed(self, item: Any) -> Iterable[str]:
        kind = item.type
        if kind == "content_block_delta":
            piece = text_in(item)
            return () if piece is None else self._piece(piece, index_of(item))
        if kind not in {"content_block_start", "message_start"}:
            return ()
        return [
            piece
            for index, block in enumerate(blocks_in(item), index_of(item) or 0)
            if type_of_block(block) == "text"
            for piece in self._block(text_of_field(block, "text"), index)
        ]

    def flush(self) -> Iterable[str]:
        half = self.whole.take()
        return (half,) if half else ()

    def reset(self) -> None:
        self.whole: WholeCharacters = WholeCharacters()
        self.index: int | None = None  # of the block whose text was the last
        self.begins: bool = True  # whether the next text is another block's
        self.due: bool = False  # whether there has been text before

    def _block(self, beginning: str, index: int | None) -> Iterable[str]:
        self.begins = True
        return self._piece(beginning, index) if beginning else ()

    def _piece(self, piece: str, index: int | None) -> Iterable[str]:
        if not piece:
            return ()
        if not self.begins and index in {self.index, None}:
            piece = self.whole.feed(piece)
            return (piece,) if piece else ()
        separator = self.whole.take() + self.between if self.due else ""
        self.index, self.begins, self.due = index, False, True
        return [each for each in (separator, self.whole.feed(piece)) if each]


class SeparatedAndRestarts(Separated):
    passes_restarts = True
