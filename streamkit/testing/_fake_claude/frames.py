"""
Frames: server-sent events as the Messages API writes them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PING", "dumps", "event", "events_in"]


def dumps(value: object) -> bytes:
    """
    Encode JSON as the API does: compact, in UTF-8.
    """
    # `backslashreplace` writes a lone surrogate as \udXXX, which is its JSON escape.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def event(data: Mapping[str, object]) -> bytes:
    """
    Frame one event.

    Args:
        data: The event; its `type` names the frame.

    Raises:
        ValueError: `data` has no `type`.
    """
    kind = data.get("type")
    if not isinstance(kind, str):
        raise ValueError(f"an event needs a 'type' string, and this has {kind!r}: {data!r}")
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), dumps(data))


PING: Final = event({"type": "ping"})
"""
A keep-alive event, which may stand anywhere in a stream.
"""


def events_in(body: bytes) -> Iterator[dict[str, Any]]:
    """
    Read the events back from a body that is well formed.

    Raises:
        ValueError: The data of a frame is not JSON.
    """
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    for frame in text.split("\n\n"):
        data = [line.removeprefix("data:") for line in frame.split("\n") if line.startswith("data:")]
        if data:
            yield json.loads("\n".join(data))
