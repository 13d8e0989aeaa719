"""
Errors out of a task group that has no other task of the application's.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["ungrouped"]


@contextmanager
def ungrouped() -> Generator[None]:
    """
    A block that raises what stands alone in a group without the group, so that what ends the program, such as
    `KeyboardInterrupt`, does so.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) != 1:
            raise
        alone = group.exceptions[0]
        raise alone from alone.__cause__
