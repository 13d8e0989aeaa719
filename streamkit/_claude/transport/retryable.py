"""
When a request is sent again: what the API's errors say of it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from streamkit._claude.protocol.errors import is_retriable
from streamkit._core.adapters import RetryAdvice
from streamkit._core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["can_retry", "retry_advice", "retry_after"]


def can_retry(error: Exception) -> bool:
    """
    Whether the same request may succeed when sent again.

    By the API's error type and HTTP status (https://docs.claude.com/en/api/errors), or because it never got through. What
    the server says with `x-should-retry` goes first, as for the SDK's own retries.
    """
    if isinstance(error, StreamError):
        return error.retriable
    import anthropic

    if isinstance(error, anthropic.APIConnectionError):
        return not isinstance(error.__cause__, RuntimeError)  # a client that is closed stays so
    if not isinstance(error, anthropic.APIStatusError):
        return False
    match error.response.headers.get("x-should-retry"):
        case "true":
            return True
        case "false":
            return False
        case _:
            return is_retriable(error.type, error.status_code)


def retry_after(error: Exception) -> float | None:
    """
    Seconds that the server asks to wait, or None.

    `retry-after` is seconds or a date (RFC 9110, section 10.2.3), and `retry-after-ms`, which goes first, milliseconds.
    """
    from email.utils import mktime_tz, parsedate_tz  # the SDK has loaded it already

    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", {})
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return seconds / 1000
    said = headers.get("retry-after")
    seconds = _number(said)
    if seconds is None and (date := parsedate_tz(said)) is not None:
        with suppress(ValueError, OverflowError):  # of a year that is none
            return max(0.0, mktime_tz(date) - time.time())
    return seconds


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def retry_advice(error: Exception) -> RetryAdvice:
    """
    What is known of the error of a request.
    """
    return RetryAdvice(can_retry(error), retry_after(error))
