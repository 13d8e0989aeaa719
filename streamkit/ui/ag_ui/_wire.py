"""
The words of AG-UI that more than one part of this room needs, and how an object of `ag_ui.core` becomes plain JSON.

The protocol: https://docs.ag-ui.com/spec/1.0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

__all__ = [
    "PROTOCOL_VERSION",
    "PROVIDER",
    "STANDALONE",
    "WireEvent",
    "as_wire",
    "calls_in",
    "note",
    "noted",
]

WireEvent: TypeAlias = dict[str, Any]
"""An AG-UI event as it is on the wire: a dict with camelCase keys, which `ag_ui.core.Event` validates."""

PROTOCOL_VERSION: Final = "1.0"

PROVIDER: Final = "anthropic"
"""Who has answered, in token usage; and the key of `metadata` under which Claude's own facts travel to the client and back."""

STANDALONE: Final = frozenset(
    {
        "STATE_SNAPSHOT",
        "STATE_DELTA",
        "ACTIVITY_SNAPSHOT",
        "ACTIVITY_DELTA",
        "MESSAGES_SNAPSHOT",
        "CUSTOM",
        "RAW",
    }
)
"""The events that may stand anywhere in a run, because they open and close nothing."""


def as_wire(value: object) -> dict[str, Any] | None:
    """
    An event, a message or a request as a JSON object; None if it is nothing of the kind.

    Args:
        value: A mapping, or a model of `ag_ui.core`.
    """
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    dump = getattr(value, "model_dump", None)
    return None if dump is None else cast("dict[str, Any]", dump(mode="json", by_alias=True))


def note(facts: Mapping[str, object]) -> dict[str, Any]:
    """
    The fields of an event that attach facts to what it builds; none where there are no facts.

    A client keeps the last value of each key of `metadata`, so an event that adds a fact repeats the others.
    """
    return {"metadata": {PROVIDER: dict(facts)}} if facts else {}


def noted(thing: Mapping[str, Any]) -> dict[str, Any]:
    """
    The facts that a message or a call has brought back.
    """
    metadata = thing.get("metadata")
    facts: object = cast("dict[str, Any]", metadata).get(PROVIDER) if isinstance(metadata, dict) else None
    return {**cast("dict[str, Any]", facts)} if isinstance(facts, dict) else {}


def calls_in(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    The tool calls in a message that have an id.
    """
    calls: object = message.get("toolCalls")
    return [
        cast("dict[str, Any]", call)
        for call in (cast("list[object]", calls) if isinstance(calls, list) else ())
        if isinstance(call, dict) and isinstance(cast("dict[str, Any]", call).get("id"), str)
    ]
