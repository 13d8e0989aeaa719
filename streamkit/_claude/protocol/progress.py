"""
Follows how far a message has come, which decides at the end whether it is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.errors import StreamSpliced, StreamTruncated
from streamkit._claude.protocol.kinds import EVENTS

if TYPE_CHECKING:
    from streamkit._core.errors import StreamError

__all__ = ["Progress"]


class Progress:
    """
    Follows the events of messages that come one after another.

    Args:
        until_stop: Whether a message is open until its `message_stop`, for one that answers a request has nothing behind it.
            Otherwise one that has told its stop reason may lack that, and another follows.

    Attributes:
        begun: Whether a message has begun.
        open: Whether one is still to end.
    """

    def __init__(self, *, until_stop: bool = False) -> None:
        self._until_stop = until_stop
        self.begun: bool = False
        self.open: bool = False
        self._has_stop_reason = False

    @property
    def finished(self) -> bool:
        """
        Whether a message has ended with `message_stop` and no other has begun.
        """
        return self.begun and not self.open

    @property
    def complete(self) -> bool:
        """
        Whether nothing is missing: a message that has told its stop reason lacks only its `message_stop`.
        """
        return self.begun and (not self.open or self._has_stop_reason)

    def follow(self, event: Any) -> None:
        """
        Take the next event.

        Raises:
            StreamSpliced: A message begins inside another one. What follows belongs to it.
        """
        match event.type:
            case "message_start":
                is_spliced = self.open and (self._until_stop or not self._has_stop_reason)
                self.begun = self.open = True
                self._has_stop_reason = bool(event.message.stop_reason)
                if is_spliced:
                    raise StreamSpliced
            case "message_delta":
                self._has_stop_reason = self._has_stop_reason or bool(event.delta.stop_reason)
            case "message_stop":
                self.open = False
            case kind if not self.begun and kind in EVENTS and EVENTS[kind].is_content:
                self.begun = self.open = True  # somebody else has read the beginning
            case _:
                pass

    def failure(self, broken: StreamError | None = None) -> StreamError | None:
        """
        At the end: why the message is not whole, or None if it is.

        Args:
            broken: What the connection has failed with; it matters only while something is missing.
        """
        if self.complete:
            return None
        return broken or StreamTruncated(
            "the stream ended inside a message" if self.open else "the stream ended before a message began"
        )
