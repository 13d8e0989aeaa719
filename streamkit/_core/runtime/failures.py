"""
Several failures at once: one is raised, and the others are noted on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.log import log_warning

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["primary_failure"]


def primary_failure(failure: BaseException | None, others: Iterable[BaseException]) -> BaseException | None:
    """
    The one to raise: `failure`, or else the first of `others`. Each of the rest is noted on it, and logged.
    """
    seen: list[BaseException] = [] if failure is None else [failure]
    for error in others:
        if any(error is each for each in seen):
            continue
        seen.append(error)
        if error is not seen[0]:
            seen[0].add_note(f"something beside it failed too, with {type(error).__name__}")
            log_warning("failed_too", error=type(error).__name__)
    return seen[0] if seen else None
