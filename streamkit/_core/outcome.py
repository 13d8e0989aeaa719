"""
How a run ended (`Outcome`), and what it counted (`Report`).

Sources and operators contribute to both what this file knows nothing of. What Claude's contribute is spelt out in
`_claude/protocol/facts.py`, for type checkers alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from streamkit._core.plain import PlainValue, plain_error

if TYPE_CHECKING:
    from streamkit._claude.protocol.facts import OutcomeFacts, ReportFacts
else:

    class OutcomeFacts:
        __slots__ = ()

    ReportFacts = OutcomeFacts

__all__ = ["BufferReport", "Contribution", "Kind", "Outcome", "Report", "SinkReport"]

Kind = Literal["running", "complete", "stopped", "truncated", "failed", "cancelled"]


class Contribution(Protocol):
    """
    What a source adds to the outcome of the run that reads it.

    It may also have a static method `loggable(records)`, which gives the fields that the log may have of them: figures and names,
    nothing that people or models have said. And a static method `described(records)`, which gives what `outcome.to_dict()` has of
    them, as plain JSON objects. And `facts_of_all`, the names of the facts for which also those records are asked whose items do
    not count, such as those of the streams that have lost a race.
    """

    @staticmethod
    def fact(name: str, records: list[Contribution], /) -> object:
        """
        The value of `outcome.<name>`, from everything that was contributed to this run, oldest first.

        Raises:
            AttributeError: This kind of source knows no such fact.
        """
        ...


class Outcome(PlainValue, OutcomeFacts):
    """
    How a run ended.

    Attributes:
        kind: `"running"` before the end, then `"complete"`, `"stopped"`, `"truncated"`, `"failed"` or `"cancelled"`.
        stopped_by: Who ended it early on purpose: `"consumer"`, an operator's name, or `"cancel: <reason>"`.
        error: What it failed with.

    A source may contribute further attributes. They hold what had arrived, however the run ended, and are built when asked
    for. Claude's sources give `message`, `messages`, `history`, `tool_calls`, `parsed`, `usage`, `turns`, `usage_by_model`,
    `stop_reason`, `model`, `request_id`, `attempts` and `oddities`.
    """

    kind: Kind
    stopped_by: str | None
    error: BaseException | None

    def __init__(self) -> None:
        self.kind = "running"
        self.stopped_by = None
        self.error = None
        self._records: list[Contribution] = []
        self._all_records: list[Contribution] = []  # those that do not count, too

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
            for records in (self._all_records, self._records):
                if records and (records is self._records or name in getattr(records[-1], "facts_of_all", ())):
                    return records[-1].fact(name, records)
            raise AttributeError(f"the outcome of this run has no {name!r}: no source of it contributes one")

    def contribute(self, record: Contribution, *, counts: bool = True) -> None:
        """
        Add what a source knows. Sources call it.

        Args:
            record: What it knows.
            counts: Whether it is asked for every fact, or only for its `facts_of_all`.
        """
        self._all_records.append(record)
        if counts:
            self._records.append(record)

    def loggable(self) -> dict[str, object]:
        """
        What its sources let the log say.
        """
        tell = getattr(self._records[-1], "loggable", None) if self._records else None
        return {} if tell is None else tell(self._records)

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects: how it ended, and what its sources tell besides what was said; Claude's give `model`,
        `request_id`, `stop_reason`, `usage`, `attempts` and `oddities`. An error is its class and its message, which may quote
        what was said. What was said is in `message.to_dict()`.
        """
        tell = getattr(self._records[-1], "described", None) if self._records else None
        ended = {"kind": self.kind, "stopped_by": self.stopped_by, "error": plain_error(self.error)}
        return ended if tell is None else {**ended, **tell(self._records)}

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

    def cancel(self) -> None:
        """
        It was cancelled from outside, after all else that is known of its end.
        """
        if self.kind in ("running", "complete", "stopped"):
            self.kind = "cancelled"
            self.stopped_by = None


class BufferReport(PlainValue, Struct):
    """
    What has gone through a bounded queue.

    Attributes:
        delivered: Items that its reader has taken.
        dropped: Items lost to its overflow policy.
    """

    delivered: int = 0
    dropped: int = 0

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects.
        """
        return {"delivered": self.delivered, "dropped": self.dropped}


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
    result: Any = None

    def __repr__(self) -> str:
        counted = f"delivered={self.delivered}, dropped={self.dropped}"
        return f"{type(self).__name__}({counted}, error={self.error!r})"

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects: of the error its class and its message, and without the result, which may be anything.
        """
        return {**BufferReport.to_dict(self), "error": plain_error(self.error)}


class Report(PlainValue, ReportFacts):
    """
    What a run counted.

    Attributes:
        sinks: One entry for each sink of each `tee`, by name.
        buffers: One entry for each `buffer`, by name: `"buffer"`, `"buffer-2"`, …

    An operator may contribute further attributes. `sk.meter()` contributes `meter`, which is None without one.
    """

    sinks: dict[str, SinkReport]
    buffers: dict[str, BufferReport]

    def __init__(self) -> None:
        self.sinks = {}
        self.buffers = {}
        self._figures: dict[str, object] = {"meter": None}

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

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects: the sinks, the buffers, and the figures of `meter()`.
        """
        return {
            "sinks": {name: sink.to_dict() for name, sink in self.sinks.items()},
            "buffers": {name: buffer.to_dict() for name, buffer in self.buffers.items()},
            **{
                name: value.to_dict() if isinstance(value, PlainValue) else None
                for name, value in self._figures.items()
                if value is None or isinstance(value, PlainValue)
            },
        }
