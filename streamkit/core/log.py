"""
What streamkit says to the application's log.

structlog prints to stdout until it is configured, and a library must not print: without a configuration nothing is said.
"""

from __future__ import annotations

import structlog

__all__ = ["log_warning"]


def log_warning(event: str, **fields: object) -> None:
    """
    Log `event` with its fields, if the application has configured structlog.
    """
    if structlog.is_configured():
        structlog.get_logger("streamkit").warning(event, **fields)
