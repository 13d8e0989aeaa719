"""
When something that has failed is tried again, and after how long.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Literal, Self, get_args

from streamkit._core.adapters import RetryAdvice, adapter_of
from streamkit._core.checks import as_number, as_whole, choice, known_names
from streamkit._core.foreign_objects import attribute_of

__all__ = ["Resume", "RetryPolicy", "retry_advice"]

Resume = Literal["never", "restart", "continue"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How often something that has failed is tried again, and how long after.

    The wait before the n-th retry is `base * 2 ** (n - 1)` seconds, at most `cap`. With `jitter` it is drawn evenly from
    the upper half of that. Where the server asks to wait for some time, that is waited instead. If it asks for more than
    `cap`, there is no other try, because one that comes too early fails again.

    Attributes:
        attempts: Tries in all, at least 1.
        base: Seconds before the first retry.
        cap: The longest wait, in seconds. Where the server asks to wait longer, the error is raised at once.
        jitter: Whether waits are spread, so that clients do not come back all at once.
        resume: What happens after the first content, which cannot be taken back. `"never"` raises, `"restart"` emits a
            `Restarted` and starts over, `"continue"` asks for the rest, which only `messages()` can.

    Raises:
        ValueError: A figure is out of range, or `resume` is unknown.
    """

    __reads_as_source__: ClassVar[bool] = True

    attempts: int = 4
    base: float = 0.5
    cap: float = 30.0
    jitter: bool = True
    resume: Resume = "never"

    if not TYPE_CHECKING:  # for a checker this is an error already

        def __new__(cls, *_: object, **given: object) -> Self:
            hint = "; attempts counts the first try too" if any("retries" in name for name in given) else ""
            known = (each.name for each in fields(cls))
            known_names("RetryPolicy", given, known, called="settings", hint=hint)
            return object.__new__(cls)

    def __post_init__(self) -> None:
        attempts, base, cap = as_whole(self.attempts), as_number(self.base), as_number(self.cap)
        if attempts is None or attempts < 1:
            is_resume = isinstance(self.attempts, str) and self.attempts in get_args(Resume)
            hint = f"; resume={self.attempts!r} says how to go on" if is_resume else ""
            raise ValueError(
                f"RetryPolicy(attempts=…) must be a whole number of at least 1, not {self.attempts!r}{hint}"
            )
        if base is None or cap is None:
            raise ValueError(f"RetryPolicy(base=…, cap=…) must be seconds, not {self.base!r}, {self.cap!r}")
        if type(self.jitter) is not bool:
            raise ValueError(f"RetryPolicy(jitter=…) must be True or False, not {self.jitter!r}")
        if not (0 <= base < math.inf and 0 <= cap < math.inf):
            raise ValueError(
                f"RetryPolicy(base=…, cap=…) must be finite seconds from 0 on, not {self.base!r}, {self.cap!r}"
            )
        choice("RetryPolicy", "resume", self.resume, get_args(Resume))
        # Numbers of other libraries, such as numpy's, are kept as Python's own.
        for name, value in (("attempts", attempts), ("base", base), ("cap", cap)):
            if type(getattr(self, name)) not in (int, float):
                object.__setattr__(self, name, value)

    def wait(self, attempt: int) -> float:
        """
        Seconds to wait after the failure of the `attempt`-th try, where the server does not ask for any.

        Args:
            attempt: Counted from 1.
        """
        longest = min(self.base * 2.0 ** min(attempt - 1, 64), self.cap)
        return longest * random.uniform(0.5, 1.0) if self.jitter else longest

    def again(self, attempt: int, said: RetryAdvice) -> float | None:
        """
        Seconds to wait before another try; None if there is no other.

        Args:
            attempt: The number of the try that has failed, counted from 1.
            said: Whether its error is worth another try, and how long the server asks to wait.
        """
        if not said.retriable or attempt >= self.attempts:
            return None
        if said.after is None:
            return self.wait(attempt)
        return said.after if said.after <= self.cap else None


def retry_advice(error: Exception) -> RetryAdvice:
    """
    Whether to try again after `error`, and after how long.

    The error's own attribute `retriable` decides if it has one, and otherwise the adapter of its library. An error of which
    neither says anything is worth another try.
    """
    own = attribute_of(error, "retriable")
    if isinstance(own, bool):
        return RetryAdvice(own)
    adapter = adapter_of(error)
    known = None if adapter is None else adapter.retry_advice(error)
    return RetryAdvice(True) if known is None else known
