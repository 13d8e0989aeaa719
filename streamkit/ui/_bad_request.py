"""
The one error of a front-end's request that cannot be answered.
"""

from __future__ import annotations

__all__ = ["BadRequest"]


class BadRequest(ValueError):
    """
    A front-end's request that cannot be answered, because of what is in it.

    Its text is one line, which names the place and the reason. It never quotes what was sent, so it can be shown and logged.

    Attributes:
        status: The HTTP status that it deserves: 400, or 413 where the request is too large.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status: int = status
