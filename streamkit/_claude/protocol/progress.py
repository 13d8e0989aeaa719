"""
Follows how far a message has come, which decides at the end whether it is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.content import content_of, stop_reason_told
from streamkit._claude.protocol.errors import GrammarError, StreamSpliced, StreamTruncated
from streamkit._claude.protocol.kinds import arrives_whole
from streamkit._claude.protocol.reading import index_of, text_of_field, type_of

if TYPE_CHECKING:
    from streamkit._core.errors import StreamError

__all__ = ["Progress"]


class Progress:
    """
    Follows the events of messages that come one after another.

    Args:
        until_stop: Whether a message is open until its `message_stop`, for one that answers a request has nothing behind it.
            Otherwise one that has told its stop reason may lack that, and another follows.
        kept: Whether the events have been kept by somebody who had admitted them already. Then a message that begins inside
            another one is always another one.

    Attributes:
        begun: Whether a message has begun.
        open: Whether one is still to end.
        untold: Whether the open one has begun with its content, and its `message_start` has not come.
        beginning: Where a message has begun inside another one: what has come of it.
    """

    __slots__ = (
        "_block",
        "_has_bare_end",
        "_has_content",
        "_has_stop_reason",
        "_id",
        "_is_closed",
        "_kept",
        "_repeated",
        "_until_stop",
        "beginning",
        "begun",
        "open",
        "untold",
    )

    def __init__(self, *, until_stop: bool = False, kept: bool = False) -> None:
        self._until_stop = until_stop
        self._kept = kept
        self.begun: bool = False
        self.open: bool = False
        self.untold: bool = False
        self.beginning: list[Any] = []
        self._id = ""  # of the message that has begun last
        self._has_stop_reason = False
        self._has_bare_end = False  # whether it has ended without one
        self._has_content = False
        self._block: Any = None  # the start of its last block
        self._is_closed = True  # whether that block has its end
        self._repeated: Any = (
            None  # its `message_start`, said again or late; what comes next tells what that means
        )

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

    @property
    def whole(self) -> bool:
        """
        Whether a message has ended with `message_stop`, and has told why.
        """
        return self.finished and self._has_stop_reason

    @property
    def in_content(self) -> bool:
        """
        Whether a message is open, has content and has not told its stop reason, so that more content changes nothing here.
        """
        return self.open and self._has_content and not self._has_stop_reason and self._repeated is None

    @property
    def in_block(self) -> bool:
        """
        Whether a block is open, and no stop reason says that the message ends there.
        """
        if self._is_closed or not self.in_content:
            return False
        return not arrives_whole(type_of(getattr(self._block, "content_block", None)))

    def follow(self, event: Any) -> bool:
        """
        Take the next event. Content begins a message too, for a gateway may leave out its beginning.

        Returns:
            Whether the event counts. A `message_start` that repeats the one of the open message says nothing new, and one that
            comes behind the content of its message comes too late.

        Raises:
            StreamSpliced: A message begins inside another one. What is in `beginning`, and what follows, belongs to it.
        """
        match event.type:
            case "content_block_start":
                self._begin_content()
                if self._repeated is not None:
                    self._follow_repetition(event)
                self._block, self._is_closed, self._has_stop_reason = event, False, False
                self._has_content = True
            case "content_block_delta":
                self._begin_content()
                self._repeated = None
                self._has_content = True
                self._has_stop_reason = False  # what is told before a block is not the end
            case "message_start":
                return self._start(event)
            case "message_delta":
                self._begin()
                if stop_reason_told(event):
                    self._has_stop_reason = True
            case "message_stop":
                self.open = False
                if stop_reason_told(event):
                    self._has_stop_reason = True
                self._has_bare_end = self.begun and not self._has_stop_reason
            case "content_block_stop":
                self._begin()
                self._repeated, self._is_closed = None, True
            case _:
                pass
        return True

    def can_begin(self, event: Any) -> bool | None:
        """
        Whether an event begins a message that is not the open one said again; None where the event behind it tells.
        """
        if event.type == "message_start":
            return None if self._is_said_again(event) else True
        return self._repeated is not None and event.type == "content_block_start" and self._is_anew(event)

    def lose(self, error: GrammarError) -> GrammarError:
        """
        Note that an event is missing here, so that what follows does not tell what came before it.

        Returns:
            `error`, which says what is wrong with it.
        """
        self._repeated = None
        return error

    def forgives(self, error: Exception) -> bool:
        """
        Whether an error comes too late to matter: behind the whole message. Where that lacks its stop reason or its
        `message_stop`, what cannot be read does not matter, but what the API says does.
        """
        return self.complete if isinstance(error, GrammarError) else self.whole

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
            self.begun = self.open = self.untold = True

    def _begin_content(self) -> None:
        self._begin()
        if self._has_bare_end:
            self.open, self._has_bare_end = True, False  # the end came too early

    def _start(self, event: Any) -> bool:
        own_id = text_of_field(getattr(event, "message", None), "id")
        if self._is_said_again(event):
            self._repeated, self._id, self.untold = event, own_id, False
            return False
        is_inside = self._is_inside
        self._start_over(own_id, has_stop_reason=bool(stop_reason_told(event)))
        if is_inside:
            self.beginning = [event]
            raise StreamSpliced
        return True

    @property
    def _is_inside(self) -> bool:
        """
        Whether a message that begins now begins inside another one.
        """
        return self.open and (self._until_stop or not self._has_stop_reason)

    def _is_said_again(self, event: Any) -> bool:
        """
        Whether a `message_start` is that of the open message: said again, or only now, behind the first of its content.
        """
        if self._kept or not self._is_inside:
            return False
        message: object = getattr(event, "message", None)
        if self.untold:
            return not (content_of(message) or stop_reason_told(event))
        own_id = text_of_field(message, "id")
        return bool(own_id) and own_id == self._id

    def _start_over(self, own_id: str, *, has_stop_reason: bool) -> None:
        self.begun, self.open, self.untold = True, True, False
        self._id = own_id
        self._has_stop_reason = has_stop_reason
        self._has_bare_end = self._has_content = False
        self._block, self._is_closed, self._repeated = None, True, None

    def _is_anew(self, event: Any) -> bool:
        """
        Whether a block begins where the message has had one already, or is the first of one that has no content.
        """
        index, last = index_of(event), index_of(self._block) if self._has_content else 0
        return index is not None and last is not None and index <= last

    def _follow_repetition(self, event: Any) -> None:
        """
        Take the block that begins behind a `message_start` which came again, or late. Where blocks begin again too, it is
        another answer.
        """
        repeated, self._repeated = self._repeated, None
        if not (self._has_content and self._is_anew(event)):
            return
        self._start_over(self._id, has_stop_reason=False)
        self._block, self._is_closed, self._has_content = event, False, True
        self.beginning = [repeated, event]
        raise StreamSpliced
