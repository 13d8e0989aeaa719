"""
A kit for testing code that streams: a scripted Messages API, virtual time and marble diagrams.
"""

from .fake_claude import (
    PING,
    Block,
    Connection,
    Drop,
    ErrorEvent,
    FakeClaude,
    Pause,
    Reply,
    Request,
    Script,
    Stall,
    Step,
    error_reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
)

__all__ = [
    "PING",
    "Block",
    "Connection",
    "Drop",
    "ErrorEvent",
    "FakeClaude",
    "Pause",
    "Reply",
    "Request",
    "Script",
    "Stall",
    "Step",
    "error_reply",
    "event",
    "reply",
    "text",
    "thinking",
    "tool_use",
]
