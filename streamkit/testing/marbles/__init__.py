"""
Marble diagrams: streams that follow one, and assertions whose failure shows two.

    await marbles.expect(marbles.source("-a-b-|") | sk.map(str.upper), "-A-B-|")
"""

from streamkit._core.facade import publish
from streamkit.testing.marbles._drawing import Names as Names, draw as draw
from streamkit.testing.marbles._notation import (
    Emission as Emission,
    MarbleError as MarbleError,
    Timeline as Timeline,
    parse as parse,
)
from streamkit.testing.marbles._playing import (
    Openable as Openable,
    expect as expect,
    record as record,
    source as source,
)

# Not assigned by name, because a checker would take a list that is made at run time for an empty one.
globals()["__all__"] = publish(__name__, globals())
