"""
Text: the message's text, piece by piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from streamkit._claude.protocol.content import text_in
from streamkit._core.algebra import Operator
from streamkit._core.elementary_steps import FilterMap
from streamkit._core.items import is_restart
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from streamkit._claude.protocol.events import AnyEvent
    from streamkit._core.items import Restarted

__all__ = ["text"]


@overload
def text(*, restarts: Literal[False] = False) -> Operator[AnyEvent, str]: ...
@overload
def text(*, restarts: bool) -> Operator[AnyEvent, str | Restarted]: ...
def text(*, restarts: bool = False) -> Operator[AnyEvent, Any]:
    """
    The text of the message, piece by piece as it comes.

    In the diagram each character of the upper line is an event: `a` and `b` are deltas of text.

        MTa-bE-DS|
        text()
        --a-b----|

    Args:
        restarts: Whether a `Restarted` is handed on, in its place among the pieces: what came before it is
            void. Without it, a pipeline whose source may start over is refused when it is opened.

    Emits: a string for each piece of text, of every message in the stream.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("text", TextAndRestarts, restarts=True) if restarts else pure("text", Text))


class Text(FilterMap):
    passes_restarts = False
    restart_remedy = "text(restarts=True)"

    def __init__(self) -> None:
        super().__init__(text_in)


class TextAndRestarts(FilterMap):
    def __init__(self, *, restarts: bool) -> None:
        super().__init__(lambda event: event if is_restart(event) else text_in(event))
