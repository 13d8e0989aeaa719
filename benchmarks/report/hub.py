"""
The block about the hub: each store in a column.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .kept import grid, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kept import Kept

__all__ = ["BLOCKS"]

STORES = ("memory", "sqlite", "redis")
APPENDS = {
    "sqlite": ("appending ten records of 200 B to SQLite", "raw inserts in a thread, ten in a commit"),
    "redis": ("appending ten records of 200 B to Redis", "raw XADD, ten in a pipeline"),
}


def _block(kept: Kept) -> str:
    lines = {
        "an append of ten records, times the raw one": partial(_append, kept),
        "its slowest hundredth with 50 viewers, times that with none": partial(_viewers, kept),
        "an item at the one viewer, half within, ms": partial(_delay, kept, "p50", "1 viewer"),
        "an item at the one viewer, 99 % within, ms": partial(_delay, kept, "p99", "1 viewer"),
        "an item at one of 50 viewers, half within, ms": partial(_delay, kept, "p50", "50 viewers"),
        "an item at one of 50 viewers, 99 % within, ms": partial(_delay, kept, "p99", "50 viewers"),
        "a hundred runs, half within, ms": partial(_soak, kept, "delay, p50"),
        "a hundred runs, 99 % within, ms": partial(_soak, kept, "delay, p99"),
        "a hundred runs, CPU for a record and its two viewers, µs": partial(_soak, kept, "of the process"),
        "a hundred runs, memory, MB": partial(_soak, kept, "what the process has grown by"),
        "a killed worker's run goes on, half within, s": partial(_takeover, kept),
    }
    rows = [[label, *(number(figure(store)) for store in STORES)] for label, figure in lines.items()]
    return grid(["", *STORES], [row for row in rows if any(row[1:])])


def _title(kept: Kept, begins: str, ends: str = "") -> str:
    """
    The title of a table of which a part is known.
    """
    return next((title for title in kept.tables if title.startswith(begins) and title.endswith(ends)), "")


def _append(kept: Kept, store: str) -> float | None:
    if store not in APPENDS:
        return None
    begins, raw = APPENDS[store]
    return _ratio(kept, _title(kept, begins), "the store", raw)


def _viewers(kept: Kept, store: str) -> float | None:
    return _ratio(kept, _title(kept, f"an append to {store}, p99"), "50 viewers", "0 viewers")


def _ratio(kept: Kept, title: str, row: str, base: str) -> float | None:
    ours, theirs = kept.best(title, row), kept.best(title, base)
    return None if ours is None or theirs is None else ours / theirs


def _delay(kept: Kept, word: str, viewers: str, store: str) -> float | None:
    return kept.best(_title(kept, f"delay from a pipeline to a viewer, {word}"), f"{store}, {viewers}")


def _soak(kept: Kept, ends: str, store: str) -> float | None:
    return kept.best(_title(kept, "100 runs, ", ends), store)


def _takeover(kept: Kept, store: str) -> float | None:
    title = _title(kept, "a worker is killed, and another one goes on")
    row = next((row for row in kept.tables.get(title, {"rows": []})["rows"] if row["name"] == store), None)
    return None if row is None else float(row["median"])


BLOCKS: dict[str, Callable[[Kept], str]] = {"hub": _block}
"""What stands on the pages, by name."""
