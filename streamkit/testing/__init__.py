"""
A kit for testing code that streams: a scripted Messages API that can fail, recordings, virtual time, marble diagrams, and
a suite for operators.

Its modules load when a name is first used, because pytest loads this package in every run (for the plugin).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamkit.testing import marbles
    from streamkit.testing.fake_claude import (
        GARBAGE,
        PING,
        Block,
        Connection,
        Drop,
        ErrorEvent,
        FakeClaude,
        Pause,
        Pings,
        Reply,
        Request,
        Script,
        Stall,
        Step,
        error_reply,
        event,
        huge,
        page,
        redirect,
        reindexed,
        reply,
        swapped,
        text,
        thinking,
        tool_use,
        without,
    )
    from streamkit.testing.operator_suite import OperatorSuite, Probe
    from streamkit.testing.recording import record
    from streamkit.testing.virtual_time import DeadlockError, run_virtual, virtual_backend

__all__ = [
    "GARBAGE",
    "PING",
    "Block",
    "Connection",
    "DeadlockError",
    "Drop",
    "ErrorEvent",
    "FakeClaude",
    "OperatorSuite",
    "Pause",
    "Pings",
    "Probe",
    "Reply",
    "Request",
    "Script",
    "Stall",
    "Step",
    "error_reply",
    "event",
    "huge",
    "marbles",
    "page",
    "record",
    "redirect",
    "reindexed",
    "reply",
    "run_virtual",
    "swapped",
    "text",
    "thinking",
    "tool_use",
    "virtual_backend",
    "without",
]

MODULES: Final = ("virtual_time", "operator_suite", "fake_claude", "recording")


if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists

    def __getattr__(name: str) -> object:
        if name == "marbles":
            return import_module(f"{__name__}.marbles")
        if name in __all__:
            for module in MODULES:
                found = getattr(import_module(f"{__name__}.{module}"), name, None)
                if found is not None:
                    globals()[name] = found
                    return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
