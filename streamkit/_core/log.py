"""
How a line reaches the application's log. Each is logged where it happens: what concerns the end of a run in `runtime/run.py`,
closing in `runtime/context.py` and `closing.py`, a retried request in `_claude/exchange/answer.py`, a detached sink in
`_operators/branch.py`, odd answers in `_claude/protocol/`.

structlog prints to stdout until it is configured, and a library must not print. So nothing is logged before that.
"""

from __future__ import annotations

import sys

__all__ = ["log_debug", "log_warning"]


def log_debug(event: str, **fields: object) -> None:
    """
    Log `event` with its fields at debug, if the application has configured structlog.
    """
    _log("debug", event, fields)


def log_warning(event: str, **fields: object) -> None:
    """
    Log `event` with its fields as a warning, if the application has configured structlog.
    """
    _log("warning", event, fields)


def _log(level: str, event: str, fields: dict[str, object]) -> None:
    # Importing structlog takes longer than importing streamkit, and whoever has not imported it has not configured it.
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        getattr(structlog.get_logger("streamkit"), level)(event, **fields)
