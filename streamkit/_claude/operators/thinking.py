"""
Thinking: the model's thinking, piece by piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from streamkit._claude.operators.text_pieces import NO_HALF, TextPieces
from streamkit._claude.protocol.content import thinking_in
from streamkit._claude.protocol.deltas import InputJSONDelta, TextDelta, ThinkingDelta
from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._core.algebra import Operator
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._claude.protocol.events import AnyEvent
    from streamkit._core.items import Restarted
    from streamkit._surrogates import WholeCharacters

__all__ = ["thinking"]


@overload
def thinking(*, restarts: Literal[False] = False) -> Operator[AnyEvent, str]: ...
@overload
def thinking(*, restarts: bool) -> Operator[AnyEvent, str | Restarted]: ...
@keyword_hints
def thinking(*, restarts: bool = False) -> Operator[AnyEvent, Any]:
    """
    The model's thinking, piece by piece as it comes; without signatures and what is redacted.

    In the diagram each character of the upper line is an event: `h` is a delta of thinking, `s` the signature.

        MHh-sE-DS|
        thinking()
        --h------|

    Args:
        restarts: Whether a `Restarted` is handed on, in its place among the pieces: what came before it is
            void. Without it, a pipeline whose source may start over is refused when it is opened.

    Emits: a string for each piece of thinking, of every message in the stream. A piece never ends within a character.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: half a character.
    """
    return Operator(pure("thinking", Thinking, **({"restarts": True} if restarts else {})))


class Thinking(TextPieces):
    restart_remedy = "thinking(restarts=True)"
    piece_in = staticmethod(thinking_in)

    def _for_each(self, whole: WholeCharacters, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def feed(event: Any) -> Any:
            if event.__class__ is ContentBlockDelta:
                delta = event.delta
                if delta.__class__ is ThinkingDelta:
                    piece: str = delta.thinking
                    if not whole.half and (piece.isascii() or piece[-1] <= NO_HALF):
                        return piece
                elif delta.__class__ is InputJSONDelta or delta.__class__ is TextDelta:
                    return None
            return otherwise(event)

        return feed
