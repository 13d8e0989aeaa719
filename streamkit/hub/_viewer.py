"""
The source behind `subscribe`: one viewer's reading of a run, from any record to the run's end.

A viewer asks for what is behind its last record, and is told when to ask again. Nothing is pushed to it, so a slow one holds
nothing up and keeps nothing in memory. Each answer has the viewer's last record in it again, by which it can tell whether this
is still the log that it has read.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from anyio import move_on_after

from streamkit._core.naming import call_text
from streamkit._core.source import Opened, Source
from streamkit.hub._ending import Ending, EndingFacts
from streamkit.hub._errors import Lost
from streamkit.hub._patience import patiently
from streamkit.hub._reading import Reading, records_of
from streamkit.hub._stores.refusals import gone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from streamkit._core.runtime.context import Context
    from streamkit.hub._metrics import Metrics
    from streamkit.hub._record import Place, Record
    from streamkit.hub._stores.contract import Page, State, Store, Watch

__all__ = ["ViewedHub", "Viewer"]

_TAKEOVER_WITHIN: Final = 60.0
"""Seconds in which a worker has to go on with a run whose writer has died."""


class Appended(NamedTuple):
    """
    Records that were appended together.

    Attributes:
        at: When, in seconds since the run was begun.
        records: The records.
    """

    at: float
    records: list[Record]


class ViewedHub(Protocol):
    """
    What a viewer asks of its hub.
    """

    @property
    def metrics(self) -> Metrics:
        """
        Where viewers are counted.
        """
        ...

    @property
    def store(self) -> Store:
        """
        Where the logs are, while the hub is open.
        """
        ...

    async def begun(self, run: str) -> None:
        """
        Wait until a run has its log that this hub was told to start.
        """
        ...


class Viewer(Source):
    """
    Reads one run.

    Args:
        hub: Where.
        run: The run's id.
        after: The record behind which to begin.
        wait: Seconds to wait for a run that is not there yet.
    """

    memory = "512 records"

    def __init__(self, hub: ViewedHub, run: str, after: Place | None, wait: float) -> None:
        self._hub = hub
        self._run = run
        self._after = after
        self._wait = wait

    def __repr__(self) -> str:
        given = {} if self._after is None else {"after": str(self._after)}
        return f"hub.{call_text('subscribe', self._run, **given)}"

    def open(self, context: Context) -> Opened:
        return Opened("batched", self._records(context))

    async def _records(self, context: Context) -> AsyncGenerator[list[Record]]:
        pages = self._pages(context)
        try:
            async for page in pages:
                yield [record for appended in page for record in appended.records]
        finally:
            await pages.aclose()

    async def _pages(self, context: Context) -> AsyncGenerator[list[Appended]]:
        store = self._hub.store
        await self._hub.begun(self._run)
        watch = store.watch(self._run)
        metrics = self._hub.metrics
        metrics.viewer_comes()
        waits_since: float | None = None
        try:
            reading = Reading(self._run, self._after)
            page = await self._first_page(store, watch)
            while True:
                if page is None:
                    raise gone(self._run)
                if batches := reading.new(page):
                    if waits_since is not None:
                        metrics.delivered(page.state, batches, waits_since)
                        waits_since = None
                    yield [Appended(batch.at, records_of(batch)) for batch in batches]
                if page.state.last == reading.place.number:
                    if page.state.ending is not None:
                        self._end(page.state.ending, context)
                        return
                    waits_since = waits_since or time()
                    await self._changed(watch, page.state)
                page = await patiently(lambda: store.read(self._run, reading.place.number))
        finally:
            metrics.viewer_goes()
            watch.close()

    async def _first_page(self, store: Store, watch: Watch) -> Page | None:
        def read() -> Awaitable[Page | None]:
            return store.read(self._run, 0 if self._after is None else self._after.number)

        page = await patiently(read)
        if page is None and self._after is None:
            with move_on_after(self._wait):
                while page is None:
                    await watch.changed()
                    page = await patiently(read)
        return page

    async def _changed(self, watch: Watch, state: State) -> None:
        """
        Wait until there may be more.

        Raises:
            Lost: There will not be.
        """
        if state.phase != "live" or state.alive:
            await watch.changed()
            return
        if state.recipe is not None:
            with move_on_after(_TAKEOVER_WITHIN):
                await watch.changed()
                return
        raise Lost(f"run {self._run!r} is lost: its writer has died, and nobody has taken it over")

    def _end(self, ending: bytes, context: Context) -> None:
        told = Ending.decode(ending)
        context.contribute(EndingFacts(told.facts or {}))
        failure = told.failure(self._run)
        if failure is not None:
            raise failure
        if told.kind == "stopped" and told.stopped_by is not None:
            context.stopped(told.stopped_by)
