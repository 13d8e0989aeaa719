"""
Parts of a run, for those who come for one at a time and are told where the next one begins.

A part is what one reading of the log gives, and says how the run stood then. Nothing is kept of whoever has
asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anyio import move_on_after
from msgspec import Struct

from streamkit.hub._patience import patiently
from streamkit.hub._reading import START, Reading, records_of
from streamkit.hub._record import Place
from streamkit.hub._status import status_of
from streamkit.hub._stores.refusals import gone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit.hub._record import Record
    from streamkit.hub._status import RunKind
    from streamkit.hub._stores.contract import State, Store
    from streamkit.hub._viewer import ViewedHub

__all__ = ["BEGINNING", "BEHIND_ALL", "Part", "Position", "last_place", "read_part", "read_tail", "wait_for"]

BEHIND_ALL: Final = 2**62
"""A number that no record has."""


class Position(Struct, frozen=True):
    """
    Where a part of a run begins.

    Attributes:
        place: The record in front of it.
        started: When the log of that record was begun, in seconds since the epoch of Unix; 0 where that is not known.
    """

    place: Place
    started: float = 0.0


BEGINNING: Final = Position(START)


class Part(Struct, frozen=True):
    """
    A part of a run.

    Attributes:
        start: Where it begins.
        records: The records, in order.
        end: Where the next one begins.
        at_tail: Whether there were no records behind these.
        closed: Whether the run has its ending, so that there never will be.
        kind: How the run stood, as its status has it.
    """

    start: Position
    records: Sequence[Record]
    end: Position
    at_tail: bool
    closed: bool
    kind: RunKind

    @property
    def is_last(self) -> bool:
        """
        Whether nothing follows this part.
        """
        return self.closed and self.at_tail


async def wait_for(hub: ViewedHub, run: str, seconds: float) -> None:
    """
    Wait until a run is there, so many seconds at most.
    """
    await hub.begun(run)
    if not seconds:
        return
    watch = hub.store.watch(run)
    try:
        with move_on_after(seconds):
            while await patiently(lambda: hub.store.read(run, BEHIND_ALL, limit=1)) is None:
                await watch.changed()
    finally:
        watch.close()


async def read_part(hub: ViewedHub, run: str, start: Position) -> Part:
    """
    What there is from a position on, about 512 records at most.

    Raises:
        Gone: There is no such run.
        Gap: Records are missing.
        Diverged: The position is one of another log.
        StreamError: The store cannot be used, of type `"hub"`.
    """
    page = await patiently(lambda: hub.store.read(run, start.place.number))
    if page is None:
        raise gone(run)
    reading = Reading(run, start.place, started=start.started)
    records = [record for batch in reading.new(page) for record in records_of(batch)]
    return _part(run, page.state, reading.place, start=start, records=records)


async def read_tail(hub: ViewedHub, run: str) -> Part:
    """
    The part behind all records that there are, in which there is nothing yet.

    Raises:
        Gone: There is no such run, or it was begun anew just now.
        StreamError: The store cannot be used, of type `"hub"`.
    """
    found = await last_place(hub.store, run)
    if found is None or found[1] is None:
        raise gone(run)
    return _part(run, found[0], found[1])


async def last_place(store: Store, run: str) -> tuple[State, Place | None] | None:
    """
    How a run stands, and its last record, which is None where the log does not have it any more; None where there is no such run.
    """
    page = await patiently(lambda: store.read(run, BEHIND_ALL, limit=1))
    if page is None:
        return None
    state, number = page.state, page.state.last
    if not number:
        return state, START
    page = await patiently(lambda: store.read(run, number, limit=1))
    batches = () if page is None else page.batches
    return state, next((Place(number, batch.epoch) for batch in batches if batch.last >= number), None)


def _part(
    run: str, state: State, place: Place, *, start: Position | None = None, records: Sequence[Record] = ()
) -> Part:
    end = Position(place, state.started) if place.number else BEGINNING
    return Part(
        start=start or end,
        records=records,
        end=end,
        at_tail=state.last == place.number,
        closed=state.ending is not None,
        kind=status_of(run, state, None).kind,
    )
