"""
Starting over: what stands in a stream where all before it counts no more.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

__all__ = ["Restarted", "is_restart"]


class Restarted(Struct, frozen=True, tag_field="type", tag="restarted"):
    """
    What came before counts no more: the source was opened again and starts over.

    For Claude: the request was sent again. It is no event of the wire.

    Attributes:
        attempt: The number of the attempt that begins; the first was 1.
        error: What ended the one before.
    """

    type: ClassVar[Literal["restarted"]] = "restarted"
    __restart__: ClassVar[bool] = True
    attempt: int
    error: Exception


def is_restart(item: object) -> bool:
    """
    Whether the stream starts over at this item, so that what came before it counts no more.
    """
    return getattr(item, "__restart__", False) is True
