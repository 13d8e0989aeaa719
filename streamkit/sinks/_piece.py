"""
Pieces of text: the items that `join` and `write` accept.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from streamkit._core.items import is_restart
from streamkit._surrogates import plain_text

__all__ = ["Piece", "Restart", "piece_of"]


class Restart(Protocol):
    """
    An item that says that the stream starts over, such as `Restarted` behind `text(restarts=True)`.
    """

    __restart__: ClassVar[bool]


Piece = str | Restart


def piece_of(sink: str, item: object) -> str | None:
    """
    The text of an item, or None where the text starts over.

    Raises:
        TypeError: `item` is neither text nor a restart.
    """
    if isinstance(item, str):
        return plain_text(item)
    if is_restart(item):
        return None
    raise TypeError(f"{sink}() takes str, not {type(item).__name__}: put text() or map(…) in front of it")
