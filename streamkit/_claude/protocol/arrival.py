"""
The messages that the events of one request add up to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamkit._claude.protocol.message import MessageBuilder

if TYPE_CHECKING:
    from streamkit._claude.protocol.events import Event

__all__ = ["Arrival"]

_MOST_WAITING: Final = 256
"""Events that are kept as they are. Each takes a few hundred bytes more than its text."""


class Arrival:
    """
    What has arrived, as messages one after another.

    They are built when somebody asks, or enough has come: nobody asks for most short answers, and many events together take
    less time than one by one.

    Args:
        begun: The first message, where something of it has come before.
    """

    __slots__ = ("_messages", "_waiting")

    def __init__(self, begun: MessageBuilder | None = None) -> None:
        self._messages = [MessageBuilder() if begun is None else begun]
        self._waiting: list[Event] = []

    def add(self, events: list[Event]) -> None:
        """
        Events have arrived. They must not change any more.
        """
        self._waiting += events
        if len(self._waiting) > _MOST_WAITING:
            self._build()

    @property
    def messages(self) -> list[MessageBuilder]:
        """
        The messages so far, at least one; the last is the one that is arriving.
        """
        if self._waiting:
            self._build()
        return self._messages

    def _build(self) -> None:
        events, self._waiting = iter(self._waiting), []
        while (begins := self._messages[-1].take(events)) is not None:
            self._messages.append(MessageBuilder())
            self._messages[-1].add(begins)
