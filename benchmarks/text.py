"""
Tables as plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .measure import Aim, Table

__all__ = ["aims_line", "as_text"]


def as_text(table: Table) -> str:
    """
    One table: the best time, the median, and the best one's ratio to the base.
    """
    width = max(len(row.name) for row in table.rows)
    base = table[table.base].best
    lines = [f"{table.title}  [{table.unit}]", f"  {'':{width}}  {'best':>9}  {'median':>9}  {'ratio':>6}"]
    lines += [
        f"  {row.name:{width}}  {_figure(row.best):>9}  {_figure(row.median):>9}  {_ratio(row.best, base):>6}"
        + (f"  {row.note}" if row.note else "")
        for row in table.rows
    ]
    lines += [f"  {_said(aim, table)}" for aim in table.aims]
    if table.note:
        lines.append(f"  {table.note}")
    return "\n".join(lines) + "\n"


def aims_line(tables: list[Table], machine: dict[str, Any]) -> str:
    """
    How many aims are met, and where that was measured.
    """
    met = [aim.met(table) for table in tables for aim in table.aims]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = "Python {python}, {system}, {cores} cores, load {load:.1f}".format_map(machine)
    said = f"{sum(met)} of {len(met)} aims met. " if met else ""
    return f"{said}{where}; {versions}"


def _said(aim: Aim, table: Table) -> str:
    figure, verdict = aim.figure(table), "met" if aim.met(table) else "MISSED"
    if aim.above is not None:
        return f"aim: `{aim.row}` at most {aim.above:g} above `{aim.against}`: {figure:.2f}, {verdict}"
    if aim.at_least is not None:
        return (
            f"aim: `{aim.row}` {aim.at_least:g} times cheaper than `{aim.against}`: {figure:.1f}, {verdict}"
        )
    return f"aim: `{aim.row}` at most {aim.at_most:g} times `{aim.against}`: {figure:.2f}, {verdict}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _ratio(figure: float, base: float) -> str:
    if not base:
        return ""
    value = figure / base
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
