"""
Receiving one response: its bytes decoded, recorded, and judged at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .wire import EventDecoder

if TYPE_CHECKING:
    from streamkit.core.errors import StreamError

    from .events import Event
    from .outcome import Record
    from .progress import Progress

__all__ = ["Reception"]


class Reception:
    """
    Decodes the chunks of one response into a record.

    Args:
        record: What the run's outcome will tell.
        pings: Whether pings are handed on.
    """

    def __init__(self, record: Record, *, pings: bool = True) -> None:
        self._decoder = EventDecoder(pings=pings)
        self._record = record

    @property
    def progress(self) -> Progress:
        """
        How far the message has come.
        """
        return self._decoder.progress

    @property
    def over(self) -> bool:
        """
        Whether nothing more is expected, or can be decoded.
        """
        return self._decoder.over

    @property
    def broken(self) -> bool:
        """
        Whether nothing more can be decoded.
        """
        return self._decoder.error is not None

    def feed(self, chunk: bytes) -> list[Event]:
        """
        The events that these bytes complete.
        """
        events = self._decoder.feed(chunk)
        self._record.add(events)
        return events

    def failure(self, broken: StreamError | None = None) -> StreamError | None:
        """
        At the end of the bytes: why the message is not whole, or None if it is.

        Args:
            broken: What is known of a bad end; it matters only while something is missing.
        """
        error = self._decoder.error or self.progress.failure(broken)
        return None if error is None else self._record.completed(error)
