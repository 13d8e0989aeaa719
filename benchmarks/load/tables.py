"""
What many streams cost over real connections: by number, pace, transport and loop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from ..frameworks import FRAMEWORKS
from ..measure import Aim, Table
from .readers import READERS, TRANSPORTS, Client
from .runs import Taken, in_turns, name_of
from .worker import RAW, Figures, Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

__all__ = ["Setting", "idle_tables", "tables", "tables_of"]

OURS = name_of("streamkit", "sk.http_client()")
OURS_ON_THEIRS = name_of("streamkit", "the SDK's own client")
BYTES = name_of("only bytes", "sk.http_client()")
BYTES_ON_THEIRS = name_of("only bytes", "the SDK's own client")
STREAM = name_of(".stream()", "the SDK's own client")

FIGURES: dict[str, tuple[str, Callable[[Figures], float]]] = {
    "CPU per event": ("μs", lambda figures: figures.event),
    "CPU per request": ("μs", lambda figures: figures.request),
    "memory per stream": ("KB", lambda figures: figures.memory),
    "half of the events came within": ("ms", lambda figures: figures.median),
    "99% of the events came within": ("ms", lambda figures: figures.p99),
}
FEWEST: tuple[tuple[str, Client], ...] = (
    ("only bytes", "sk.http_client()"),
    ("streamkit", "sk.http_client()"),
)
FEW: tuple[tuple[str, Client], ...] = (
    *FEWEST,
    ("only bytes", "pyreqwest"),
    ("streamkit", "the SDK's own client"),
    (".stream()", "the SDK's own client"),
)
MANY = 500
"""Streams from which on the memory of one can be told."""


@dataclass(frozen=True)
class Setting:
    """
    How many streams, at what pace.

    Attributes:
        streams: At once.
        events: Of each.
        rate: Events a second of each; None for all of them at once.
        loop: `"asyncio"` or `"uvloop"`.
        pings: Whether the events are pings.
        few: Without the contenders that are measured elsewhere.
        collect_after: As for a plan.
    """

    streams: int
    events: int
    rate: float | None = None
    loop: str = "asyncio"
    pings: bool = False
    few: bool = False
    collect_after: int | None = None

    def __str__(self) -> str:
        streams = f"{self.streams:,} stream{'s' if self.streams > 1 else ''}"
        if self.pings:
            return f"{streams}, a ping every {1 / (self.rate or 1):g} s each, {self.loop}"
        pace = f"{self.rate:g} events/s each" if self.rate else f"{self.events:,} events each at once"
        return f"{streams}, {pace}, {self.loop}"

    def plans(self) -> Iterator[Plan]:
        """
        All contenders.
        """
        for reader, client in self._contenders():
            yield Plan(
                reader=reader,
                client=client,
                loop=self.loop,
                streams=self.streams,
                events=self.events,
                rate=self.rate,
                pings=self.pings,
                collect_after=self.collect_after,
            )

    def _contenders(self) -> Iterator[tuple[str, Client | None]]:
        yield RAW, None
        if self.pings:
            yield from FEWEST
        elif self.few:
            yield from FEW
        else:
            yield from ((reader, client) for client, reader in product(TRANSPORTS, READERS))
            yield "only bytes", "pyreqwest"
            yield from ((framework, "the SDK's own client") for framework in FRAMEWORKS)


FIFTY = Setting(50, 150, 50.0)
THOUSANDS = Setting(2_000, 5, 1.0, few=True)
IDLE = Setting(10_000, 3, 0.1, pings=True, few=True)
SETTINGS = (
    Setting(1, 150, 50.0, few=True),
    FIFTY,
    Setting(500, 15, 5.0, few=True),
    THOUSANDS,
    Setting(50, 150, 50.0, loop="uvloop", few=True),
    Setting(2_000, 5, 1.0, loop="uvloop", few=True),
    Setting(1, 50_000, few=True),
    Setting(50, 2_000, few=True),
    Setting(2_000, 50, few=True),
)
AIMS = {
    (FIFTY, "CPU per event"): (
        Aim(OURS, RAW, at_most=1.7),
        Aim(OURS, STREAM, at_least=5.5),
        Aim(OURS_ON_THEIRS, BYTES_ON_THEIRS, at_most=1.05),
    ),
    (THOUSANDS, "memory per stream"): (Aim(OURS, RAW, above=40),),
    (THOUSANDS, "99% of the events came within"): (Aim(OURS, BYTES, at_most=2),),
}
IDLE_AIMS = (Aim(OURS, BYTES, at_most=1.3),)


async def tables(rounds: int) -> AsyncIterator[Table]:
    """
    All settings, which take long: with fewer than six rounds once, and otherwise twice or more.
    """
    paced: list[tuple[Setting, Taken]] = []
    for setting in SETTINGS:
        taken = await in_turns(setting.plans(), max(1, rounds // 3))
        for table in tables_of(setting, taken):
            yield table
        if setting.rate and setting.loop == "asyncio":
            paced.append((setting, taken))
    for table in _by_number(paced):
        yield table


async def idle_tables(rounds: int) -> AsyncIterator[Table]:
    """
    Streams on which nothing comes but pings.
    """
    minute = replace(IDLE, events=6) if rounds > 2 else IDLE
    for table in tables_of(minute, await in_turns(minute.plans(), 1)):
        yield table


def tables_of(setting: Setting, taken: Taken) -> Iterator[Table]:
    """
    One for each figure.
    """
    note = "; ".join(f"`{name}` has failed: {why}" for name, why in taken.failed.items())
    for title, (unit, figure) in FIGURES.items():
        if title.startswith("memory") and setting.streams < MANY:
            continue
        if title.endswith("within") and (setting.rate is None or setting.pings):
            continue
        rows = taken.rows(figure)
        names = {row.name for row in rows}
        if rows:
            wanted = (
                IDLE_AIMS if setting.pings and title == "CPU per event" else AIMS.get((setting, title), ())
            )
            aims = [aim for aim in wanted if {aim.row, aim.against} <= names]
            yield Table(f"{setting}: {title}", unit, rows, RAW if RAW in names else rows[0].name, aims, note)


def _by_number(paced: list[tuple[Setting, Taken]]) -> Iterator[Table]:
    """
    What the number of streams does to an event and a request of ours.
    """
    for title, aim in (("CPU per event", 1.3), ("CPU per request", 2.0)):
        unit, figure = FIGURES[title]
        rows = [
            row
            for setting, taken in paced
            if (row := taken.row(OURS, figure, f"{setting.streams:,} streams")) is not None
        ]
        names = {row.name for row in rows}
        if {"50 streams", "2,000 streams"} <= names:
            aims = [Aim("2,000 streams", "50 streams", at_most=aim)]
            yield Table(f"{OURS}, paced, asyncio: {title}", unit, rows, "50 streams", aims)
