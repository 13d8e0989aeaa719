"""
What a plugin author subclasses to prove an operator, and the source that it is proved with.
"""

from __future__ import annotations

from streamkit.testing.operator_suite.probe import Probe
from streamkit.testing.operator_suite.suite import OperatorSuite

__all__ = ["OperatorSuite", "Probe"]
