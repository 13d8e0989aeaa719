"""
What is told again behind a restart, though the page still shows it.

A page can take back its last step. Where a later turn of a `tool_loop` starts over, the stream tells the turns before it again,
because to everything else they are void too.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.reading import text_of_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

__all__ = ["Retelling"]


class Retelling:
    """
    Follows the items behind a restart.

    Args:
        shown: The ids of the messages that the page still shows, in their order.
        void: Those of the messages that it has taken back. Where one of them is shown too, ids tell nothing.
    """

    def __init__(self, shown: Iterable[str], void: Set[str]) -> None:
        self._left = deque(shown)
        if not void.isdisjoint(self._left):
            self._left.clear()
        self._is_shown = False  # whether the message that is being told is one of them

    def has(self, item: Any) -> bool:
        """
        Whether an item is one that the page has had already.
        """
        if getattr(item, "type", None) == "message_start":
            message_id = text_of_field(getattr(item, "message", None), "id")
            self._is_shown = bool(message_id and self._left) and message_id == self._left.popleft()
            if not self._is_shown:
                self._left.clear()
        return self._is_shown
