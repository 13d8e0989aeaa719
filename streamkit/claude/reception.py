"""
Receiving one response: its bytes decoded, recorded, and judged at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .wire import EventDecoder

if TYPE_CHECKING:
    from .events import Event
    from .outcome import Record

__all__ = ["Reception"]


class Reception:
    """
    Decodes the chunks of one response into a record.

    Args:
        record: What the run's outcome will tell.
        pings: Whether pings are handed on.
    """

    def __init__(self, record: Record, *, pings: bool = True) -> None:
        self._decoder = EventDecoder()
        self._record = record
        self._pings = pings

    @property
    def finished(self) -> bool:
        """
        Whether the message has ended with its `message_stop`.
        """
        return self._decoder.finished

    @property
    def broken(self) -> bool:
        """
        Whether nothing more can be decoded.
        """
        return self._decoder.error is not None

    @property
    def over(self) -> bool:
        """
        Whether nothing more is expected, or can be decoded.
        """
        return self.broken or self.finished

    def feed(self, chunk: bytes) -> list[Event]:
        """
        The events that these bytes complete.
        """
        events = self._decoder.feed(chunk)
        if not self._pings and b"ping" in chunk:
            events = [event for event in events if event.type != "ping"]
        self._record.add(events)
        return events

    def failure(self, broken: Exception | None = None) -> Exception | None:
        """
        At the end of the bytes: why the message is not whole, or None if it is.

        Args:
            broken: What the connection has failed with; it matters only while something is missing.
        """
        said = self._decoder.error
        self._decoder.end()
        error = said or (broken if self._decoder.error is not None and broken is not None else self._decoder.error)
        return None if error is None else self._record.completed(error)
