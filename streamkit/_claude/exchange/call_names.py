"""
The ids of an answer's tool calls, of which none may be that of an earlier turn.

A gateway may number its calls anew in each message. Then the API would refuse the conversation with the answer in it, and a page
would take the new call for the old one. So such a call gets another id as soon as it arrives, before anything reads it. Two
calls with one id in the same message may be one, said again, and are told apart when they have ended: `protocol.call_ids`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamkit._claude.protocol.content import blocks_in
from streamkit._claude.protocol.events import from_dict, to_dict
from streamkit._claude.protocol.kinds import APPLICATION_TOOLS
from streamkit._claude.protocol.names import Names
from streamkit._claude.protocol.reading import as_list, as_object, text_of_field, type_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.events import Event
    from streamkit._claude.protocol.oddities import Oddities

__all__ = ["CallNames"]

_BEGINNINGS: Final = {"message_start", "content_block_start"}
"""The events that may begin a block."""


class CallNames:
    """
    Gives the calls of an answer other ids where the conversation before it has the same.

    Args:
        called: The ids of the calls in the conversation.
    """

    def __init__(self, called: Iterable[str]) -> None:
        self._called = frozenset(called)
        self._names = Names(self._called)
        self._new: dict[str, str] = {}  # the ids that were given, by those on the wire

    def settle(self, events: list[Event], oddities: Oddities) -> None:
        """
        Take events that have arrived, and change those that begin a call under a known id.

        Args:
            events: The events.
            oddities: Where to count these.
        """
        for at, event in enumerate(events):
            if event.type in _BEGINNINGS and any(map(self._is_known, blocks_in(event))):
                oddities.count("call_id")
                events[at] = self._renamed(event)

    def _is_known(self, block: object) -> bool:
        return type_of(block) in APPLICATION_TOOLS and text_of_field(block, "id") in self._called

    def _renamed(self, event: Event) -> Event:
        fields = to_dict(event)
        message = as_object(fields.get("message")) or {}
        for part in (fields.get("content_block"), *(as_list(message.get("content")) or ())):
            block = as_object(part) or {}
            if block.get("type") in APPLICATION_TOOLS and block.get("id") in self._called:
                block["id"] = self._new_id(block["id"])
        return from_dict(fields)

    def _new_id(self, call_id: str) -> str:
        if call_id not in self._new:
            self._new[call_id] = self._names.free(call_id)
        return self._new[call_id]
