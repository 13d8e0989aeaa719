"""
What the demo shows: a live conversation, and tables.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Literal

from streamkit.cli.output import Output, fit_for_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PlainScreen", "Screen", "open_screen"]

Style = Literal["label", "quiet", "plain"]

MARGIN: Final = 10


class Screen(ABC):
    """
    Who says something stands in the margin, what they say next to it, as it comes.
    """

    def __init__(self) -> None:
        self._speaker: str | None = None
        self._at_margin = True

    def say(self, speaker: str, words: str, *, quiet: bool = False) -> None:
        """
        Show the next piece of what somebody says.

        Args:
            speaker: Who; another one than before begins a paragraph.
            words: The piece, which may be a part of a word or several lines.
            quiet: Whether to hold it back a little, in colour.
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
        Show text where the last one ended.
        """

    @abstractmethod
    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """
        Show a table: its first column to the left, the others to the right.

        Args:
            head: What stands above each column; without it, all columns are to the left.
            rows: The cells.
        """


class PlainScreen(Screen):
    """
    Text and nothing else.
    """

    def __init__(self) -> None:
        super().__init__()
        self._output = Output()

    def put(self, text: str, style: Style) -> None:
        self._output.write(text)
        self._output.flush()

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        lines = [head, *rows] if head else rows
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for cells in lines:
            padded = [
                cell.rjust(width) if head and number else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            self.put("  ".join(padded).rstrip() + "\n", "plain")
        self.put("\n", "plain")


def open_screen() -> Screen:
    """
    A screen with colours, if stdout is a terminal, its owner has nothing against them, and rich is installed.

    See https://no-color.org.
    """
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        try:
            from streamkit.cli.rich_screen import RichScreen
        except ImportError:
            pass
        else:
            return RichScreen()
    return PlainScreen()
