"""
The summary of a run for people: how it ended, how fast it was, what its sinks received.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import streamkit as sk

__all__ = ["complaints", "figures", "sinks"]


def figures(run: sk.Run[Any]) -> list[tuple[str, str]]:
    """
    How the run ended and how fast it was, as pairs of a name and its value.
    """
    return list(_figures(run))


def _figures(run: sk.Run[Any]) -> Iterator[tuple[str, str]]:
    outcome, meter = run.outcome, run.report.meter
    yield "outcome", " · ".join(filter(None, (outcome.kind, outcome.stop_reason)))
    yield "requests", _requests(outcome)
    if outcome.message is not None:
        yield "usage", f"{outcome.usage.input_tokens:,} tokens in, {outcome.usage.output_tokens:,} out"
    if meter is not None and meter.time_to_first_text is not None:
        yield "first text", f"after {meter.time_to_first_text:.2f} s"
    if meter is not None and meter.tokens_per_second is not None:
        yield "speed", f"{meter.tokens_per_second:.0f} tokens/s"


def _requests(outcome: sk.Outcome) -> str:
    attempts = outcome.attempts
    failed = [attempt.error for attempt, _ in pairwise(attempts) if attempt.error is not None]
    return f"{len(attempts)}" + "".join(f", one more after {type(error).__name__}" for error in failed)


def sinks(run: sk.Run[Any]) -> list[tuple[str, str, str, str]]:
    """
    A row for each sink: its name, the items delivered and dropped, and how it ended.
    """
    return [
        (
            name,
            f"{sink.delivered:,}",
            f"{sink.dropped:,}",
            "done" if sink.error is None else type(sink.error).__name__,
        )
        for name, sink in run.report.sinks.items()
    ]


def complaints(run: sk.Run[Any]) -> Iterator[str]:
    """
    What went wrong, each in one line.
    """
    error = run.outcome.error
    if error is not None:
        yield f"{run.outcome.kind}: {error}"
    for name, sink in run.report.sinks.items():
        if sink.error is not None and sink.error is not error:
            yield f"sink {name} failed: {sink.error}"
