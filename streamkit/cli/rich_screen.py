"""
The screen with colours, drawn by rich (the extra `cli`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamkit.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamkit.cli.screen import Style

__all__ = ["RichScreen"]

STYLES: Final[Mapping[Style, str]] = {"label": "bold cyan", "quiet": "dim italic", "plain": ""}


class RichScreen(Screen):
    """
    The same text, with colours and drawn tables.
    """

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(highlight=False)

    def put(self, text: str, style: Style) -> None:
        self._console.print(Text(text, STYLES[style]), end="", soft_wrap=True)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(box=box.SIMPLE_HEAD if head else None, show_header=bool(head), pad_edge=False)
        columns = head or ["" for _ in rows[0]]
        for number, name in enumerate(columns):
            table.add_column(name, justify="right" if number and head else "left")
        for cells in rows:
            table.add_row(Text(cells[0], "cyan"), *map(Text, cells[1:]))
        self._console.print(table)
