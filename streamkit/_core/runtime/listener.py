"""
A conversation in a run, to which the run and its stages can speak.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Listener"]


class Listener(Protocol):
    """
    What listens while it goes on: a source that asks again and again, as `tool_loop()` does.
    """

    def is_within(self, context: object) -> bool:
        """
        Whether it is in that run, or in that part of one.
        """
        ...

    def hear(self, text: str, now: bool) -> None:
        """
        The user says something.

        Args:
            text: What they say.
            now: Whether what is being answered ends for it.
        """
        ...

    def wind_up(self, stopped_by: str) -> None:
        """
        What has begun comes to its end, and nothing new begins.

        Args:
            stopped_by: Who has said so.
        """
        ...
