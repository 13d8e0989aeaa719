"""
What writers and readers of one run have seen, and whether the contract allows it.

The moments of calls and answers are those of one clock, so that "before" means before for everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Appending", "History", "Opening", "Reading", "faults_of"]


@dataclass
class Opening:
    """
    A writer has been given the run.

    Attributes:
        epoch: Its own.
        last: The number of the last record before it.
        asked: When it asked.
        answered: When it knew.
    """

    epoch: int
    last: int
    asked: float
    answered: float


@dataclass
class Appending:
    """
    A writer has appended records, or has tried.

    Attributes:
        epoch: The writer's.
        first: The number of the first record.
        records: What they hold.
        asked: When it asked.
        answered: When it was acknowledged; None where it was not.
    """

    epoch: int
    first: int
    records: list[bytes]
    asked: float
    answered: float | None = None


@dataclass
class Reading:
    """
    What one reader has seen, in its order.

    Attributes:
        records: Number, epoch and content of each.
        ending: How the run ended for it; None where it did not see that.
    """

    records: list[tuple[int, int, bytes]] = field(default_factory=list[tuple[int, int, bytes]])
    ending: bytes | None = None


@dataclass
class History:
    """
    All of it. The last reading is that of the whole log after everything.
    """

    openings: list[Opening] = field(default_factory=list[Opening])
    appendings: list[Appending] = field(default_factory=list[Appending])
    readings: list[Reading] = field(default_factory=list[Reading])

    @property
    def acknowledged(self) -> int:
        """
        How many appends were.
        """
        return sum(appending.answered is not None for appending in self.appendings)


def faults_of(history: History) -> list[str]:
    """
    Each way in which a history breaks the contract, as a sentence.
    """
    return [
        *_unlike_writers(history),
        *_lost(history),
        *_unlike_readers(history),
        *_never_written(history),
        *_not_fenced(history),
    ]


def _log(history: History) -> dict[int, tuple[int, bytes]]:
    return {number: (epoch, data) for number, epoch, data in history.readings[-1].records}


def _unlike_writers(history: History) -> Iterator[str]:
    writers = Counter(opening.epoch for opening in history.openings)
    if several := [epoch for epoch, number in writers.items() if number > 1]:
        yield f"two writers had one epoch: {several}"
    log = sorted((number, epoch) for number, (epoch, _) in _log(history).items())
    lowest = float("inf")  # epoch of the records that stand behind the opening
    for opening in sorted(history.openings, key=lambda each: each.last, reverse=True):
        while log and log[-1][0] > opening.last:
            lowest = min(lowest, log.pop()[1])
        if lowest < opening.epoch:
            yield f"a record of epoch {lowest} stands behind {opening.last}, where epoch {opening.epoch} began"


def _lost(history: History) -> Iterator[str]:
    log = _log(history)
    for appending in history.appendings:
        if appending.answered is not None:
            for number, data in enumerate(appending.records, appending.first):
                if log.get(number) != (appending.epoch, data):
                    yield f"record {number} of epoch {appending.epoch} was acknowledged and is not there"


def _unlike_readers(history: History) -> Iterator[str]:
    log = _log(history)
    endings = {reading.ending for reading in history.readings if reading.ending is not None}
    if len(endings) > 1:
        yield f"the run has ended in {len(endings)} ways"
    for which, reading in enumerate(history.readings):
        numbers = [number for number, _, _ in reading.records]
        if numbers != [*range(1, len(numbers) + 1)]:
            wrong = next(k for k, number in enumerate(numbers) if number != k + 1)
            yield f"reader {which} has seen the numbers {numbers[max(0, wrong - 2) : wrong + 3]} where {wrong + 1} was due"
        if any(log.get(number) != (epoch, data) for number, epoch, data in reading.records):
            yield f"reader {which} has seen what is not in the log"
        if reading.ending is not None and len(numbers) < len(log):
            yield f"reader {which} has seen the end after {len(numbers)} of {len(log)} records"


def _never_written(history: History) -> Iterator[str]:
    tried = {
        (appending.epoch, number, data)
        for appending in history.appendings
        for number, data in enumerate(appending.records, appending.first)
    }
    for number, (epoch, data) in _log(history).items():
        if (epoch, number, data) not in tried:
            yield f"nobody of epoch {epoch} has appended record {number}"


def _not_fenced(history: History) -> Iterator[str]:
    openings = sorted(history.openings, key=lambda each: each.answered, reverse=True)
    highest = 0  # epoch that had begun when the append was asked
    for appending in sorted(history.appendings, key=lambda each: each.asked):
        while openings and openings[-1].answered < appending.asked:
            highest = max(highest, openings.pop().epoch)
        if appending.answered is not None and appending.epoch < highest:
            yield f"epoch {appending.epoch} has appended after epoch {highest} had begun"
