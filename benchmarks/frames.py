"""
A request, and the events of its answer as their bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["REQUEST", "frame", "message"]

REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Write a haiku about rivers."}],
}


def frame(name: str, **fields: object) -> bytes:
    """
    One event, as its bytes.
    """
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode({"type": name, **fields}) + b"\n\n"


def message(blocks: Iterable[bytes], stop_reason: str = "end_turn") -> list[bytes]:
    """
    The frames of a whole message, around those of its blocks.
    """
    start: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": REQUEST["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 1},
    }
    changes = {"stop_reason": stop_reason, "stop_sequence": None}
    return [
        frame("message_start", message=start),
        *blocks,
        frame("message_delta", delta=changes, usage={"output_tokens": 10_000}),
        frame("message_stop"),
    ]
