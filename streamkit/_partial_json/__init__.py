"""
JSON while it is being written: read once, piece by piece, and shown as far as it has come.
"""

from streamkit._partial_json.finding import Finding
from streamkit._partial_json.parser import Flaw
from streamkit._partial_json.reading import Reading, Wanted
from streamkit._partial_json.views import LiveArray, LiveObject, Partial

__all__ = ["Finding", "Flaw", "LiveArray", "LiveObject", "Partial", "Reading", "Wanted"]
