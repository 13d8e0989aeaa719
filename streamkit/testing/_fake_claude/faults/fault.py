"""
What may stand in a reply beside its content, in which order, and the one fault that the API itself sends: an `error` event.

The folder's docstring says where each kind of fault is, and where a new one belongs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from streamkit.testing._fake_claude.faults.wire import Step, WireFault
from streamkit.testing._fake_claude.frames import event

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ErrorEvent", "Fault", "check_order", "is_end"]


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """
    An `event: error` inside a response that had begun well; the body ends after it.

    Attributes:
        type: The API's name of the error.
        message: The text for people.
        request_id: The request's id, which the API gives with the error; None leaves it out.
    """

    type: str = "overloaded_error"
    message: str = "Overloaded"
    request_id: str | None = None

    @property
    def frame(self) -> bytes:
        """
        The event's bytes.
        """
        named = {} if self.request_id is None else {"request_id": self.request_id}
        return event({"type": "error", "error": {"type": self.type, "message": self.message}, **named})


Fault: TypeAlias = Step | ErrorEvent
"""
What may stand between two deltas or two blocks: raw bytes (`PING`, `event({...})`, anything), a wait, an end.
"""


def is_end(part: object) -> bool:
    """
    Whether nothing can be sent after this part of a reply.
    """
    return isinstance(part, ErrorEvent) or (isinstance(part, WireFault) and part.ends)


def check_order(parts: Iterable[object]) -> None:
    """
    Reject parts that follow an end.

    Raises:
        ValueError: Something follows `Stall()`, `Drop()`, endless `Pings` or `ErrorEvent()`.
    """
    end: object = None
    for part in parts:
        if end is not None:
            raise ValueError(f"{part!r} comes after {end!r}, so it would never be sent")
        if is_end(part):
            end = part
