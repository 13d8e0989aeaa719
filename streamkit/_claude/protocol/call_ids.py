"""
The ids of one message's tool calls, of which no two may be the same.

The API refuses a message in which two calls have one id, and some servers send one. The same call is then the call said again;
another call gets an id of its own, so that each can have its result. So does a call without an id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamkit._claude.protocol.names import Names

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block

__all__ = ["CallIds", "made_up_id"]

_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
"""What the API refuses in the id of a call."""


def made_up_id(message_id: str, index: int) -> str:
    """
    The id of a call that has come without one. The message's own is in it, because two turns must not share one.

    Args:
        message_id: The id of the message; empty where it is not known.
        index: The index of its block.
    """
    parts = ("call", _NOT_IN_IDS.sub("", message_id), str(index))
    return "_".join(filter(None, parts))


class CallIds:
    """
    Sees to it that each call of a message has an id that no other one has.

    Attributes:
        odd: How many calls have come under an id that another one has, or under none.
    """

    def __init__(self) -> None:
        self.odd: int = 0
        self._calls: dict[str, Block] = {}  # the first that has ended under each id
        self._repeated: dict[str, set[tuple[str, str]]] = {}  # where an id has come again, the calls under it
        self._names = Names()

    def settle(self, block: Block, message_id: str) -> None:
        """
        Take a call that has ended, and give it another id where it needs one.

        Args:
            block: Its block.
            message_id: The id of the message; empty where it is not known.
        """
        if block.id:
            self._tell_apart(block)
        else:
            self.odd += 1
            self._rename(block, made_up_id(message_id, block.index))

    def _tell_apart(self, block: Block) -> None:
        """
        Compare a call with those before it that had the same id.
        """
        call_id = block.id
        if (first := self._calls.get(call_id)) is None:
            self._calls[self._names.free(call_id)] = block
            return
        self.odd += 1
        if (calls := self._repeated.get(call_id)) is None:
            calls = self._repeated[call_id] = {first.call()}
        call = block.call()
        block.repeats = call in calls
        if block.repeats:
            return
        calls.add(call)
        self._rename(block, call_id)

    def _rename(self, block: Block, call_id: str) -> None:
        """
        Give a call the first id of `call_id`, `call_id_2`, … that no other call of the message has.
        """
        free = self._names.free(call_id)
        block.rename(free)
        self._calls[free] = block
