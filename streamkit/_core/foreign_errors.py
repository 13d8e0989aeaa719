"""
What is written on exceptions of other people, which may be frozen or have slots, or refuse in their own way.
"""

from __future__ import annotations

from contextlib import suppress

__all__ = ["drop_traceback", "note"]


def note(error: BaseException, text: str) -> None:
    """
    Add a note to an exception, unless it takes none. It is raised either way, and as itself.
    """
    with suppress(Exception):
        error.add_note(text)


def drop_traceback(error: BaseException) -> None:
    """
    Forget the frames that an exception went through.
    """
    # The type's own descriptor, because a frozen dataclass refuses every assignment.
    BaseException.with_traceback(error, None)
