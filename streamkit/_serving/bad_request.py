"""
The error of a front-end's request that cannot be understood.
"""

from __future__ import annotations

__all__ = ["BadRequest"]


class BadRequest(ValueError):
    """
    A front-end has sent something that no request to Claude can be made of.

    The message is one line that may be shown to whoever has sent it: it names the place, and quotes nothing that was said.

    Attributes:
        status: The HTTP status that it deserves: 400, or 413 where it is too large.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self.args, {"status": self.status}
