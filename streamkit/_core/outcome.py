"""
How a run ended, and what it counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from anthropic.types import Message
    from anthropic.types.beta import BetaMessage

    from streamkit._claude.operators.meter import Meter
    from streamkit._claude.protocol.record import Attempt
    from streamkit._claude.protocol.tool_call import ToolCall
    from streamkit._claude.protocol.usage import Usage
    from streamkit._core.protocols import Contribution

__all__ = ["BufferReport", "Kind", "Outcome", "Report", "SinkReport", "free_name"]

Kind = Literal["running", "complete", "stopped", "truncated", "failed", "cancelled"]


class Outcome:
    """
    How a run ended.

    Attributes:
        kind: `"running"` before the end, then `"complete"`, `"stopped"`, `"truncated"`, `"failed"` or `"cancelled"`.
        stopped_by: Who ended it early on purpose: `"consumer"`, an operator's name, or `"cancel: <reason>"`.
        error: What it failed with.

    A source may contribute further attributes; they hold what had arrived, whatever happened, and are built when asked for.
    Claude's sources give `message`, `messages`, `tool_calls`, `usage`, `stop_reason`, `request_id` and `attempts`.
    """

    kind: Kind
    stopped_by: str | None
    error: BaseException | None

    if TYPE_CHECKING:
        # What Claude's sources contribute, spelt out for type checkers alone: at run time core knows none of it.
        @property
        def message(self) -> Message | BetaMessage | None: ...
        @property
        def messages(self) -> Sequence[Message | BetaMessage]: ...
        @property
        def tool_calls(self) -> Sequence[ToolCall]: ...
        @property
        def usage(self) -> Usage: ...
        @property
        def stop_reason(self) -> str | None: ...
        @property
        def request_id(self) -> str | None: ...
        @property
        def attempts(self) -> Sequence[Attempt]: ...

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

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if self._records:
                return self._records[-1].fact(name, self._records)
            raise AttributeError(f"the outcome of this run has no {name!r}: no source of it contributes one")

    def contribute(self, record: Contribution) -> None:
        """
        Add what a source knows; called by sources.
        """
        self._records.append(record)

    def complete(self) -> None:
        """
        The stream came to its own end.
        """
        if self.kind == "running":
            self.kind = "complete" if self.stopped_by is None else "stopped"

    def stop(self, by: str) -> None:
        """
        Somebody ended it early, on purpose; the first one counts.
        """
        if self.kind == "running" and self.stopped_by is None:
            self.stopped_by = by

    def fail(self, error: BaseException) -> None:
        """
        It ended with an error; the first one counts.
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
class Report:
    """
    What a run counted.

    Attributes:
        sinks: One entry for each sink of each `tee`, by name.
        buffers: One entry for each `buffer`, by name: `"buffer"`, `"buffer-2"`, …
        meter: The figures of `sk.meter()`, or None without one.
    """

    sinks: dict[str, SinkReport] = field(default_factory=dict[str, SinkReport])
    buffers: dict[str, BufferReport] = field(default_factory=dict[str, BufferReport])
    meter: Meter | None = None


def free_name(name: str, taken: Container[str]) -> str:
    """
    `name`, or `name-2`, `name-3`, … where it is taken.
    """
    number = 1
    numbered = name
    while numbered in taken:
        number += 1
        numbered = f"{name}-{number}"
    return numbered
