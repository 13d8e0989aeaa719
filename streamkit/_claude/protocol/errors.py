"""
The errors of a Claude stream that has begun, and how the API's own errors become one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from streamkit._claude.protocol.retriable import is_retriable
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from streamkit._claude.protocol.tool_call import BrokenToolCall

__all__ = [
    "STATUS_OF_ERROR",
    "GrammarError",
    "JSONError",
    "StreamStalled",
    "StreamTruncated",
    "ToolInputError",
    "from_error_event",
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

_MAX_QUOTED = 200
"""Characters of an unreadable error that its message quotes."""


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


class StreamStalled(StreamError, TimeoutError):
    """
    The connection is open, but what was due did not come in time.

    A `TimeoutError` too. `type` is `"stalled"`.

    Args:
        message: What was waited for, and how long.
        time_is_up: Whether the time for the whole run is used up. Only then the error is not retriable, because a second
            try would have no time either.
        request_id: The API's id of the request.
        partial: What had arrived, or a function without arguments that builds it.
    """

    def __init__(
        self,
        message: str,
        *,
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


class GrammarError(StreamError):
    """
    What arrived is not a legal Claude stream: it is not JSON, a field of the wrong type, or events out of order.

    Never retriable. `type` is `"grammar"`. The message names the place and the reason, never the content.
    """

    def __init__(self, message: str, *, request_id: str | None = None, partial: object = None) -> None:
        super().__init__(message, type="grammar", request_id=request_id, partial=partial)


class ToolInputError(StreamError):
    """
    A tool call whose input cannot be executed.

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
            f"the input of tool {call.name!r} (block {call.index}) cannot be used: {why or call.reason}",
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


def from_error_event(
    data: bytes | str | Mapping[str, object], *, request_id: str | None = None
) -> StreamError:
    """
    The error that an `event: error` frame stands for.

    Args:
        data: The frame's data, or the JSON object in it. Data that names no type (a gateway's plain text)
            becomes an error of type `"unknown_error"`, which is not retriable and has no status.
        request_id: The API's id of the request, where the data does not name it.
    """
    body = data if isinstance(data, Mapping) else _json_object(data)
    error = _mapping(body.get("error")) or ({} if body.get("type") == "error" else body)
    kind, message, own_id = error.get("type"), error.get("message"), body.get("request_id")
    type_ = kind if isinstance(kind, str) else "unknown_error"
    if not isinstance(message, str):
        message = _quoted(data) if not body and isinstance(data, (bytes, str)) else "no message"
    return StreamError(
        f"{type_}: {message}",
        type=type_,
        status_code=status_of(type_),
        retriable=is_retriable(type_),
        request_id=(own_id if isinstance(own_id, str) else None) or request_id,
    )


def _json_object(data: bytes | str) -> Mapping[str, object]:
    try:
        return _mapping(msgspec.json.decode(data))
    except (ValueError, RecursionError):  # it is not JSON or not UTF-8, but a gateway's own words
        return {}


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _quoted(data: bytes | str) -> str:
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return repr(text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…")
