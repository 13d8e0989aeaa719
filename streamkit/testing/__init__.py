"""
A kit for testing code that streams: a scripted Messages API, virtual time, marble diagrams, and a suite for operators.

Its modules load when a name is first used, because pytest loads this package in every run (for the plugin).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from . import marbles
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
    from .operator_suite import OperatorSuite, Probe
    from .virtual_time import DeadlockError, run_virtual, virtual_backend

__all__ = [
    "PING",
    "Block",
    "Connection",
    "DeadlockError",
    "Drop",
    "ErrorEvent",
    "FakeClaude",
    "OperatorSuite",
    "Pause",
    "Probe",
    "Reply",
    "Request",
    "Script",
    "Stall",
    "Step",
    "error_reply",
    "event",
    "marbles",
    "reply",
    "run_virtual",
    "text",
    "thinking",
    "tool_use",
    "virtual_backend",
]

MODULES: Final = ("virtual_time", "operator_suite", "fake_claude")


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
