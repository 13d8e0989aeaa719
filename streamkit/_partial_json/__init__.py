"""
JSON while it is being written: parsed once, piece by piece, and shown as far as it has come.
"""

from streamkit._partial_json.extractor import Extractor
from streamkit._partial_json.parser import ParseError
from streamkit._partial_json.selector import Selector
from streamkit._partial_json.value_finder import ValueFinder
from streamkit._partial_json.views import LiveArray, LiveObject, Partial

__all__ = ["Extractor", "LiveArray", "LiveObject", "ParseError", "Partial", "Selector", "ValueFinder"]
