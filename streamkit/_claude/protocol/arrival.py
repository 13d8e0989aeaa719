"""
The messages that the events of one request add up to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.deltas import TextDelta
from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._claude.protocol.message import MessageBuilder

if TYPE_CHECKING:
    from streamkit._claude.protocol.events import Event

__all__ = ["Arrival"]

_AS_THEY_ARE: Final = 24
"""Events that are kept as they have come. Each takes more than a hundred bytes beside its text."""

_MOST_JOINS: Final = 64
"""Times that more text is joined to what waits, which is copied each time."""


class Arrival:
    """
    What has arrived, as messages one after another.

    They are built when somebody asks, or enough has come: nobody asks for most short answers, and many events together take
    less time than one by one. Until then, neighbouring pieces of a text are joined.

    Args:
        begun: The first message, where something of it has come before.
    """

    __slots__ = ("_joins", "_messages", "_most_waiting", "_waiting")

    def __init__(self, begun: MessageBuilder | None = None) -> None:
        self._messages = [] if begun is None else [begun]
        self._waiting: list[Event] = []
        self._most_waiting = _AS_THEY_ARE
        self._joins = 0

    def add(self, events: list[Event]) -> None:
        """
        Events have arrived. They must not change any more.
        """
        waiting = self._waiting
        waiting += events
        if len(waiting) > self._most_waiting:
            self._join()

    @property
    def is_empty(self) -> bool:
        """
        Whether nothing has come, and no message was asked for.
        """
        return not (self._waiting or self._messages)

    @property
    def messages(self) -> list[MessageBuilder]:
        """
        The messages so far, at least one; the last is the one that is arriving.
        """
        if self._waiting or not self._messages:
            self._build()
        return self._messages

    def _join(self) -> None:
        waiting = self._waiting = _joined(self._waiting)
        self._most_waiting = len(waiting) + _AS_THEY_ARE
        self._joins += 1
        if len(waiting) > _AS_THEY_ARE or self._joins > _MOST_JOINS:
            self._build()

    def _build(self) -> None:
        if not self._messages:
            self._messages.append(MessageBuilder())
        events, self._waiting = iter(self._waiting), []
        self._most_waiting, self._joins = _AS_THEY_ARE, 0
        while (begins := self._messages[-1].take(events)) is not None:
            self._messages.append(MessageBuilder())
            self._messages[-1].add(begins)


def _joined(events: list[Any]) -> list[Event]:
    """
    The same, with neighbouring pieces of one text as one. Other pieces may have come for a block that does not take them, and
    then the message has each of them.
    """
    joined: list[Event | tuple[int, list[str]]] = []
    index: int | None = None
    texts: list[str] = []
    for event in events:
        if event.__class__ is ContentBlockDelta and (delta := event.delta).__class__ is TextDelta:
            if event.index != index:
                index, texts = event.index, []
                joined.append((event.index, texts))
            texts.append(delta.text)
        else:
            index = None
            joined.append(event)
    return [
        ContentBlockDelta(each[0], TextDelta("".join(each[1]))) if isinstance(each, tuple) else each
        for each in joined
    ]
