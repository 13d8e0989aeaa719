"""
The screen without colours: the same text for pipes, files and simple terminals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit.cli.output import Output
from streamkit.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit.cli.screen import Style

__all__ = ["PlainScreen"]


class PlainScreen(Screen):
    """
    Text without colours.
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
