"""
The two lines that every run logs: when it is entered, and when it is left. What else it logs is logged where it happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.log import error_fields, log_at, log_debug, logs_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit._core.log import Level, RunId
    from streamkit._core.outcome import Outcome

__all__ = ["RunLog"]


class RunLog:
    """
    The lines of one run.

    Attributes:
        seconds: How long it has taken; None before it has been left.
    """

    __slots__ = ("_began", "_run_id", "_time", "seconds")

    def __init__(self, run_id: RunId) -> None:
        self._run_id = run_id
        self._time: Callable[[], float] | None = None
        self._began = 0.0
        self.seconds: float | None = None

    def started(self, time: Callable[[], float]) -> None:
        """
        The run has been entered.

        Args:
            time: Tells the time of its event loop, in seconds.
        """
        self._time, self._began = time, time()
        if logs_at("info"):
            log_debug("run_started", self._run_id)

    def ended(self, outcome: Outcome) -> None:
        """
        The run has been left, and its outcome is final. An error is raised too, so it is not a warning.

        What a Claude source adds to the line is in `loggable` of `_claude/protocol/record.py`.
        """
        if self._time is not None:
            self.seconds = round(self._time() - self._began, 3)
        level: Level = "debug" if outcome.error is None else "info"
        if logs_at(level):
            log_at(
                level,
                "run_ended",
                self._run_id,
                kind=outcome.kind,
                # What is behind the colon is the application's own text.
                stopped_by=outcome.stopped_by and outcome.stopped_by.partition(":")[0],
                seconds=self.seconds,
                **error_fields(outcome.error),
                **outcome.loggable(),
            )
