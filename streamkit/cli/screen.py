"""
The screen of the demo: a conversation while it goes on, and tables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Literal

from streamkit.cli.output import fit_for_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Screen", "Style"]

Style = Literal["label", "quiet", "plain"]

MARGIN: Final = 10


class Screen(ABC):
    """
    A conversation with the name of each speaker in the margin, and their words beside it as they come.
    """

    def __init__(self) -> None:
        self._speaker: str | None = None
        self._at_margin = True

    def say(self, speaker: str, words: str, *, quiet: bool = False) -> None:
        """
        Show the next piece of what somebody says.

        Args:
            speaker: Who says it. Another speaker than before begins a paragraph.
            words: The piece, which may be a part of a word or several lines.
            quiet: Whether to show it in a quieter colour.
        """
        if speaker != self._speaker:
            self.pause()
            self._speaker = speaker
            self.put(f"{speaker:<{MARGIN}}", "label")
            self._at_margin = False
        for number, line in enumerate(fit_for_terminal(words).split("\n")):
            if number:
                self.put("\n", "plain")
                self._at_margin = True
            if line:
                indent = " " * MARGIN if self._at_margin else ""
                self.put(indent + line, "quiet" if quiet else "plain")
                self._at_margin = False

    def pause(self) -> None:
        """
        End the paragraph, if there is one.
        """
        if self._speaker is not None:
            self.put("\n" if self._at_margin else "\n\n", "plain")
            self._speaker = None

    @abstractmethod
    def put(self, text: str, style: Style) -> None:
        """
        Show text right behind the last one.
        """

    @abstractmethod
    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """
        Show a table: its first column is aligned to the left, the others to the right.

        Args:
            head: The titles of the columns. Without them, all columns are aligned to the left.
            rows: The cells.
        """
