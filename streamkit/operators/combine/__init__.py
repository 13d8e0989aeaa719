"""
Combine: several streams as one.
"""

from __future__ import annotations

from streamkit.operators.combine.concat import concat
from streamkit.operators.combine.merge import merge
from streamkit.operators.combine.race import race
from streamkit.operators.combine.zip import zip  # noqa: A004 -- the field's name

__all__ = ["concat", "merge", "race", "zip"]
