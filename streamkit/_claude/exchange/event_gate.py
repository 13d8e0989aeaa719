"""
Decides when the events of one request are handed on: at once, held until the first content, or stitched to a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.exchange.stitching import Stitching
from streamkit._claude.protocol.kinds import FILLED_BY_DELTAS
from streamkit._claude.protocol.reading import list_in, text_of_field, type_of
from streamkit._core.items import Restarted

if TYPE_CHECKING:
    from streamkit._claude.exchange.request_plan import RequestPlan
    from streamkit._claude.protocol.attempt import Attempt
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.record import Record

__all__ = ["EventGate"]

_MOST_HELD = 64
"""Events that are held before the first content."""


class EventGate:
    """
    The gate between the events of one request and the consumer.

    Args:
        plan: The request.
        attempt: Its attempt, begun in `record`.
        record: Where everything that arrives is kept.
        may_hold: Whether events wait for the first content. Until then the request can fail without the consumer having seen
            anything of it.

    Attributes:
        delivered: Whether the gate has opened: what has arrived is handed on, but for text that may be a repetition.
    """

    def __init__(self, plan: RequestPlan, attempt: Attempt, record: Record, *, may_hold: bool) -> None:
        self._plan = plan
        self._attempt = attempt
        self._record = record
        self._held: list[Event] | None = [] if may_hold else None
        self._stitching: Stitching | None = None
        self._passes_all = False  # whether everything that comes is handed on as it is
        self.delivered: bool = False

    def admit(self, events: list[Event]) -> list[Event]:
        """
        Take events that have arrived.

        Returns:
            The events to hand on now.
        """
        self._record.add(events)
        if self._passes_all:
            return events
        if self._held is not None:
            self._held += events
            if not any(map(_is_content, events)):
                if len(self._held) <= _MOST_HELD:
                    return []
                pings: list[Event] = [event for event in self._held if event.type == "ping"]
                if pings:
                    # They may stand anywhere, and a retry need not take them back.
                    self._held = [event for event in self._held if event.type != "ping"]
                    return pings
            events, self._held = self._held, None
        return self._deliver(events)

    def withheld(self) -> list[Event]:
        """
        The events that are still held back, when the request has failed and no other follows.
        """
        if self._held and not self._plan.delivered:
            return self._held
        return [] if self._stitching is None else self._extend(self._stitching.finish())

    def _deliver(self, events: list[Event]) -> list[Event]:
        """
        The events as the consumer gets them, behind what it has got of the message already.
        """
        is_first, self.delivered = not self.delivered, True
        continuation, interruption = self._plan.continuation, self._plan.interruption
        if continuation is None:
            self._passes_all = True
            if interruption is None:
                return events
            self._record.replace()
            return [Restarted(self._attempt.number, interruption), *events]
        if is_first:
            self._stitching = Stitching(continuation, self._attempt, lambda: self._record.cost)
        return [] if self._stitching is None else self._extend(self._stitching.add(events))

    def _extend(self, events: list[Event]) -> list[Event]:
        self._record.extend(events)
        return events


def _is_content(event: Event) -> bool:
    """
    Whether the application could act on the event, so that it cannot be taken back once it is handed on.
    """
    if event.type == "content_block_start":
        # Most kinds of block are filled by deltas. The others arrive whole in their start.
        return type_of(getattr(event, "content_block", None)) not in FILLED_BY_DELTAS
    if event.type == "message_start":
        # A gateway that does not stream sends the whole message in its start.
        message: object = getattr(event, "message", None)
        return bool(list_in(message, "content") or text_of_field(message, "stop_reason"))
    return event.type != "ping"
