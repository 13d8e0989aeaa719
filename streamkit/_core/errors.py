"""
The errors that a running stream can raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BufferOverflow", "StreamError"]


class StreamError(Exception):
    """
    A stream that had begun could not go on.

    Everything received before it has been delivered. The original exception, where there is one, is `__cause__`.

    Attributes:
        type: What happened, as a word: the API's `error.type`, or `"transport"`, `"truncated"`, `"stalled"`, …
        status_code: The HTTP status that belongs to `type`, if there is one.
        retriable: Whether the same request may succeed when sent again.
        request_id: The API's id of the request, for a support ticket.
        partial: What had arrived, as the source's own type (for Claude a `Message`), or None.
    """

    outcome_kind = "failed"

    def __init__(
        self,
        message: str,
        *,
        type: str,  # noqa: A002 -- the API's own word for it
        status_code: int | None = None,
        retriable: bool = False,
        request_id: str | None = None,
        partial: object = None,
    ) -> None:
        super().__init__(message)
        self.type = type
        self.status_code = status_code
        self.retriable = retriable
        self.request_id = request_id
        self._partial = partial

    @property
    def partial(self) -> Any:
        """
        What had arrived; built when asked for.
        """
        return self._partial() if callable(self._partial) else self._partial

    def settle(self) -> None:
        """
        Keep what had arrived as it is now, where more may be added to it.
        """
        self._partial = self.partial

    def complete_with(self, *, request_id: str | None, partial: Callable[[], object]) -> None:
        """
        Add what its source knows, where that is not known yet.
        """
        self.request_id = self.request_id or request_id
        if self._partial is None:
            self._partial = partial


class BufferOverflow(StreamError):
    """
    A bounded buffer whose policy is `"error"` was full.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, type="buffer_overflow")
