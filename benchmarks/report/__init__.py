"""
What a kept result says, on the pages and in charts. Nothing here measures, or imports streamkit.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..results import last
from .kept import Kept
from .pages import PAGES, written

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["differing", "write"]


def differing() -> list[Path]:
    """
    The pages that say something else than the last kept result.
    """
    kept = _last()
    pages = {path: path.read_text(encoding="utf-8") for path in PAGES}
    return [path for path, page in pages.items() if written(page, kept) != page]


def write() -> list[Path]:
    """
    Write the pages from the last kept result, and draw the charts if matplotlib is there.

    Returns:
        What has been written.
    """
    kept, paths = _last(), differing()
    for path in paths:
        path.write_text(written(path.read_text(encoding="utf-8"), kept), encoding="utf-8")
    if find_spec("matplotlib"):
        from .charts import draw

        paths += draw(kept)
    return paths


def _last() -> Kept:
    document = last()
    if document is None:
        raise LookupError("nothing is kept in benchmarks/results: run `python -m benchmarks --save`")
    return Kept(document)
