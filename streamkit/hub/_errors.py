"""
How a run can end for those who look at it, and what a writer is refused with.
"""

from __future__ import annotations

from streamkit._core.errors import StreamError

__all__ = [
    "Busy",
    "Cancelled",
    "Diverged",
    "Failed",
    "Fenced",
    "Gap",
    "Gone",
    "Lost",
    "Truncated",
]


class Failed(StreamError):
    """
    The run that is looked at has failed. `type`, `status_code`, `retriable` and `request_id` are those of its error.
    """


class Truncated(Failed):
    """
    The same, where what the run reads had ended before its message did.
    """

    outcome_kind = "truncated"


class Cancelled(StreamError):
    """
    The run that is looked at was cancelled, by `hub.cancel` or with its process's own end.

    Attributes:
        reason: Why.
    """

    outcome_kind = "cancelled"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message, type="cancelled")
        self.reason = reason


class Lost(StreamError):
    """
    The process that wrote the run is gone, and nobody has taken it over. What it had appended has been delivered.
    """

    outcome_kind = "truncated"

    def __init__(self, message: str) -> None:
        super().__init__(message, type="lost", retriable=True)


class Gone(StreamError):
    """
    There is no such run: its time is over, it was deleted, or it has never been.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="gone", status_code=410)


class Gap(StreamError):
    """
    The store does not have all records any more: somebody has trimmed the log.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="gap", status_code=410)


class Diverged(StreamError):
    """
    The log is another one than that which the viewer or the writer knows: the store has lost what it had acknowledged, or the
    run was begun anew.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="diverged", status_code=409)


class Busy(StreamError):
    """
    Another writer has the run of this id, or a worker is to go on with it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="busy", status_code=409)


class Fenced(StreamError):
    """
    Another process has taken the run over, or it has ended. What was appended before stays; nothing of this writer is appended
    any more.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="fenced", status_code=409)
