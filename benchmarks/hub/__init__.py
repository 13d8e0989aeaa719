"""
Runs kept by each store: what an append costs beside the raw store, how late viewers are, how soon a run goes on whose worker has
died, and whether many runs hold.
"""

from __future__ import annotations

from .tables import PARTS, tables

__all__ = ["PARTS", "tables"]
