"""
The errors of a Claude stream that has begun. How what others write becomes one of them is in `error_forms.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from streamkit._claude.protocol.retriable import is_retriable
from streamkit._core.errors import StreamError, TimeLimitError

if TYPE_CHECKING:
    from streamkit._claude.protocol.tool_call import BrokenToolCall

__all__ = [
    "STATUS_OF_ERROR",
    "GrammarError",
    "JSONError",
    "StreamSpliced",
    "StreamStalled",
    "StreamTruncated",
    "ToolInputError",
    "status_of",
]

# https://docs.claude.com/en/api/errors
STATUS_OF_ERROR = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

SPLICED = "message_start inside another message"


class StreamTruncated(StreamError):
    """
    The bytes ended before the message did.

    Always retriable. `type` is `"truncated"`, or `"transport"` where the connection broke.
    """

    outcome_kind = "truncated"

    def __init__(
        self,
        message: str = "the stream ended before the message did",
        *,
        type: Literal["truncated", "transport"] = "truncated",  # noqa: A002 -- the API's own word for it
        request_id: str | None = None,
        partial: object = None,
    ) -> None:
        super().__init__(
            message, type=type, retriable=is_retriable(type), request_id=request_id, partial=partial
        )


class StreamStalled(StreamError, TimeLimitError):
    """
    The connection is open, but what was due did not come in time.

    A `TimeoutError` too. `type` is `"stalled"`.

    Args:
        message: What was waited for, and how long.
        limit: The field of `Timeouts` that ended the wait; None if it was a limit of something else.
        seconds: How long that limit is.
        time_is_up: Whether the time for the whole run is used up. Only then the error is not retriable, because a second
            try would have no time either.
        request_id: The API's id of the request.
        partial: What had arrived, or a function without arguments that builds it.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: str | None = None,
        seconds: float | None = None,
        time_is_up: bool = False,
        request_id: str | None = None,
        partial: object = None,
    ) -> None:
        super().__init__(
            message,
            type="stalled",
            retriable=is_retriable("stalled") and not time_is_up,
            request_id=request_id,
            partial=partial,
        )
        self.limit: str | None = limit
        self.seconds: float | None = seconds


class GrammarError(StreamError):
    """
    What arrived is not a legal Claude stream: it is not JSON, a field of the wrong type, or events out of order.

    Never retriable. `type` is `"grammar"`. The message names the place and the reason, never the content.
    """

    def __init__(self, message: str, *, request_id: str | None = None, partial: object = None) -> None:
        super().__init__(message, type="grammar", request_id=request_id, partial=partial)


class StreamSpliced(GrammarError):
    """
    Another message began where one had not ended: somebody between the API and here has lost a response, asked again, and
    written both answers into one.

    Always retriable. `type` is `"spliced"`.
    """

    def __init__(
        self, message: str = SPLICED, *, request_id: str | None = None, partial: object = None
    ) -> None:
        super().__init__(message, request_id=request_id, partial=partial)
        self.type: str = "spliced"
        self.retriable: bool = is_retriable("spliced")


class ToolInputError(StreamError):
    """
    A tool call that cannot be executed: its input is not a whole JSON object, or it names no tool.

    Never retriable. `type` is `"tool_input"`.

    Attributes:
        call: The `BrokenToolCall`: its name, raw input and the reason.
        offset: Where its input goes wrong, in characters; None if nobody has looked for the place.
    """

    def __init__(
        self,
        call: BrokenToolCall,
        *,
        why: str | None = None,
        offset: int | None = None,
        request_id: str | None = None,
        partial: object = None,
    ) -> None:
        super().__init__(
            f"the call in block {call.index} cannot be made: it names no tool"
            if call.reason == "no_name"
            else f"the input of tool {call.name!r} (block {call.index}) cannot be used: {why or call.reason}",
            type="tool_input",
            request_id=request_id,
            partial=partial,
        )
        self.call = call
        self.offset = offset


class JSONError(StreamError):
    """
    A text that should be JSON but is not.

    Never retriable. `type` is `"json"`. The message names the place and the reason, never the content.

    Attributes:
        reason: `"truncated"`, `"invalid"`, or `"missing"` where the text has no JSON at all.
        offset: Where the JSON goes wrong, in characters from the beginning of the message's text.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Literal["truncated", "invalid", "missing"],
        offset: int,
        request_id: str | None = None,
        partial: object = None,
    ) -> None:
        super().__init__(message, type="json", request_id=request_id, partial=partial)
        self.reason: Literal["truncated", "invalid", "missing"] = reason
        self.offset = offset


def status_of(type: str) -> int | None:  # noqa: A002 -- the API's own word for it
    """
    The HTTP status that the API uses for an error type; None for an unknown type.
    """
    return STATUS_OF_ERROR.get(type)
