"""
A scripted Messages API on loopback.
"""

from .blocks import Block, text, thinking, tool_use
from .connection import Connection, Request
from .faults import GARBAGE, huge, page, redirect, reindexed, swapped, without
from .frames import PING, ErrorEvent, event
from .replies import Reply
from .server import FakeClaude, Script
from .steps import Drop, Pause, Pings, Stall, Step
from .turn import error_reply, reply

__all__ = [
    "GARBAGE",
    "PING",
    "Block",
    "Connection",
    "Drop",
    "ErrorEvent",
    "FakeClaude",
    "Pause",
    "Pings",
    "Reply",
    "Request",
    "Script",
    "Stall",
    "Step",
    "error_reply",
    "event",
    "huge",
    "page",
    "redirect",
    "reindexed",
    "reply",
    "swapped",
    "text",
    "thinking",
    "tool_use",
    "without",
]
