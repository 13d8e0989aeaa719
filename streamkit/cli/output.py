"""
The output of a command on stdout, with control characters made visible in a terminal.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Output", "fit_for_terminal"]

CONTROLS: Final[Mapping[int, str]] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
}


def fit_for_terminal(text: str) -> str:
    """
    `text` with a picture in place of each control character, because what a model writes must not command the terminal.
    """
    return text.translate(CONTROLS)


class Output:
    """
    stdout as an open text file. In a terminal, control characters become visible; elsewhere the text stays as it is.
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
        Flush what has been written.
        """
        self._file.flush()

    def fileno(self) -> int:
        """
        The file descriptor, which says that writing may block.
        """
        return self._file.fileno()

    def end_line(self) -> None:
        """
        In a terminal, end the line that has been begun, so that a prompt or a message has a line of its own.
        """
        if self._terminal and self._inside_line:
            self.write("\n")
