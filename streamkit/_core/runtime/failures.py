"""
Several failures at once: one is raised, and the others stand in its notes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.log import log_warning

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["told"]


def told(failure: BaseException | None, others: Iterable[BaseException]) -> BaseException | None:
    """
    `failure`, or else the first of `others`; whatever else has failed is noted on it, and logged.
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
