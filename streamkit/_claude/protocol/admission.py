"""
Decides which events of a response are handed on, and in which order: not those that say nothing new, nor those that come too
late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.content import blocks_in, stop_reason_told
from streamkit._claude.protocol.error_forms import failure_told
from streamkit._claude.protocol.errors import StreamTruncated
from streamkit._claude.protocol.kinds import EVENTS, FILLED_BY_DELTAS
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import as_object, index_of, plain, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.oddities import Oddities
    from streamkit._core.errors import StreamError

__all__ = ["Admission"]

_CONTENT = frozenset(kind.name for kind in EVENTS.values() if kind.is_content)


class Admission:
    """
    Takes the events of a response one by one, and follows how far its message has come.

    Args:
        pings: Whether pings are handed on.
        until_stop: Whether they answer a request: then a message is open until its `message_stop`. Behind that, the beginning of
            another message is nothing until more of it comes, and content without any beginning is nothing at all.
        oddities: Where to count what is forgiven.
        kept: As for `Progress`.

    Attributes:
        progress: How far the message has come.
        failure: What a message has told that it has failed with. Nothing more belongs to it.
    """

    __slots__ = (
        "_beside",
        "_early",
        "_kept",
        "_next",
        "_oddities",
        "_pings",
        "_until_stop",
        "failure",
        "progress",
    )

    def __init__(self, *, pings: bool, until_stop: bool, oddities: Oddities, kept: bool = False) -> None:
        self.progress: Progress = Progress(until_stop=until_stop, kept=kept)
        self.failure: StreamError | None = None
        self._pings = pings
        self._until_stop = until_stop
        self._kept = kept
        self._oddities = oddities
        self._next: Any = None  # the beginning of another message, behind a whole one
        # The first block of a message without a beginning, which may come now: behind the block instead of before it.
        self._early: list[Any] = []
        self._beside: list[Any] = []  # what has come behind those, and begins and ends nothing

    def admit(self, event: Any) -> Sequence[Event]:
        """
        Take the next event, and give what is handed on now.

        Raises:
            StreamSpliced: A message begins inside another one: with what is in `progress.beginning`.
            StreamTruncated: Somebody has written the message's end behind one that was cut.
        """
        kind: str = event.type
        if kind in _CONTENT and self.progress.open:
            self.progress.follow(event)
            return (event,)
        if kind == "ping" and not self._pings:
            return ()
        if kind == "ping" or kind not in EVENTS:
            if not self._early:
                return (event,)
            self._beside.append(event)
            return ()
        if kind not in _CONTENT and (failure := failure_told(event)) is not None:
            return self._failed(event, failure)
        before, self._next = self._next, None
        if self._early or (not (self.progress.begun or self._kept) and _begins_empty(event)):
            return self._begin_early(event)
        if self._until_stop and self.progress.finished:
            if kind == "message_start" and not blocks_in(event):
                self._next = event
                return ()
            if kind in _CONTENT and before is None and self.progress.whole:
                self._oddities.count("after_end")
                return ()
        return self._follow(event) if before is None else (*self._follow(before), *self._follow(event))

    def end(self) -> Sequence[Event]:
        """
        Say that no more events come.

        Returns:
            What is handed on now.
        """
        if self._next is not None:
            self._oddities.count("after_end")
        return self.rest()

    def rest(self) -> Sequence[Event]:
        """
        What is still held back, where nothing more is admitted.
        """
        if not self._early:
            return ()
        held, self._early = self._early, []
        return [*self._follow_early(held), *self._taken_beside()]

    def _begin_early(self, event: Any) -> Sequence[Event]:
        """
        Take the first events of a message that begins with a block: where its `message_start` is the second, it goes before that.
        """
        held, self._early = self._early, [*self._early, event]
        if not held or (len(held) == 1 and event.type == "message_start"):
            return ()
        self._early = []
        first = self._follow_all(held) if _begins_anew(held[0], event) else self._follow_early(held)
        return [*first, *self._taken_beside(), *self._follow(event)]

    def _taken_beside(self) -> Sequence[Event]:
        beside, self._beside = self._beside, []
        return beside

    def _follow_early(self, events: Sequence[Any]) -> Sequence[Event]:
        if len(events) > 1:
            self._oddities.count("late_start")
        return self._follow_all(events[::-1])

    def _follow_all(self, events: Sequence[Any]) -> Sequence[Event]:
        return [handed for event in events for handed in self._follow(event)]

    def _follow(self, event: Any) -> Sequence[Event]:
        if event.type == "message_stop" and self.progress.in_block and not stop_reason_told(event):
            raise StreamTruncated("message_stop inside a block, and without a stop reason")
        had_begun, was_untold = self.progress.begun, self.progress.untold
        if not self.progress.follow(event):
            self._oddities.count("late_start" if was_untold else "repeated_start")
            return ()
        if not had_begun and self.progress.begun and event.type != "message_start":
            self._oddities.count("missing_start")
        return (event,)

    def _failed(self, event: Any, failure: StreamError) -> Sequence[Event]:
        if self.progress.forgives(failure):
            self._oddities.count("after_end")
            return ()
        self.failure = failure
        return (*self.rest(), event) if blocks_in(event) else self.rest()


def _begins_empty(event: Any) -> bool:
    """
    Whether an event begins a block of which nothing has come yet.
    """
    if event.type != "content_block_start":
        return False
    block: object = getattr(event, "content_block", None)
    if type_of(block) not in FILLED_BY_DELTAS:
        return False
    fields = as_object(plain(block)) or {}
    return not any(fields[name] for name in fields.keys() - {"type", "id", "name"})


def _begins_anew(first: Any, event: Any) -> bool:
    """
    Whether an event begins another block in the place of the first one, so that the block before is of another message.
    """
    if event.type == "message_start":
        return True
    first_index, index = index_of(first), index_of(event)
    return event.type == "content_block_start" and index is not None and index == first_index
