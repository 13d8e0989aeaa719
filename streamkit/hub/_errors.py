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
    "full",
    "unreachable",
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
    """

    outcome_kind = "cancelled"

    def __init__(self, message: str) -> None:
        super().__init__(message, type="cancelled")


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
    The log is another one than that which the viewer has seen: the store has lost what it had acknowledged, or the run was begun anew.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="diverged", status_code=409)


class Busy(StreamError):
    """
    Another process writes a run of this id.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="busy", status_code=409)


class Fenced(StreamError):
    """
    Another process has taken the run over. What was appended before stays; nothing of this writer is appended any more.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="fenced", status_code=409)


def full(run: str, max_bytes: int) -> StreamError:
    """
    The error of a run that is larger than it may be.
    """
    return StreamError(
        f"the log of run {run!r} would have more than {max_bytes} bytes: give connect(…, max_bytes=…) more, or publish less, "
        "such as text() in place of the events",
        type="full",
    )


def unreachable(message: str, *, retriable: bool) -> StreamError:
    """
    The error of a store that cannot be used.

    Args:
        message: What is wrong, and the remedy.
        retriable: Whether it may pass, so that the call is worth another try.
    """
    return StreamError(message, type="hub", retriable=retriable)
