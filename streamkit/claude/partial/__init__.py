"""
JSON while it is being written: read once, piece by piece, and shown as far as it has come.
"""

from .finding import Finding
from .parser import Flaw
from .reading import Reading, Wanted
from .views import LiveArray, LiveObject, Partial

__all__ = ["Finding", "Flaw", "LiveArray", "LiveObject", "Partial", "Reading", "Wanted"]
