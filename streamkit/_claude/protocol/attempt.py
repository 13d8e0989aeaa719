"""
One request of a source, as `outcome.attempts` lists it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.protocol.usage import TotalUsage  # noqa: TC001 -- for whoever evaluates the annotations
from streamkit._core.plain import PlainValue, error_name, plain_error

__all__ = ["Attempt"]


class Attempt(PlainValue, Struct):
    """
    One request of a source.

    Attributes:
        number: Counted from 1.
        request_id: The API's id of the request, for a support ticket.
        model: The model that answered; None if nobody has told.
        error: What it failed with.
        usage: What it was billed, as far as that is known; None if its message never began.
        overlap: The text that it repeated of the attempt before it, and that was removed.
        oddities: What its response had in it that did not fit and was forgiven; see `outcome.oddities`.
    """

    number: int
    request_id: str | None = None
    model: str | None = None
    error: Exception | None = None
    usage: TotalUsage | None = None
    overlap: str = ""
    oddities: Oddities = field(default_factory=Oddities)

    def __repr__(self) -> str:
        asked = f"number={self.number}, request_id={self.request_id!r}, model={self.model!r}"
        return f"Attempt({asked}, error={error_name(self.error)}, usage={self.usage!r})"

    def to_dict(self) -> dict[str, Any]:
        """
        As plain JSON objects: of the error its class and its message, which may quote what was said, and without `overlap`,
        which is text of the answer.
        """
        return {
            "number": self.number,
            "request_id": self.request_id,
            "model": self.model,
            "error": plain_error(self.error),
            "usage": None if self.usage is None else self.usage.to_dict(),
            "oddities": dict(self.oddities),
        }
