"""
Timing contenders against each other, in one process and in turns.

The clock is the processor time of this process: nothing here waits for anything, and what other programs took
is nobody's cost. A shared machine is slow for seconds at a time all the same. Contenders that take turns meet
the same weather, and the fastest of several rounds is the one that was disturbed least; the median beside it
tells how rough it was.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Sequence

__all__ = ["Aim", "Contender", "Row", "Table", "collected", "machine", "race"]

T = TypeVar("T")

PACKAGES = (
    *("claude-streamkit", "anthropic", "httpx2", "aiohttp", "uvloop", "msgspec", "anyio"),
    *("langchain-anthropic", "pydantic-ai-slim", "genai-processors"),
    *("aiostream", "reactivex", "jiter", "jsonriver", "ijson", "partial-json-parser"),
)
"""Whose versions are told with the figures."""


@dataclass(frozen=True)
class Contender:
    """
    One way to do the work.

    Attributes:
        name: As the table calls it.
        run: Does all of the work once, and returns what came out, for the comparison before the timing.
        result: Makes of that what is compared, where it would be a cost of its own.
        units: Units of work in one call, where they are not those of the others.
        rounds: Timings at most, of one that takes long.
        note: What a reader has to know of it.
    """

    name: str
    run: Callable[[], Awaitable[Any]]
    result: Callable[[Any], object] | None = None
    units: int | None = None
    rounds: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """
    What one contender took for one unit of work, in the table's unit.
    """

    name: str
    best: float
    median: float
    note: str = ""


@dataclass(frozen=True)
class Aim:
    """
    How many times cheaper (or, with `at_most`, dearer) one row is meant to be than another; or how much dearer at most, in the
    table's unit, with `above`.
    """

    row: str
    against: str
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None

    def figure(self, table: Table) -> float:
        """
        The ratio that the aim is about, of the best times; or their difference.
        """
        row, against = table[self.row].best, table[self.against].best
        if self.above is not None:
            return row - against
        return against / row if self.at_least is not None else row / against

    def met(self, table: Table) -> bool:
        """
        Whether what was measured is as meant.
        """
        figure = self.figure(table)
        if self.above is not None:
            return figure <= self.above
        return figure >= (self.at_least or 0) and figure <= (self.at_most or figure)


@dataclass(frozen=True)
class Table:
    """
    Contenders side by side.

    Attributes:
        title: What was measured.
        unit: Of every figure, such as `"μs per event"`.
        rows: One for each contender.
        base: The row that ratios are given against.
        aims: What the ratios are meant to be.
        note: What a reader has to know.
    """

    title: str
    unit: str
    rows: list[Row]
    base: str
    aims: Sequence[Aim] = ()
    note: str = ""
    by_name: dict[str, Row] = field(init=False, repr=False, default_factory=dict[str, Row])

    def __post_init__(self) -> None:
        self.by_name.update((row.name, row) for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        return self.by_name[name]

    def as_dict(self) -> dict[str, Any]:
        """
        The table for `--json`.
        """
        base = self[self.base].best
        return {
            "title": self.title,
            "unit": self.unit,
            "note": self.note,
            "base": self.base,
            "rows": [{**asdict(row), "ratio": row.best / base if base else None} for row in self.rows],
            "aims": [{**asdict(aim), "figure": aim.figure(self), "met": aim.met(self)} for aim in self.aims],
        }


async def race(contenders: Sequence[Contender], *, units: int, rounds: int) -> list[Row]:
    """
    Time every contender once a round, in turns, forwards and backwards; what they return must be equal.

    The garbage collector is on, as in an application (work that makes many objects pays for it), and starts
    each timing with nothing to do.

    Args:
        contenders: What to compare.
        units: Units of work in one call, of those contenders that do not say it themselves.
        rounds: How many times each is called, after one call that is not timed.

    Returns:
        Microseconds for one unit of work.

    Raises:
        AssertionError: Two contenders have not done the same work.
    """
    await _compare(contenders)
    taken: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            if contender.rounds is not None and number >= contender.rounds:
                continue
            gc.collect()
            start = process_time()
            await asyncio.create_task(_run(contender))
            taken[contender.name].append((process_time() - start) * 1e6 / (contender.units or units))
    return [Row(each.name, min(taken[each.name]), median(taken[each.name]), each.note) for each in contenders]


async def _run(contender: Contender) -> Any:
    # In a task of its own, as in an application: tables are given by async generators, where a run has to be read in another way,
    # which costs some microseconds for each item.
    return await contender.run()


async def _compare(contenders: Sequence[Contender]) -> None:
    results: list[object] = []
    for contender in contenders:
        made = await asyncio.create_task(_run(contender))
        results.append(made if contender.result is None else contender.result(made))
    for contender, result in zip(contenders, results, strict=True):
        assert result == results[0], f"{contender.name} gives something else than {contenders[0].name}"


async def collected(items: AsyncIterable[T]) -> list[T]:
    """
    All items, by the loop that an application would write.
    """
    out: list[T] = []
    async for item in items:
        out.append(item)
    return out


def machine() -> dict[str, Any]:
    """
    Where the figures come from.
    """
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "versions": {name: version(name) for name in PACKAGES if _installed(name)},
    }


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
