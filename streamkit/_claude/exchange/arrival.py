"""
What becomes of the events of one request: held back, handed on, or stitched to what came before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.exchange.stitching import Stitching
from streamkit._claude.protocol.message import FILLED_BY_DELTAS
from streamkit._core.restart import Restarted

if TYPE_CHECKING:
    from streamkit._claude.exchange.turn import Turn
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.record import Attempt, Record

__all__ = ["Arrival"]

_MOST_HELD = 64
"""Events that are held before the first content."""


class Arrival:
    """
    The events of one request.

    Args:
        turn: What the request is about.
        attempt: The request, begun in `record`.
        record: What has arrived.
        may_hold: Whether events wait for the first content, because nobody needs to see them if the request fails before.

    Attributes:
        gave: Whether events have been handed on.
    """

    def __init__(self, turn: Turn, attempt: Attempt, record: Record, *, may_hold: bool) -> None:
        self._turn = turn
        self._attempt = attempt
        self._record = record
        self._held: list[Event] | None = [] if may_hold else None
        self._stitching: Stitching | None = None
        self._passes = False  # whether all that comes is handed on as it is
        self.gave: bool = False

    def take(self, events: list[Event]) -> list[Event]:
        """
        What is handed on for these events, which have arrived.
        """
        self._record.add(events)
        if self._passes:
            return events
        if self._held is not None:
            self._held += events
            if not any(map(_is_content, events)):
                if len(self._held) <= _MOST_HELD:
                    return []
                pings: list[Event] = [event for event in self._held if event.type == "ping"]
                if pings:
                    # They may stand anywhere, and mean nothing that would have to be taken back.
                    self._held = [event for event in self._held if event.type != "ping"]
                    return pings
            events, self._held = self._held, None
        return self._handed_on(events)

    def rest(self) -> list[Event]:
        """
        What was held back, when this request has failed and no other follows.
        """
        if self._held and not self._turn.given:
            return self._held
        return [] if self._stitching is None else self._extended(self._stitching.give_up())

    def _handed_on(self, events: list[Event]) -> list[Event]:
        begins, self.gave = not self.gave, True
        continuation, cause = self._turn.continuation, self._turn.cause
        if continuation is None:
            self._passes = True
            if cause is None:
                return events
            self._record.replace()
            return [Restarted(self._attempt.number, cause), *events]
        if begins:
            self._stitching = Stitching(continuation, self._attempt, lambda: self._record.cost)
        return [] if self._stitching is None else self._extended(self._stitching.take(events))

    def _extended(self, events: list[Event]) -> list[Event]:
        self._record.extend(events)
        return events


def _is_content(event: Event) -> bool:
    """
    Whether the application could have acted on what has arrived, so that it cannot be taken back.
    """
    if event.type == "content_block_start":
        # Most kinds of block are filled by deltas; the others arrive whole in their start.
        return event.content_block.type not in FILLED_BY_DELTAS
    if event.type == "message_start":
        # From a gateway that streams nothing.
        return bool(event.message.content or event.message.stop_reason)
    return event.type != "ping"
