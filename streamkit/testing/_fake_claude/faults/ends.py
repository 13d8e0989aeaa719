"""
What may stand in a reply beside its content, and that nothing follows a fault that ends the response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from streamkit.testing._fake_claude.faults.error_event import ErrorEvent
from streamkit.testing._fake_claude.faults.wire import Step, WireFault

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Fault", "check_order", "is_end"]


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
