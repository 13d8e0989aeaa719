"""
A kept result, by table and row.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["Kept", "grid", "number"]

BAR = re.compile(r"\|")


class Kept:
    """
    A result as `benchmarks/results` has it.

    Attributes:
        machine: Where, and the versions of what was measured.
        tables: By title.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.machine: dict[str, Any] = document["machine"]
        self.tables: dict[str, dict[str, Any]] = {table["title"]: table for table in document["tables"]}
        self._rows = {
            (title, row["name"]): row for title, table in self.tables.items() for row in table["rows"]
        }

    def best(self, table: str, row: str) -> float | None:
        """
        A figure, or None where the run has not measured it.
        """
        found = self._rows.get((table, row))
        return None if found is None else found["best"]

    def late(self, table: str, row: str) -> bool:
        """
        Whether the row did not keep up with its events.
        """
        found = self._rows.get((table, row))
        return found is not None and found["note"] == "did not keep up"

    def rows(self, table: str) -> list[str]:
        """
        The names of a table's rows.
        """
        return [row["name"] for row in self.tables[table]["rows"]] if table in self.tables else []


def number(value: float | None) -> str:
    """
    A figure with two digits or three; nothing where there is none.
    """
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def grid(head: list[str], rows: list[list[str]]) -> str:
    """
    A table of Markdown. Columns in which nothing stands are left out.
    """
    wanted = [
        index for index in range(len(head)) if index == 0 or any(row[index].strip("* ") for row in rows)
    ]
    if not rows or (len(head) > 1 and len(wanted) < 2):
        return "(The kept result does not have it.)\n"
    lines = [[head[index] for index in wanted], ["---"] * len(wanted)]
    lines += [[BAR.sub(r"\\|", row[index]) for index in wanted] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
