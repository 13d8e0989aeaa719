"""
How much a run of the tests tries: `pr` for every change, `full` for everything that there is.

`pytest` runs the profile `pr`, `pytest --full` the profile `full`. A test that tries many things of one kind says how many in
both, here with `examples(pr=..., full=...)`; what `pr` leaves out altogether says so with a marker and is reported as skipped.
"""

from __future__ import annotations

from typing import Final, Literal, TypeVar

from hypothesis import HealthCheck, settings

Profile = Literal["pr", "full"]

T = TypeVar("T")

FULL_ONLY: Final = "only with --full"
"""How the reason begins for which a test is skipped."""

SUMMARIES: Final[dict[Profile, str]] = {
    "pr": "fewer examples, seeds and sizes, many cases on one event loop each, the longest tests skipped; --full runs everything",
    "full": "every example, seed and size",
}

# No example is timed: a busy machine is not a mistake. The profile `pr` tries the same examples every time, so that a change is
# judged by what it changes and not by its luck; `full` draws new ones, and prints how to draw them again.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("pr", settings.get_profile("untimed"), max_examples=30, derandomize=True)
settings.register_profile("full", settings.get_profile("untimed"), max_examples=100, derandomize=False)

_current: Profile = "pr"


def use(profile: Profile) -> None:
    """
    Choose the profile. To be called before the tests are collected, because they read their numbers when they are imported.
    """
    global _current
    _current = profile
    settings.load_profile(profile)


def current() -> Profile:
    """
    The profile of this run.
    """
    return _current


def examples(*, pr: T, full: T) -> T:
    """
    How many of something a test tries, or how large it is, in the profile of this run.
    """
    return full if _current == "full" else pr
