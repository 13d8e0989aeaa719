"""
Text: where it is cut, and when its pieces go on.
"""

from __future__ import annotations

from .recut import recut
from .smooth import smooth

__all__ = ["recut", "smooth"]
