"""
When a request is sent again, and after how long.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streamkit.core.errors import StreamError

from .errors import is_retriable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RetryPolicy", "can_retry", "retry_after"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    Retries before the first content, which nobody downstream sees.

    The wait before the n-th retry is `base * 2 ** (n - 1)` seconds, at most `cap`; with `jitter` it is drawn evenly from
    the upper half of that. A `retry-after` of the server is honoured instead, at most `cap` too.

    Attributes:
        attempts: Requests in all, at least 1.
        base: Seconds before the first retry.
        cap: The longest wait, in seconds.
        jitter: Whether waits are spread, so that clients do not come back all at once.
        resume: What happens after the first content: `"never"` raises.

    Raises:
        ValueError: A figure out of range, or a way of resuming that does not exist.
    """

    attempts: int = 4
    base: float = 0.5
    cap: float = 30.0
    jitter: bool = True
    resume: Literal["never"] = "never"

    def __post_init__(self) -> None:
        if type(self.attempts) is not int or self.attempts < 1:
            raise ValueError(
                f"RetryPolicy(attempts=…) must be a whole number of at least 1, not {self.attempts!r}"
            )
        if not {type(self.base), type(self.cap)} <= {int, float}:
            raise ValueError(f"RetryPolicy(base=…, cap=…) must be seconds, not {self.base!r}, {self.cap!r}")
        if not 0 <= self.base < float("inf") or not 0 <= self.cap < float("inf"):
            raise ValueError(
                f"RetryPolicy(base=…, cap=…) must be finite seconds from 0 on, not {self.base!r}, {self.cap!r}"
            )
        if self.resume != "never":  # pyright: ignore[reportUnnecessaryComparison]
            raise ValueError(f'RetryPolicy(resume=…) knows "never" only in this version, not {self.resume!r}')

    def wait(self, attempt: int, after: float | None = None) -> float:
        """
        Seconds to wait after the failure of the `attempt`-th request.

        Args:
            attempt: Counted from 1.
            after: What the server's `retry-after` says, in seconds.
        """
        if after is not None:
            return min(after, self.cap)
        longest = min(self.base * 2.0 ** min(attempt - 1, 64), self.cap)
        return longest * random.uniform(0.5, 1.0) if self.jitter else longest


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
        return True
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
        return max(0.0, mktime_tz(date) - time.time())
    return seconds


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
