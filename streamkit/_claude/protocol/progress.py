"""
Follows how far a message has come, which decides at the end whether it is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.errors import GrammarError, StreamSpliced, StreamTruncated
from streamkit._claude.protocol.reading import text_of_field

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
        in_content: Whether it has not told its stop reason either, so that more content changes nothing here.
    """

    def __init__(self, *, until_stop: bool = False) -> None:
        self._until_stop = until_stop
        self.begun: bool = False
        self.open: bool = False
        self.in_content: bool = False
        self._id = ""  # of the message that has begun last

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
        return self.begun and not self.in_content

    def follow(self, event: Any) -> bool:
        """
        Take the next event. Content begins a message too, for a gateway may leave out its beginning.

        Returns:
            Whether the event counts. A `message_start` that repeats the one of the open message says nothing new.

        Raises:
            StreamSpliced: A message begins inside another one. What follows belongs to it.
        """
        match event.type:
            case "content_block_delta" | "content_block_start":
                self._begin()
                self.in_content = self.open  # what is told before a block is not the end
            case "message_start":
                return self._start(getattr(event, "message", None))
            case "message_delta":
                self._begin()
                if text_of_field(getattr(event, "delta", None), "stop_reason"):
                    self.in_content = False
            case "message_stop":
                self.open = self.in_content = False
            case "content_block_stop":
                self._begin()
            case _:
                pass
        return True

    def can_begin(self, event: Any) -> bool:
        """
        Whether an event begins a message that is not the open one said again.
        """
        own_id = text_of_field(getattr(event, "message", None), "id")
        return event.type == "message_start" and not (self.open and own_id and own_id == self._id)

    def forgives(self, error: Exception) -> bool:
        """
        Whether an error comes too late to matter: behind the whole message. Behind a stop reason alone, what cannot be read does
        not matter, but what the API says does.
        """
        return self.complete if isinstance(error, GrammarError) else self.finished

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

    def _begin(self) -> None:
        if not self.begun:
            self.begun = self.open = self.in_content = True

    def _start(self, message: object) -> bool:
        own_id = text_of_field(message, "id")
        is_inside = self.open and (self._until_stop or self.in_content)
        if is_inside and own_id and own_id == self._id:
            return False
        self.begun = self.open = True
        self._id = own_id
        self.in_content = not text_of_field(message, "stop_reason")
        if is_inside:
            raise StreamSpliced
        return True
