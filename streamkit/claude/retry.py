"""
When a request is sent again, and after how long.
"""

from __future__ import annotations

import random
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
        if self.attempts < 1:
            raise ValueError(f"RetryPolicy(attempts=…) must be at least 1, not {self.attempts!r}")
        if not 0 <= self.base < float("inf") or not 0 <= self.cap < float("inf"):
            raise ValueError(f"RetryPolicy(base=…, cap=…) must be finite seconds from 0 on, not {self.base!r}, {self.cap!r}")
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

    By the API's error type and HTTP status (https://docs.claude.com/en/api/errors), or because it never got through.
    """
    if isinstance(error, StreamError):
        return error.retriable
    import anthropic

    if isinstance(error, anthropic.APIConnectionError):
        return True
    return isinstance(error, anthropic.APIStatusError) and is_retriable(error.type, error.status_code)


def retry_after(error: Exception) -> float | None:
    """
    Seconds that the server asks to wait, or None.

    `retry-after` is read as seconds, the form that the API uses, and `retry-after-ms` as milliseconds.
    """
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", {})
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None
