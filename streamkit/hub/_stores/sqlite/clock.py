"""
The two clocks of the logs in a file.

Leases are kept by the clock that the system counts from its start: all processes of the machine share it, and nobody sets it. A
time to live outlasts a restart, so it is kept by the time of day.
"""

from __future__ import annotations

from time import monotonic, time

__all__ = ["lease_clock", "wall_clock"]


def lease_clock() -> float:
    """
    Seconds since the machine was started.
    """
    return monotonic()


def wall_clock() -> float:
    """
    Seconds since the epoch of Unix.
    """
    return time()
