"""
The base class of the rules by which a text is cut.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CutRule"]


class CutRule(ABC):
    """
    Finds the places in one text at which pieces of one kind end.

    A rule reads the text chunk by chunk, and each character once (the rule of a regex reads what it holds again). It reports
    an end as soon as that is certain, so where a piece ends never depends on how the text was cut into chunks.
    """

    longest: ClassVar[int]
    """The most characters that a piece can have; a longer one is cut there."""

    @abstractmethod
    def ends(self, text: str) -> Iterator[int]:
        """
        The places in the next chunk at which a piece ends, in order; 0 is the end of the chunk before it.

        The caller must read the iterator to its end, because the rule remembers the chunk only then.
        """
