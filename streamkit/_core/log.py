"""
What streamkit says to the application's log.

structlog prints to stdout until it is configured, and a library must not print: without a configuration nothing is said.
"""

from __future__ import annotations

import sys

__all__ = ["log_warning"]


def log_warning(event: str, **fields: object) -> None:
    """
    Log `event` with its fields, if the application has configured structlog.
    """
    # Importing structlog takes longer than all of streamkit, and who has not imported it has not configured it.
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        structlog.get_logger("streamkit").warning(event, **fields)
