"""
Which events may come in the middle of a text, which goes on behind them.
"""

from __future__ import annotations

from typing import Any, Final

from streamkit._claude.protocol.reading import type_of

__all__ = ["is_aside"]

_IN_THEIR_PLACES: Final = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
    }
)
_OF_THE_TEXT: Final = frozenset(
    {"text_delta", "thinking_delta", "input_json_delta", "signature_delta", "compaction_delta"}
)


def is_aside(event: Any) -> bool:
    """
    Whether it is one: a ping, a citation, and whatever this version does not know, of which none ends a text.
    """
    kind = type_of(event)
    if kind == "content_block_delta":
        return type_of(getattr(event, "delta", None)) not in _OF_THE_TEXT
    return kind not in _IN_THEIR_PLACES
