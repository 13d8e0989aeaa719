"""
`DeadlockError`, which virtual time raises instead of waiting for ever.
"""

from __future__ import annotations

__all__ = ["DeadlockError"]


class DeadlockError(RuntimeError):
    """
    In virtual time, every task waited for something, and nothing was left that could happen.

    Sockets, threads and processes do not count: virtual time does not wait for them.
    """

    def __init__(self) -> None:
        super().__init__(
            "every task waits, no timer is set, and virtual time does not wait for sockets, threads or "
            "processes: either the program is deadlocked, or this test needs real time"
        )
