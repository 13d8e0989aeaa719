"""
Marble diagrams: streams that follow one, and assertions whose failure shows two.

    await marbles.expect(marbles.source("-a-b-|") | sk.map(str.upper), "-A-B-|")
"""

from .drawing import Names, draw
from .notation import Emission, MarbleError, Timeline, parse
from .playing import Openable, expect, record, source

__all__ = [
    "Emission",
    "MarbleError",
    "Names",
    "Openable",
    "Timeline",
    "draw",
    "expect",
    "parse",
    "record",
    "source",
]
