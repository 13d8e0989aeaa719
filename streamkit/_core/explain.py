"""
The text of `explain()`: what a pipeline will do, told before it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.stage import PureStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit._core.source import Source
    from streamkit._core.stage import Stage

__all__ = ["explanation"]


def explanation(stages: Sequence[Stage], source: Source | None = None) -> list[str]:
    """
    A line for each stage: its call, its kind, and what it holds at most. A bracket joins the stages that run as one loop.
    """
    rows: list[tuple[str, str, str]] = []
    if source is not None:
        rows.append((repr(source), "concurrent source" if source.concurrent else "source", source.memory))
    rows += [(repr(stage), stage.kind, stage.holds()) for stage in stages]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    offset = len(rows) - len(stages)
    lines: list[str] = []
    for number, (call, kind, memory) in enumerate(rows):
        mark = _bracket(stages, number - offset) if number >= offset else " "
        lines.append(f"{mark} {call:<{widths[0]}}  {kind:<{widths[1]}}  holds {memory}")
    return lines


def _bracket(stages: Sequence[Stage], index: int) -> str:
    if not isinstance(stages[index], PureStage):
        return " "
    above = index > 0 and isinstance(stages[index - 1], PureStage)
    below = index + 1 < len(stages) and isinstance(stages[index + 1], PureStage)
    return {(False, True): "┌", (True, True): "│", (True, False): "└"}.get((above, below), " ")
