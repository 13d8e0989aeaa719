"""
What a message lacks where it is stopped in the middle, so that another one can follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.events import from_dict
from streamkit._claude.protocol.kinds import TOOLS
from streamkit._claude.protocol.reading import index_of, type_of

if TYPE_CHECKING:
    from streamkit._claude.protocol.events import Event

__all__ = ["MessageEnd"]


class MessageEnd:
    """
    Follows the events of a message, as far as tells how it would have to end.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._block: Any = None  # the start of the one that is open

    @property
    def is_in_call(self) -> bool:
        """
        Whether the input of a tool is being written. To whoever reads it, a call that ends there would be a broken one.
        """
        return self._block is not None and type_of(getattr(self._block, "content_block", None)) in TOOLS

    def saw(self, event: Any) -> None:
        """
        Take the next event.
        """
        match event.type:
            case "message_start":
                self._is_open, self._block = True, None
            case "content_block_start":
                self._block = event
            case "content_block_stop" | "message_delta":
                self._block = None
            case "message_stop":
                self._is_open, self._block = False, None
            case _:
                pass

    def missing(self) -> list[Event]:
        """
        The events that end it where it is. They give no stop reason, because the model has not stopped.
        """
        if not self._is_open:
            return []
        ends: list[dict[str, Any]] = []
        if self._block is not None:
            ends.append({"type": "content_block_stop", "index": index_of(self._block)})
        no_reason = {"stop_reason": None, "stop_sequence": None}
        ends.append({"type": "message_delta", "delta": no_reason, "usage": {}})
        ends.append({"type": "message_stop"})
        return [from_dict(end) for end in ends]
