"""
How a run ended (`Outcome`), and what it counted (`Report`).

Sources and operators contribute to both what this file knows nothing of. What Claude's contribute is spelt out in
`_claude/protocol/facts.py`, for type checkers alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from streamkit._claude.protocol.facts import OutcomeFacts, ReportFacts
else:
    OutcomeFacts = ReportFacts = object

__all__ = ["BufferReport", "Contribution", "Kind", "Outcome", "Report", "SinkReport"]

Kind = Literal["running", "complete", "stopped", "truncated", "failed", "cancelled"]


class Contribution(Protocol):
    """
    What a source adds to the outcome of the run that reads it.

    It may also have a static method `loggable(records)`, which gives the fields that the log may have of them: figures and names,
    nothing that people or models have said.
    """

    @staticmethod
    def fact(name: str, records: list[Contribution], /) -> object:
        """
        The value of `outcome.<name>`, from everything that was contributed to this run, oldest first.

        Raises:
            AttributeError: This kind of source knows no such fact.
        """
        ...


class Outcome(OutcomeFacts):
    """
    How a run ended.

    Attributes:
        kind: `"running"` before the end, then `"complete"`, `"stopped"`, `"truncated"`, `"failed"` or `"cancelled"`.
        stopped_by: Who ended it early on purpose: `"consumer"`, an operator's name, or `"cancel: <reason>"`.
        error: What it failed with.

    A source may contribute further attributes. They hold what had arrived, however the run ended, and are built when asked
    for. Claude's sources give `message`, `messages`, `history`, `tool_calls`, `usage`, `stop_reason`, `model`, `request_id`,
    `attempts` and `oddities`.
    """

    kind: Kind
    stopped_by: str | None
    error: BaseException | None

    def __init__(self) -> None:
        self.kind = "running"
        self.stopped_by = None
        self.error = None
        self._records: list[Contribution] = []

    def __repr__(self) -> str:
        said = [f"kind={self.kind!r}"]
        if self.stopped_by is not None:
            said.append(f"stopped_by={self.stopped_by!r}")
        if self.error is not None:
            said.append(f"error={type(self.error).__name__}")
        return f"Outcome({', '.join(said)})"

    if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if self._records:
                return self._records[-1].fact(name, self._records)
            raise AttributeError(f"the outcome of this run has no {name!r}: no source of it contributes one")

    def contribute(self, record: Contribution) -> None:
        """
        Add what a source knows. Sources call it.
        """
        self._records.append(record)

    def loggable(self) -> dict[str, object]:
        """
        What its sources let the log say.
        """
        tell = getattr(self._records[-1], "loggable", None) if self._records else None
        return {} if tell is None else tell(self._records)

    def complete(self) -> None:
        """
        The stream came to its own end.
        """
        if self.kind == "running":
            self.kind = "complete" if self.stopped_by is None else "stopped"

    def stop(self, by: str) -> None:
        """
        Somebody ended it early on purpose. Only the first one counts.
        """
        if self.kind == "running" and self.stopped_by is None:
            self.stopped_by = by

    def fail(self, error: BaseException) -> None:
        """
        It ended with an error. Only the first one counts.
        """
        if self.kind in ("running", "complete", "stopped"):
            self.kind = getattr(error, "outcome_kind", "failed")
            self.error = error
            self.stopped_by = None


@dataclass(slots=True)
class BufferReport:
    """
    What has gone through a bounded queue.

    Attributes:
        delivered: Items that its reader has taken.
        dropped: Items lost to its overflow policy.
    """

    delivered: int = 0
    dropped: int = 0


@dataclass(slots=True)
class SinkReport(BufferReport):
    """
    What one sink of a `tee` got.

    Attributes:
        delivered: Items that the sink has taken.
        dropped: Items lost to its overflow policy.
        error: What the sink failed with.
        result: What the sink returned.
    """

    error: BaseException | None = None
    result: Any = field(default=None, repr=False)


@dataclass(slots=True)
class Report(ReportFacts):
    """
    What a run counted.

    Attributes:
        sinks: One entry for each sink of each `tee`, by name.
        buffers: One entry for each `buffer`, by name: `"buffer"`, `"buffer-2"`, …

    An operator may contribute further attributes. `sk.meter()` contributes `meter`, which is None without one.
    """

    sinks: dict[str, SinkReport] = field(default_factory=dict[str, SinkReport])
    buffers: dict[str, BufferReport] = field(default_factory=dict[str, BufferReport])
    _figures: dict[str, object] = field(default_factory=lambda: {"meter": None}, init=False)

    def __repr__(self) -> str:
        counted = {"sinks": self.sinks, "buffers": self.buffers, **self._figures}
        return f"Report({', '.join(f'{name}={value!r}' for name, value in counted.items())})"

    if not TYPE_CHECKING:  # as in an outcome

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if name not in self._figures:
                raise AttributeError(
                    f"the report of this run has no {name!r}: no operator of it contributes one"
                )
            return self._figures[name]

    def contribute(self, **figures: object) -> None:
        """
        Add what an operator counts, each figure under its name. Where two operators of a run give the same name, the last counts.
        """
        self._figures.update(figures)
