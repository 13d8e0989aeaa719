"""
Ids that nothing in a conversation has yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Names"]


class Names:
    """
    Gives each call, or each message, an id of its own: the API refuses one that comes twice, and a page adds what comes under a
    known one to what it has.

    Args:
        taken: The ids that there are.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def free(self, wanted: str) -> str:
        """
        The id that is wanted, with a number behind it if it is taken.
        """
        name, number = wanted, self._numbers.get(wanted, 1)
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._numbers[wanted] = number
        self._taken.add(name)
        return name
