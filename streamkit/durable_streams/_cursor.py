"""
Cursors: numbers that a client sends back with its next request for what is live, so that no cache between it and us gives it the
same answer for ever. They count intervals of time, and never go back.
"""

from __future__ import annotations

import random
from time import time
from typing import Final

__all__ = ["next_cursor"]

_BEGIN: Final = 1_728_432_000
"""2024-10-09 00:00:00 UTC, from which the protocol counts."""

_INTERVAL: Final = 20
"""Seconds."""

_JITTER: Final = 3600 // _INTERVAL


def next_cursor(last: int | None) -> str:
    """
    The cursor of a response.

    Args:
        last: The one that the client has sent.
    """
    now = int(time() - _BEGIN) // _INTERVAL
    if last is None or last < now:
        return str(now)
    return str(last + random.randint(1, _JITTER))
