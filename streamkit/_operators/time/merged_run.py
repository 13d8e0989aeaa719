"""
A run of items that merge into one, however many there are.
"""

from __future__ import annotations

from typing import Any

from streamkit._core.items import merged

__all__ = ["MergedRun"]

_CHUNK = 64
"""Items that are merged one by one. Each merge copies what is merged, so longer runs are put together from such chunks."""


class MergedRun:
    """
    Items, each of which merges with the one before it.

    Args:
        item: The first.
    """

    def __init__(self, item: Any) -> None:
        self._chunks: list[Any] = []
        self._last = item
        self._left = _CHUNK

    def add(self, item: Any) -> bool:
        """
        Add `item`, if it merges with what is there.
        """
        together = merged(self._last, item)
        if together is None:
            return False
        self._left -= 1
        if self._left:
            self._last = together
        else:
            self._chunks.append(self._last)
            self._last, self._left = item, _CHUNK
        return True

    @property
    def merged(self) -> Any:
        """
        All of it as one item.
        """
        # In pairs: what is long is copied as often as there are doublings, not as often as there are chunks.
        items = [*self._chunks, self._last]
        while len(items) > 1:
            odd = items[-1:] if len(items) % 2 else []
            pairs = zip(items[::2], items[1::2], strict=False)
            items = [*(merged(first, second) for first, second in pairs), *odd]
        return items[0]
