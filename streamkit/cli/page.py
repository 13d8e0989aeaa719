"""
What goes to stdout, made fit for a terminal where it is one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Page", "fit_for_terminal"]

CONTROLS: Final[Mapping[int, str]] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
}


def fit_for_terminal(text: str) -> str:
    """
    `text` with pictures in place of control characters: what a model writes must not command the terminal.
    """
    return text.translate(CONTROLS)


class Page:
    """
    stdout as an open text file. In a terminal control characters become visible; elsewhere nothing changes.
    """

    def __init__(self) -> None:
        self._file = sys.stdout
        self._terminal = self._file.isatty()
        self._inside_line = False

    def write(self, text: str) -> None:
        """
        Write `text`.
        """
        if text:
            self._file.write(fit_for_terminal(text) if self._terminal else text)
            self._inside_line = not text.endswith("\n")

    def flush(self) -> None:
        """
        Let it be seen.
        """
        self._file.flush()

    def fileno(self) -> int:
        """
        The operating system's number of the file: writing to it may block.
        """
        return self._file.fileno()

    def end_line(self) -> None:
        """
        In a terminal, begin a new line unless one begins here, so that a prompt or a message has its own.
        """
        if self._terminal and self._inside_line:
            self.write("\n")
