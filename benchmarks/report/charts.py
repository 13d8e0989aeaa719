"""
The charts of the pages, as SVG.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .connections import EVENT, FIFTY, OURS, PACED, RAW, THEIRS, label

if TYPE_CHECKING:
    from .kept import Kept

__all__ = ["draw"]

DOCS = Path(__file__).parents[2] / "docs"
# On a card of its own, a chart is read on light pages and on dark ones.
CARD, INK, FAINT, OTHER, HIGHLIGHT = "#fbfaf7", "#2b313b", "#c9c4b8", "#8a94a3", "#c2571a"
STYLE: dict[str, Any] = {
    "figure.facecolor": CARD,
    "axes.facecolor": CARD,
    "savefig.facecolor": CARD,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 11,
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    # The same figures give the same file.
    "svg.hashsalt": "streamkit",
}
BARS = (
    RAW,
    OURS,
    f"streamkit, {THEIRS}",
    f"create(stream=True), {THEIRS}",
    f".stream(), {THEIRS}",
    f"LangChain's ChatAnthropic, {THEIRS}",
    f"pydantic-ai, {THEIRS}",
    f"genai-processors, over LangChain, {THEIRS}",
)
LINES = {
    RAW: FAINT,
    OURS: HIGHLIGHT,
    f"streamkit, {THEIRS}": "#3f6fa8",
    f".stream(), {THEIRS}": OTHER,
}


def draw(kept: Kept) -> list[Path]:
    """
    Draw all charts.

    Returns:
        Their files.
    """
    import matplotlib as mpl

    mpl.use("svg")
    with mpl.rc_context(STYLE):
        return [_events(kept), _streams(kept)]


def _plain(row: str) -> str:
    return label(row).replace("`", "")


def _events(kept: Kept) -> Path:
    """
    CPU per event of 50 streams, as bars.
    """
    from matplotlib import pyplot

    table = f"{FIFTY}: {EVENT}"
    rows = [row for row in BARS if kept.best(table, row) is not None][::-1]
    values = [kept.best(table, row) or 0.0 for row in rows]
    colors = [HIGHLIGHT if row == OURS else OTHER for row in rows]
    figure, axes = pyplot.subplots(figsize=(8.8, 0.42 * len(rows) + 0.9), layout="constrained")
    bars = axes.barh([_plain(row) for row in rows], values, color=colors, height=0.62)
    axes.bar_label(bars, labels=[f"{value:.0f}" for value in values], padding=4)
    axes.tick_params(axis="both", length=0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_title(
        "µs of CPU per event: 50 streams over connections, 50 events/s each", loc="left", fontsize=12
    )
    return _saved(figure, "performance-events.svg")


def _streams(kept: Kept) -> Path:
    """
    CPU per event by the number of streams, as lines. Of one stream, most is waking up for each event.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8.8, 3.6), layout="constrained")
    for row, color in LINES.items():
        points = [
            (streams, value)
            for streams, setting in PACED.items()
            if streams > 1 and (value := kept.best(f"{setting}: {EVENT}", row)) is not None
        ]
        if points:
            axes.plot(*zip(*points, strict=True), color=color, marker="o", linewidth=2)
            axes.annotate(_plain(row), points[-1], xytext=(8, 0), textcoords="offset points", va="center")
    axes.set_xscale("log")
    ticks = [streams for streams in PACED if streams > 1]
    axes.set_xticks(ticks, [f"{streams:,}" for streams in ticks])
    axes.minorticks_off()
    axes.set_xlim(right=9_000)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("streams", loc="left")
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    figure.suptitle("µs of CPU per event, by the number of streams", x=0.01, ha="left", fontsize=12)
    return _saved(figure, "performance-streams.svg")


def _saved(figure: Any, name: str) -> Path:
    from matplotlib import pyplot

    path = DOCS / name
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    # matplotlib ends lines with spaces.
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
    return path
