"""
What `_core.adapters` asks of the anthropic SDK's objects: how its raw events are joined and cut, and which errors to retry.

Like everything here, it goes by an event's `type`. An adapter for another library is a module like this one, as
`_core/adapters.py` says. It does not make events of foreign objects; a source does, as `sources/from_sdk.py`.
"""

from __future__ import annotations

from typing import Any

from streamkit._claude.protocol.asides import is_aside
from streamkit._claude.protocol.pieces import PIECES
from streamkit._claude.protocol.retriable import retry_advice

__all__ = ["can_wait", "merged", "retry_advice", "stands_aside", "text_of", "with_text"]


def can_wait(item: Any) -> bool:
    """
    Whether `item` is a piece of text that the next one can be joined to. Fields that are not known here cannot be joined.
    """
    if getattr(item, "type", None) != "content_block_delta" or not hasattr(item, "model_copy"):
        return False
    delta = item.delta
    return delta.type in PIECES and not delta.model_extra and not item.model_extra


def merged(held: Any, item: Any) -> Any:
    """
    The two events as one, or None where they are not pieces of one text.
    """
    kind = held.delta.type
    if not can_wait(item) or item.index != held.index or item.delta.type != kind:
        return None
    joined = PIECES[kind].joined(held.delta, item.delta)
    # A count that neither of them has must not be set to null.
    return _with_delta(held, {name: value for name, value in joined.items() if isinstance(value, str | int)})


def text_of(item: Any) -> str | None:
    """
    The piece of text in an event, if it can be cut; else None.
    """
    return PIECES[item.delta.type].text_to_cut(item.delta) if can_wait(item) else None


def with_text(item: Any, text: str) -> Any:
    """
    The same event with another piece of text.
    """
    return _with_delta(item, {PIECES[item.delta.type].field: text})


def stands_aside(item: Any) -> bool:
    """
    Whether it is an event that may come in the middle of a text.
    """
    return is_aside(item)


def _with_delta(item: Any, fields: dict[str, Any]) -> Any:
    return item.model_copy(update={"delta": item.delta.model_copy(update=fields)})
