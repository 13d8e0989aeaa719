"""
A scripted Messages API on loopback.
"""

from .blocks import Block, text, thinking, tool_use
from .connection import Connection, Request
from .frames import PING, ErrorEvent, event
from .server import FakeClaude, Script
from .steps import Drop, Pause, Reply, Stall, Step
from .turn import error_reply, reply

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
