"""
Thinking: the model's thinking, piece by piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.protocol.content import thinking_in
from streamkit._core.algebra import Operator
from streamkit._core.elementary_steps import FilterMap
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from streamkit._claude.protocol.events import AnyEvent

__all__ = ["thinking"]


def thinking() -> Operator[AnyEvent, str]:
    """
    The model's thinking, piece by piece as it comes; without signatures and what is redacted.

    In the diagram each character of the upper line is an event: `h` is a delta of thinking, `s` the signature.

        MHh-sE-DS|
        thinking()
        --h------|

    Emits: a string for each piece of thinking, of every message in the stream.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("thinking", Thinking))


class Thinking(FilterMap):
    passes_restarts = False

    def __init__(self) -> None:
        super().__init__(thinking_in)
