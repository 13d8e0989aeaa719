"""
What a spliced body becomes: one in which a message begins while another one has not ended.

A gateway or a proxy that loses its upstream may ask again, and write both answers into one response. The two are never merged.
Until the first content of a message nobody has seen anything of it, so the second takes its place. After that it is an error,
unless the application has asked to start over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.protocol.content import content_of
from streamkit._claude.protocol.errors import StreamSpliced
from streamkit._claude.protocol.kinds import FILLED_BY_DELTAS
from streamkit._claude.protocol.reading import text_of_field
from streamkit._claude.protocol.told_types import type_of_block

if TYPE_CHECKING:
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.record import Record

__all__ = ["Opening", "SplicedBatch", "taken_over"]

_MOST_HELD = 64
"""Events that are held before the first content."""


class SplicedBatch(list["Event"]):
    """
    A batch of events that begins with a message in the place of another one, which had not ended.
    """


class Opening:
    """
    Holds the events of a message back until its first content, so that another message can take its place unseen.

    Attributes:
        over: Whether the events are handed on.
    """

    __slots__ = ("_held", "over")

    def __init__(self) -> None:
        self.over: bool = False
        self._held: list[Event] = []

    def admit(self, events: list[Event]) -> list[Event]:
        """
        Take events that have arrived.

        Returns:
            The events to hand on now.
        """
        if self.over:
            return events
        self._held += events
        if not any(map(_is_content, events)):
            if len(self._held) <= _MOST_HELD:
                return []
            pings: list[Event] = [event for event in self._held if event.type == "ping"]
            if pings:
                # They may stand anywhere, and another message need not take them back.
                self._held = [event for event in self._held if event.type != "ping"]
                return pings
        self.over = True
        return self.withheld()

    def withheld(self) -> list[Event]:
        """
        The events that are still held back, when no more come.
        """
        events, self._held = self._held, []
        return events


def taken_over(opening: Opening, record: Record) -> Opening:
    """
    The opening of a message that takes the place of another one, which `opening` has held back.

    Raises:
        StreamSpliced: The other one has been handed on.
    """
    error = StreamSpliced()
    if opening.over:
        raise record.completed(error)
    record.take_over(error)
    return Opening()


def _is_content(event: Event) -> bool:
    """
    Whether the application could act on the event, so that it cannot be taken back once it is handed on.
    """
    if event.type == "content_block_start":
        # Most kinds of block are filled by deltas. The others arrive whole in their start.
        return type_of_block(getattr(event, "content_block", None)) not in FILLED_BY_DELTAS
    if event.type == "message_start":
        # A gateway that does not stream sends the whole message in its start.
        message: object = getattr(event, "message", None)
        return bool(content_of(message) or text_of_field(message, "stop_reason"))
    return event.type != "ping"
