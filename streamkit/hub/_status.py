"""
Where a run stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from streamkit._core.plain import PlainValue
from streamkit.hub._ending import Ending
from streamkit.hub._told_error import error_name

if TYPE_CHECKING:
    from typing import Any

    from streamkit.hub._stores.contract import State

__all__ = ["RunKind", "Status", "status_of"]

RunKind = Literal["waiting", "running", "complete", "stopped", "truncated", "failed", "cancelled", "lost"]


class Status(PlainValue, Struct, frozen=True):
    """
    Where a run stands.

    Attributes:
        id: Its id.
        kind: `"waiting"` for a worker, `"running"`, or how it has ended: as the outcome's kind, or `"cancelled"`, or `"lost"`
            where its writer has died and nobody goes on with it.
        last: The id of its last record; None without one.
        bytes: The size of its records.
        started: When it was begun, in seconds since the epoch of Unix; None if it was not yet.
        recipe: The recipe that it was submitted with.
        stopped_by: Who has ended it early on purpose.
        reason: Why it was cancelled, is lost, or has failed. Of an error that is its class, and the type that the API gives it;
            its message is for those who follow the run.
    """

    id: str
    kind: RunKind
    last: str | None
    bytes: int
    started: float | None = None
    recipe: str | None = None
    stopped_by: str | None = None
    reason: str | None = None

    @property
    def ended(self) -> bool:
        """
        Whether nothing more will come.
        """
        return self.kind not in {"waiting", "running"}

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects.
        """
        return {name: getattr(self, name) for name in self.__struct_fields__}


def status_of(run: str, state: State, last: str | None) -> Status:
    """
    The status of a run.

    Args:
        run: Its id.
        state: What its store knows.
        last: The id of its last record.
    """
    ending = None if state.ending is None else Ending.decode(state.ending)
    kind: RunKind
    if ending is not None:
        kind = ending.kind
    elif state.phase == "waiting" or (not state.alive and state.recipe is not None):
        kind = "waiting"
    else:
        kind = "running" if state.alive else "lost"
    return Status(
        id=run,
        kind=kind,
        last=last,
        bytes=state.size,
        started=state.started or None,
        recipe=state.recipe,
        stopped_by=None if ending is None else ending.stopped_by,
        reason=state.cancelled if ending is None else ending.reason or error_name(ending.error),
    )
