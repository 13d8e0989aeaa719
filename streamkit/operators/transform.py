"""
Transform: each item becomes another, several, or part of a group.
"""

from __future__ import annotations

from streamkit.core.elementary import filter_map, map, scan, tap  # noqa: A004 -- the field's names
from streamkit.operators.batch import batch
from streamkit.operators.flat_map import flat_map
from streamkit.operators.map_async import map_async

__all__ = ["batch", "filter_map", "flat_map", "map", "map_async", "scan", "tap"]
