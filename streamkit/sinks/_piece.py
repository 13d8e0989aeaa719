"""
Pieces of text: what the sinks of text accept.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from streamkit._core.restart import is_restart

__all__ = ["Piece", "Restart", "piece_of"]


class Restart(Protocol):
    """
    An item at which a stream starts over, such as `Restarted` behind `text(restarts=True)`.
    """

    __restart__: ClassVar[bool]


Piece = str | Restart


def piece_of(sink: str, item: object) -> str | None:
    """
    The text that `item` is, or None where the text starts over.

    Raises:
        TypeError: It is neither text nor a restart.
    """
    if isinstance(item, str):
        return item
    if is_restart(item):
        return None
    raise TypeError(f"{sink}() takes str, not {type(item).__name__}: put text() or map(…) in front of it")
