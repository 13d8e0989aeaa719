"""
What an application has to say itself: data parts, and chunks that stand in a stream as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from streamkit._core.plain import PlainValue

__all__ = ["Chunk", "Data", "own_chunk"]

Chunk: TypeAlias = dict[str, Any]
"""A chunk of the protocol: a JSON object with a `type`."""

_OWN: Final = frozenset(
    {
        "file",
        "message-metadata",
        "source-document",
        "source-url",
        "tool-approval-request",
        "tool-output-available",
        "tool-output-denied",
        "tool-output-error",
    }
)
"""What an application may send besides data parts. The rest says where a message begins and ends, which the events tell."""


class Data(PlainValue, Struct, frozen=True):
    """
    A data part of the application's own, which a component of the page shows.

    Args:
        name: Which kind it is; on the wire it is `data-` and this name.
        value: Any JSON value.
        id: A later part of the same name and id takes the place of this one. None: it stays beside the others.
        transient: Whether it is only told to `onData`, and does not become a part of the message.
    """

    name: str
    value: Any
    id: str | None = None
    transient: bool = False

    def to_dict(self) -> Chunk:
        """
        The chunk that it is on the wire.
        """
        chunk: Chunk = {"type": f"data-{self.name}", "data": self.value}
        if self.id is not None:
            chunk["id"] = self.id
        if self.transient:
            chunk["transient"] = True
        return chunk


def own_chunk(item: Mapping[str, Any]) -> Chunk:
    """
    A chunk that the application has made itself.

    Raises:
        TypeError: It is not one that an application can send.
    """
    kind = item.get("type")
    if isinstance(kind, str) and ((kind.startswith("data-") and "data" in item) or kind in _OWN):
        return dict(item)
    raise TypeError(
        f"chunks() cannot send an object of type {kind!r}: of an application's own it takes "
        f'{{"type": "data-NAME", "data": …}}, a tool_result block, and chunks of the types {", ".join(sorted(_OWN))}'
    )
