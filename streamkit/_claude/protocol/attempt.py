"""
One request of a source, as `outcome.attempts` lists it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamkit._claude.protocol.oddities import Oddities

if TYPE_CHECKING:
    from streamkit._claude.protocol.usage import TotalUsage

__all__ = ["Attempt"]


@dataclass(slots=True)
class Attempt:
    """
    One request of a source.

    Attributes:
        number: Counted from 1.
        request_id: The API's id of the request, for a support ticket.
        error: What it failed with.
        usage: What it was billed, as far as that is known; None if its message never began.
        overlap: The text that it repeated of the attempt before it, and that was removed.
        oddities: What its response had in it that did not fit and was forgiven; see `outcome.oddities`.
    """

    number: int
    request_id: str | None = None
    error: Exception | None = None
    usage: TotalUsage | None = None
    overlap: str = field(default="", repr=False)
    oddities: Oddities = field(default_factory=Oddities, repr=False)
