"""
Reads a run for one request: what there is, what comes next, or what comes for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anyio import current_time, move_on_after
from msgspec.structs import replace

from streamkit._core.naming import call_text
from streamkit._core.source import Opened, Source
from streamkit.hub import Lost
from streamkit.hub._parts import Position, read_part, read_tail, wait_for
from streamkit.hub._record import parse_place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamkit._core.runtime.context import Context
    from streamkit.durable_streams._content import Content
    from streamkit.hub import Hub
    from streamkit.hub._parts import Part
    from streamkit.hub._stores.contract import Watch

__all__ = ["Parts", "RunReader"]

_MOST_RECORDS: Final = 4096

_CONNECTION: Final = 60.0
"""
Seconds after which a stream of server-sent events ends, and its client comes again, as the protocol wants it: a cache can then
serve those who came meanwhile.
"""


class RunReader:
    """
    Reads a run, as clients are told it.

    Args:
        hub: Where the run is.
        run: Its id.
        content: What its records are to its clients.
    """

    def __init__(self, hub: Hub, run: str, content: Content) -> None:
        self.hub = hub
        self.run = run
        self.content = content

    async def appears(self, seconds: float) -> None:
        """
        Wait for a run that is not there yet.
        """
        await wait_for(self.hub, self.run, seconds)

    async def tail(self) -> Part:
        """
        The empty part behind all records. Errors are those of `read_tail`.
        """
        return await read_tail(self.hub, self.run)

    async def read(self, start: Position) -> Part:
        """
        What there is from a position on. Errors are those of `read_part`.
        """
        part = await read_part(self.hub, self.run, start)
        count = len(part.records) if part.is_last else self.content.whole(part.records)
        if count == len(part.records) or not (count or part.at_tail):
            return part
        records = part.records[:count]
        end = Position(parse_place("offset", records[-1].id), part.end.started) if records else part.start
        return replace(part, records=records, end=end)

    async def read_on(self, start: Position) -> Part:
        """
        The same, about 4,096 records at most: in one part what most runs have, because some clients ask for one alone.
        """
        part = await self.read(start)
        while not part.at_tail and len(part.records) < _MOST_RECORDS:
            more = await self.read(part.end)
            part = replace(more, start=start, records=[*part.records, *more.records])
        return part

    def watch(self) -> Watch:
        """
        A watch on the run, for `next`. The caller closes it.
        """
        return self.hub.store.watch(self.run)

    async def next(self, start: Position, seconds: float, watch: Watch) -> Part:
        """
        What there is from a position on, or else what comes first, within so many seconds.

        Raises:
            Lost: Nothing will come, because the writer has died.
            StreamError: As for `read`.
        """
        until = current_time() + seconds
        while True:
            part = await self.read(start)
            if part.records or part.is_last or current_time() >= until:
                return part
            self.check_alive(part)
            with move_on_after(until - current_time()):
                await watch.changed()

    def check_alive(self, part: Part) -> None:
        """
        Refuse to wait for what comes behind a part where nothing will.

        Raises:
            Lost: The writer has died. It is not told as the end: the writer may only have stood still.
        """
        if part.at_tail and not part.closed and part.kind == "lost":
            raise Lost(f"run {self.run!r} is lost: its writer has died, and nobody has taken it over")


class Parts(Source):
    """
    The parts of a run as they come, for a minute at most.

    Args:
        reader: Reads the run.
        before: The part in front of them.
    """

    memory = "512 records"

    def __init__(self, reader: RunReader, before: Part) -> None:
        self._reader = reader
        self._before = before

    def __repr__(self) -> str:
        return call_text("durable_streams.resume", self._reader.run)

    def open(self, context: Context) -> Opened:
        return Opened("async", self._parts())

    async def _parts(self) -> AsyncGenerator[Part]:
        until = current_time() + _CONNECTION
        end, is_last = self._before.end, self._before.is_last
        watch = self._reader.watch()  # one for all parts, because Redis is told of each
        try:
            while not is_last and current_time() < until:
                part = await self._reader.next(end, until - current_time(), watch)
                end, is_last = part.end, part.is_last
                if part.records or is_last:
                    yield part
        finally:
            watch.close()
