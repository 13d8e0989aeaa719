"""
How far somebody has read a log: what a page of it has behind that, and whether it is still the same log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamkit.hub._errors import Diverged, Gap
from streamkit.hub._items import decode_item
from streamkit.hub._patience import patiently
from streamkit.hub._record import Place, Record
from streamkit.hub._stores.refusals import gone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamkit.hub._stores.contract import Batch, Page, State, Store

__all__ = ["START", "Reading", "batches_of", "records_of"]

START: Final = Place(0, 0)
"""The place in front of all records."""


class Reading:
    """
    One reading of one log.

    Args:
        run: The run's id.
        after: The record behind which it begins; None for the beginning.
        started: When the log of that record was begun; 0 where that is not known.

    Attributes:
        place: The last record that was read.
    """

    def __init__(self, run: str, after: Place | None = None, *, started: float = 0.0) -> None:
        self._run = run
        self._started = started
        self.place: Place = after or START

    def new(self, page: Page) -> list[Batch]:
        """
        What a page has behind the last record. The first batch is cut where it begins before that.

        Raises:
            Diverged: It is another log than that which was read before.
            Gap: Records are missing.
        """
        self.compare(page.state)
        found: list[Batch] = []
        for batch in page.batches:
            number, epoch = self.place
            if batch.first > number + 1:
                raise self._gap(f"which begins with {batch.first}")
            if batch.holds(number) and batch.epoch != epoch:
                raise self.diverged()
            if batch.last > number:
                found.append(batch.part(number + 1, batch.last))
                self.place = Place(batch.last, batch.epoch)
        if not found and page.state.last > self.place.number:
            raise self._gap("of which nothing more is there")
        return found

    def compare(self, state: State) -> None:
        """
        See whether a log can be the one that was read before.

        Raises:
            Diverged: It cannot.
        """
        number = self.place.number
        if number > state.last or (number and self._started not in (0.0, state.started)):
            raise self.diverged()
        self._started = state.started

    def diverged(self) -> Diverged:
        """
        The error for another log.
        """
        return Diverged(
            f"run {self._run!r} is not the one that has given record {self.place}: it was begun anew, or its store has lost what "
            "it had acknowledged; read it from the beginning"
        )

    def _gap(self, how: str) -> Gap:
        return Gap(
            f"run {self._run!r} has no record {self.place.number + 1} any more: somebody has trimmed its log, {how}; see to the "
            "store's eviction and trimming"
        )


async def batches_of(store: Store, run: str, last: int | None = None) -> AsyncGenerator[Batch]:
    """
    What a run has told, batch by batch. Of its records a page is in memory.

    Args:
        store: Where its log is.
        run: Its id.
        last: The number of the last record; None for that which is the last now.

    Raises:
        Gone: It is not there, or no more.
        Gap: Records are missing.
        Diverged: It was begun anew meanwhile.
    """
    reading = Reading(run)
    while last is None or reading.place.number < last:
        page = await patiently(lambda: store.read(run, reading.place.number))
        if page is None:
            raise gone(run)
        last = page.state.last if last is None else last
        for batch in reading.new(page):
            if batch.first <= last:
                yield batch.part(batch.first, min(batch.last, last))


def records_of(batch: Batch) -> list[Record]:
    """
    The records of a batch, as viewers get them.
    """
    return [
        Record(f"{number}-{batch.epoch}", decode_item(data))
        for number, data in enumerate(batch.records, batch.first)
    ]
