"""
Marble diagrams: streams that follow one, and assertions whose failure shows two.

    await marbles.expect(marbles.source("-a-b-|") | sk.map(str.upper), "-A-B-|")
"""

from streamkit.testing.marbles.drawing import Names, draw
from streamkit.testing.marbles.notation import Emission, MarbleError, Timeline, parse
from streamkit.testing.marbles.playing import Openable, expect, record, source

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
