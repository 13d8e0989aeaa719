"""
A scripted Messages API on loopback.
"""

from streamkit.testing.fake_claude.blocks import Block, text, thinking, tool_use
from streamkit.testing.fake_claude.connection import Connection, Request
from streamkit.testing.fake_claude.faults import GARBAGE, huge, page, redirect, reindexed, swapped, without
from streamkit.testing.fake_claude.frames import PING, ErrorEvent, event
from streamkit.testing.fake_claude.replies import Reply
from streamkit.testing.fake_claude.server import FakeClaude, Script
from streamkit.testing.fake_claude.steps import Drop, Pause, Pings, Stall, Step
from streamkit.testing.fake_claude.turn import error_reply, reply

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
