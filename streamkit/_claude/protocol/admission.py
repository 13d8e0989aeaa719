"""
Decides which events of a response are handed on: not those that say nothing new, nor those that come too late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.content import blocks_in
from streamkit._claude.protocol.error_forms import failure_told
from streamkit._claude.protocol.errors import StreamTruncated
from streamkit._claude.protocol.kinds import EVENTS
from streamkit._claude.protocol.progress import Progress

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

    def __init__(self, *, pings: bool, until_stop: bool, oddities: Oddities, kept: bool = False) -> None:
        self.progress: Progress = Progress(until_stop=until_stop, kept=kept)
        self.failure: StreamError | None = None
        self._pings = pings
        self._until_stop = until_stop
        self._oddities = oddities
        self._next: Any = None  # the beginning of another message, behind a whole one

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
        if kind == "ping":
            return (event,) if self._pings else ()
        if kind not in EVENTS:
            return (event,)
        if kind not in _CONTENT and (failure := failure_told(event)) is not None:
            return self._failed(event, failure)
        before, self._next = self._next, None
        if self._until_stop and self.progress.finished:
            if kind == "message_start" and not blocks_in(event):
                self._next = event
                return ()
            if kind in _CONTENT and before is None and self.progress.whole:
                self._oddities.count("after_end")
                return ()
        return self._follow(event) if before is None else (*self._follow(before), *self._follow(event))

    def end(self) -> None:
        """
        Say that no more events come.
        """
        if self._next is not None:
            self._oddities.count("after_end")

    def _follow(self, event: Any) -> Sequence[Event]:
        if event.type == "message_stop" and self.progress.in_block:
            raise StreamTruncated("message_stop inside a block, and without a stop reason")
        had_begun = self.progress.begun
        if not self.progress.follow(event):
            self._oddities.count("repeated_start")
            return ()
        if not had_begun and self.progress.begun and event.type != "message_start":
            self._oddities.count("missing_start")
        return (event,)

    def _failed(self, event: Any, failure: StreamError) -> Sequence[Event]:
        if self.progress.forgives(failure):
            self._oddities.count("after_end")
            return ()
        self.failure = failure
        return (event,) if blocks_in(event) else ()
