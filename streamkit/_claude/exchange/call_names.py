"""
The ids of an answer's tool calls, of which none may be that of an earlier turn.

A gateway may number its calls anew in each message. Then the API would refuse the conversation with the answer in it, and a page
would take the new call for the old one. So such a call gets another id as soon as it arrives, before anything reads it; and so
does one without any, where a call of an earlier turn has the id that would be made up for it. Two calls with one id in the same
message may be one, said again, and are told apart when they have ended: `protocol.call_ids`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamkit._claude.protocol.call_ids import made_up_id
from streamkit._claude.protocol.content import blocks_in
from streamkit._claude.protocol.events import from_dict, to_dict
from streamkit._claude.protocol.kinds import APPLICATION_TOOLS
from streamkit._claude.protocol.names import Names
from streamkit._claude.protocol.reading import as_object, index_of, text_of_field, type_of

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
        self._new: dict[str, str] = {}  # the ids that were given, by those on the wire or made up
        self._message_id = ""
        self._blocks = 0  # how many have begun in the message

    def settle(self, events: list[Event], oddities: Oddities) -> None:
        """
        Take events that have arrived, and change those that begin a call under a known id.

        Args:
            events: The events.
            oddities: Where to count these.
        """
        for at, event in enumerate(events):
            if event.type not in _BEGINNINGS:
                continue
            if event.type == "message_start":
                self._message_id = text_of_field(getattr(event, "message", None), "id")
                self._blocks = 0
            index = index_of(event)
            first = self._blocks if index is None else index
            blocks = blocks_in(event)
            self._blocks += len(blocks)
            if any(
                self._known(type_of(block), text_of_field(block, "id"), first + n)
                for n, block in enumerate(blocks)
            ):
                oddities.count("call_id")
                events[at] = self._renamed(event, first)

    def _known(self, kind: str, call_id: str, index: int) -> str:
        """
        The id of a call, as it is on the wire or made up, where a call of an earlier turn has it; else nothing.
        """
        if kind not in APPLICATION_TOOLS:
            return ""
        call_id = call_id or made_up_id(self._message_id, index)
        return call_id if call_id in self._called else ""

    def _renamed(self, event: Event, first: int) -> Event:
        fields = to_dict(event)
        begun = fields["message"]["content"] if event.type == "message_start" else [fields["content_block"]]
        for index, part in enumerate(begun, first):
            block = as_object(part) or {}
            kind, call_id = block.get("type"), block.get("id")
            named = call_id if isinstance(call_id, str) else ""
            if isinstance(kind, str) and (known := self._known(kind, named, index)):
                block["id"] = self._new_id(known)
        return from_dict(fields)

    def _new_id(self, call_id: str) -> str:
        if call_id not in self._new:
            self._new[call_id] = self._names.free(call_id)
        return self._new[call_id]
