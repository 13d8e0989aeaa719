"""
What items can say of themselves, so that operators need to know nothing else about them.
"""

from __future__ import annotations

from typing import Protocol, Self

__all__ = ["Contribution", "Mergeable", "Textual"]


class Mergeable(Protocol):
    """
    An item that can join its neighbour, as two pieces of one text do.
    """

    @property
    def __mergeable__(self) -> bool:
        """
        False for an item that only looks like one: it is structural and never waits for others.
        """
        ...

    def __merge__(self, other: Self, /) -> Self | None:
        """
        The two as one item, or None where they do not belong together.
        """
        ...


class Textual(Protocol):
    """
    An item that carries a piece of a longer text, as the deltas of a text do.
    """

    @property
    def __text__(self) -> str | None:
        """
        The piece; None for an item that only looks like one: it cannot be cut without a loss.
        """
        ...

    def __with_text__(self, text: str, /) -> Self:
        """
        The same item with another piece of that text.
        """
        ...


class Contribution(Protocol):
    """
    What a source adds to the outcome of the run that it feeds.
    """

    @staticmethod
    def fact(name: str, records: list[Contribution], /) -> object:
        """
        The value of `outcome.<name>`, from all that was contributed to this run, oldest first.

        Raises:
            AttributeError: This kind of source knows no such fact.
        """
        ...
