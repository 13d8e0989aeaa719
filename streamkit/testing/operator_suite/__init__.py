"""
What a plugin author subclasses to prove an operator, and the source that it is proved with.
"""

from __future__ import annotations

from .probe import Probe
from .suite import OperatorSuite

__all__ = ["OperatorSuite", "Probe"]
