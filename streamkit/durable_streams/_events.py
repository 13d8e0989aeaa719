"""
Parts of a run as server-sent events: their data, and behind each a `control` that says where the next one begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from streamkit._serving.framing import Framing
from streamkit.durable_streams._cursor import next_cursor
from streamkit.durable_streams._headers import ON_ALL
from streamkit.durable_streams._offset import write_offset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit._core.outcome import Outcome
    from streamkit.durable_streams._content import Content
    from streamkit.hub._parts import Part

__all__ = ["Events"]


class Events(Framing):
    """
    Writes the parts of a run.

    Args:
        content: What the records are.
        cursor: The one that the client has sent.
        first: The part with which to begin. It may be empty.
    """

    media_type = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = ON_ALL

    def __init__(self, content: Content, cursor: int | None, first: Part) -> None:
        self._content = content
        self._cursor = cursor
        self._first = self.item(first)

    def begin(self) -> bytes:
        return self._first

    def item(self, item: Part) -> bytes:
        lines = self._content.lines(item.records) if item.records else []
        data = [b"event: data\n", *(b"data:%b\n" % line for line in lines), b"\n"] if lines else []
        return b"".join(data) + b"event: control\ndata:" + msgspec.json.encode(self._control(item)) + b"\n\n"

    def end(self, outcome: Outcome) -> bytes:
        return b""

    def failure(self, error: Exception, outcome: Outcome) -> bytes:
        # The client comes again with its offset, and then the status tells it.
        return b""

    def _control(self, part: Part) -> dict[str, object]:
        control: dict[str, object] = {"streamNextOffset": write_offset(part.end)}
        if part.is_last:
            return {**control, "upToDate": True, "streamClosed": True, "streamRunKind": part.kind}
        cursor = next_cursor(self._cursor)
        self._cursor = None
        control["streamCursor"] = cursor
        return {**control, "upToDate": True} if part.at_tail else control
