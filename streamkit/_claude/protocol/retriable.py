"""
Which requests may succeed when they are sent again, and after how long: decided here and nowhere else.

The rules are those of https://docs.claude.com/en/api/errors. Errors of a stream that has begun ask here when they are made
and carry the answer as `retriable`; for the SDK's exceptions it is asked when they arrive.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from streamkit._core.adapters import RetryAdvice
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["can_retry", "is_retriable", "retry_advice", "retry_after"]

_TYPES = frozenset(
    {
        "overloaded_error",
        "api_error",
        "timeout_error",
        "rate_limit_error",
        # These are streamkit's own: failures of the connection and of those who pass it on, and not the API's.
        "transport",
        "truncated",
        "stalled",
        "spliced",
    }
)
_CLIENT_STATUSES = frozenset({408, 409, 429})
_FIRST_SERVER_STATUS = 500


def is_retriable(
    type: str | None,  # noqa: A002 -- the API's own word for it
    status_code: int | None = None,
    *,
    should_retry: str | None = None,
) -> bool:
    """
    Whether the same request may succeed when it is sent again.

    Args:
        type: The `type` of the error, as the API or a `StreamError` has it.
        status_code: The HTTP status of the response.
        should_retry: What the response's header `x-should-retry` says. `"true"` and `"false"` decide by themselves, as for
            the SDK's own retries.
    """
    if should_retry in {"true", "false"}:
        return should_retry == "true"
    if type in _TYPES or status_code in _CLIENT_STATUSES:
        return True
    return status_code is not None and status_code >= _FIRST_SERVER_STATUS


def can_retry(error: Exception) -> bool:
    """
    Whether the request that ended with this exception may succeed when it is sent again.

    Args:
        error: A `StreamError`, or what the SDK raises. Any other exception is taken for a bug, which comes again.
    """
    if isinstance(error, StreamError):
        return error.retriable
    import anthropic

    if isinstance(error, anthropic.APIConnectionError):
        # The request never got through. A client that is closed, which is the RuntimeError, stays closed.
        return not isinstance(error.__cause__, RuntimeError)
    if not isinstance(error, anthropic.APIStatusError):
        return False
    should_retry = error.response.headers.get("x-should-retry")
    return is_retriable(error.type, error.status_code, should_retry=should_retry)


def retry_after(error: Exception) -> float | None:
    """
    The seconds that the server asks to wait; None if it does not ask.

    The header `retry-after` is seconds or a date (RFC 9110, section 10.2.3). `retry-after-ms`, which goes first, is
    milliseconds.
    """
    from email.utils import mktime_tz, parsedate_tz  # the SDK has loaded it already

    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", {})
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and (date := parsedate_tz(value)) is not None:
        with suppress(ValueError, OverflowError):  # a year that no clock has
            return max(0.0, mktime_tz(date) - time.time())
    return seconds


def retry_advice(error: Exception) -> RetryAdvice:
    """
    Whether to send the request that ended with this exception again, and after how long.
    """
    return RetryAdvice(can_retry(error), retry_after(error))


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
