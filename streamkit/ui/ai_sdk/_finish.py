"""
What the protocol says at the end of a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.stop_reasons import STOP_REASONS, stop_reason
from streamkit._claude.protocol.usage import total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit._claude.protocol.message_head import MessageHead

__all__ = ["finish_reason", "metadata"]

_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool-calls",
}


def finish_reason(reason: str | None) -> str:
    """
    The protocol's name for a stop reason of Claude's.
    """
    known = stop_reason(reason)
    if known is STOP_REASONS["refusal"]:
        return "content-filter"
    return "length" if known.cuts else _REASONS.get(reason or "", "other")


def metadata(messages: Sequence[MessageHead]) -> dict[str, Any]:
    """
    What is told of an answer besides its parts: its usage, why it stopped, and who has answered.

    Args:
        messages: Its messages, as far as they have come.
    """
    last = messages[-1]
    told: dict[str, Any] = {
        "usage": total([message.usage for message in messages]).to_dict(),
        "stop_reason": last.stop_reason,
    }
    if (model := last.model) is not None:
        told["model"] = model
    return told
