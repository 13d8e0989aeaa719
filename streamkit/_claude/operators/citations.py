"""
Citations: each citation of a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._claude.protocol.content import blocks_in
from streamkit._claude.protocol.reading import list_in
from streamkit._claude.protocol.told_types import type_of_block, type_of_delta
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.codec import Unknown
    from streamkit._claude.protocol.events import AnyEvent

__all__ = ["citations"]


def citations() -> Operator[AnyEvent, Unknown]:
    """
    Each citation of a text, as it came: a `char_location`, `page_location`, `web_search_result_location`, …

    In the diagram each character of the upper line is an event: `q` is a delta with a citation.

        MTa-q-bEDS|
        citations()
        ----A-----|

        A = q.delta.citation

    Emits: each citation, as soon as it is there.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream.
    Cancels: at once.
    Memory: nothing.
    """
    return Operator(pure("citations", Citations))


class Citations(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "citations"
    passes_restarts = False
    memory = "nothing"

    def feed(self, item: Any) -> Iterable[Any]:
        if item.type == "content_block_delta":
            delta = getattr(item, "delta", None)
            if type_of_delta(delta) != "citations_delta":
                return ()
            found = [getattr(delta, "citation", None)]
        else:
            blocks = [block for block in blocks_in(item) if type_of_block(block) == "text"]
            found = [citation for block in blocks for citation in list_in(block, "citations")]
        return [citation for citation in found if not isinstance(citation, _NO_OBJECTS)]


_NO_OBJECTS = (str, int, float, list, type(None))
"""What a gateway may say instead of a citation."""
