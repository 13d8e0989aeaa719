"""
Decides when the events of one request are handed on: at once, held until the first content, or stitched to a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.exchange.stitching import Stitching
from streamkit._claude.protocol.splicing import Opening
from streamkit._core.items import Restarted
from streamkit._core.log import error_fields, log_warning

if TYPE_CHECKING:
    from streamkit._claude.exchange.request_plan import RequestPlan
    from streamkit._claude.protocol.attempt import Attempt
    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.record import Record
    from streamkit._core.log import RunId

__all__ = ["EventGate"]


class EventGate:
    """
    The gate between the events of one request and the consumer.

    Args:
        plan: The request.
        attempt: Its attempt, begun in `record`.
        record: Where everything that arrives is kept.
        run_id: The run, for the log.

    Events wait for the first content. Until then the request can fail, or another message can take the place of the one that
    arrives, without the consumer having seen anything of it.

    Attributes:
        delivered: Whether the gate has opened: what has arrived is handed on, but for text that may be a repetition.
    """

    __slots__ = (
        "_attempt",
        "_opening",
        "_passes_all",
        "_plan",
        "_record",
        "_run_id",
        "_stitching",
        "delivered",
    )

    def __init__(self, plan: RequestPlan, attempt: Attempt, record: Record, run_id: RunId) -> None:
        self._plan = plan
        self._attempt = attempt
        self._record = record
        self._run_id = run_id
        self._opening = Opening()
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
        passed = self._opening.admit(events)
        return self._deliver(passed) if self._opening.over else passed

    def withheld(self) -> list[Event]:
        """
        The events that are still held back, when the request has failed and no other follows.
        """
        if not (self.delivered or self._plan.delivered):
            return self._opening.withheld()
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
            log_warning(
                "stream_restarted",
                self._run_id,
                attempt=self._attempt.number,
                request_id=self._attempt.request_id,
                **error_fields(interruption),
            )
            return [Restarted(self._attempt.number, interruption), *events]
        if is_first:
            self._stitching = Stitching(continuation, self._attempt, lambda: self._record.cost)
        return [] if self._stitching is None else self._extend(self._stitching.add(events))

    def _extend(self, events: list[Event]) -> list[Event]:
        self._record.extend(events)
        return events
