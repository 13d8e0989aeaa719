"""
The one fault that the API itself sends in a body: an `error` event. The folder's docstring has the other kinds of fault.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamkit.testing._fake_claude.frames import event

__all__ = ["ErrorEvent"]


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
