"""
The blocks about many streams over connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kept import grid, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .kept import Kept

__all__ = ["BLOCKS", "EVENT", "FIFTY", "OURS", "PACED", "RAW", "THEIRS", "label"]

RAW = "raw socket"
RUST = "only bytes, pyreqwest"
OURS = "streamkit, sk.http_client()"
THEIRS = "the SDK's own client"
FIFTY = "50 streams, 50 events/s each, asyncio"
THOUSANDS = "2,000 streams, 1 events/s each, asyncio"
PACED = {
    1: "1 stream, 50 events/s each, asyncio",
    50: FIFTY,
    500: "500 streams, 5 events/s each, asyncio",
    2_000: THOUSANDS,
}
AT_ONCE = {
    "1 stream": "1 stream, 50,000 events each at once, asyncio",
    "50 streams": "50 streams, 2,000 events each at once, asyncio",
    "500 streams": "500 streams, 200 events each at once, asyncio",
    "2,000 streams": "2,000 streams, 50 events each at once, asyncio",
    "50 streams, uvloop": "50 streams, 2,000 events each at once, uvloop",
}
LOOPS = {
    "50 streams, asyncio": FIFTY,
    "50 streams, uvloop": "50 streams, 50 events/s each, uvloop",
    "2,000 streams, asyncio": THOUSANDS,
    "2,000 streams, uvloop": "2,000 streams, 1 events/s each, uvloop",
}
IDLE = "10,000 streams, a ping every 10 s each, asyncio"
EVENT, REQUEST, MEMORY = "CPU per event", "CPU per request", "memory per stream"
HALF, NEARLY_ALL = "half of the events came within", "99% of the events came within"
LATE = " †"
FOOTNOTE = "\n† It did not keep up. Half of its events came more than 20 ms late, several at a time, and each looks cheaper.\n"
FRAMEWORKS = ("LangChain's ChatAnthropic", "pydantic-ai", "genai-processors, over LangChain")


def label(row: str) -> str:
    """
    A contender in words.
    """
    if row == RAW:
        return "a raw asyncio socket"
    if row == RUST:
        return "pyreqwest, bytes only"
    reader, _, client = row.rpartition(", ")
    reader = {
        "only bytes": "the SDK's response, bytes only",
        "create(stream=True)": "the SDK's `create(stream=True)`",
        ".stream()": "the SDK's `.stream()`",
        "LangChain's ChatAnthropic": "LangChain's `ChatAnthropic`",
    }.get(reader, reader)
    return f"{reader}, with {'its own client' if client == THEIRS and 'SDK' in reader else code(client)}"


def code(client: str) -> str:
    """
    How the client is made.
    """
    return {"aiohttp": '`sk.http_client(transport="aiohttp")`', THEIRS: THEIRS}.get(client, f"`{client}`")


def readme(kept: Kept) -> str:
    """
    The cost of an event over a connection, shortly.
    """
    table = f"{FIFTY}: {EVENT}"
    readers = ("streamkit", "create(stream=True)", ".stream()", *FRAMEWORKS)
    rows = [RAW, OURS, *(f"{reader}, {THEIRS}" for reader in readers)]
    return _one_figure(kept, "50 streams over connections, 50 events/s each", table, rows)


def _one_figure(kept: Kept, what: str, table: str, rows: Iterable[str]) -> str:
    base = kept.best(table, RAW)
    late = False
    lines: list[list[str]] = []
    for row in rows:
        value = kept.best(table, row)
        if value is None or base is None:
            continue
        late = late or kept.late(table, row)
        figures = [number(value) + LATE * kept.late(table, row), number(value / base)]
        lines.append([label(row), *(f"**{each}**" if row == OURS else each for each in figures)])
    return grid([what, "CPU, µs per event", "times the raw socket's"], lines) + FOOTNOTE * late


def _setting(setting: str) -> Callable[[Kept], str]:
    """
    All figures of all contenders.
    """

    def block(kept: Kept) -> str:
        event = f"{setting}: {EVENT}"
        base, late = kept.best(event, RAW), False
        lines: list[list[str]] = []
        for row in kept.rows(event):
            value = kept.best(event, row)
            request = kept.best(f"{setting}: {REQUEST}", row)
            late = late or kept.late(event, row)
            figures = [
                number(value) + LATE * kept.late(event, row),
                number(value / base) if value is not None and base else "",
                number(None if request is None else request / 1000),
                *(number(kept.best(f"{setting}: {title}", row)) for title in (MEMORY, HALF, NEARLY_ALL)),
            ]
            lines.append([label(row), *(f"**{each}**" if row == OURS and each else each for each in figures)])
        head = ["CPU, µs per event", "times the raw socket's", "CPU, ms per request", "KB per stream"]
        return grid([setting, *head, "half within, ms", "99% within, ms"], lines) + FOOTNOTE * late

    return block


def _columns(columns: dict[str, str], figure: str, unit: str) -> Callable[[Kept], str]:
    """
    One figure of all contenders, by setting.
    """

    def block(kept: Kept) -> str:
        tables = [f"{setting}: {figure}" for setting in columns.values()]
        rows = list(dict.fromkeys(row for table in tables for row in kept.rows(table)))
        late = False
        lines: list[list[str]] = []
        for row in rows:
            if sum(kept.best(table, row) is not None for table in tables) < min(2, len(tables)):
                continue
            late = late or any(kept.late(table, row) for table in tables)
            figures = [number(kept.best(table, row)) + LATE * kept.late(table, row) for table in tables]
            lines.append([label(row), *(f"**{each}**" if row == OURS and each else each for each in figures)])
        return grid([f"{figure}, {unit}", *columns], lines) + FOOTNOTE * late

    return block


def _by_number(kept: Kept) -> str:
    """
    What the number of streams does to ours.
    """
    lines: list[list[str]] = []
    for streams, setting in PACED.items():
        if kept.best(f"{setting}: {EVENT}", OURS) is None:
            continue
        request = kept.best(f"{setting}: {REQUEST}", OURS)
        figures = [
            number(kept.best(f"{setting}: {EVENT}", OURS)),
            number(None if request is None else request / 1000),
            *(number(kept.best(f"{setting}: {title}", OURS)) for title in (MEMORY, HALF, NEARLY_ALL)),
        ]
        lines.append([f"{streams:,}", *figures])
    head = ["CPU, µs per event", "CPU, ms per request", "KB per stream", "half within, ms", "99% within, ms"]
    return grid(["streams", *head], lines)


BLOCKS: dict[str, Callable[[Kept], str]] = {
    "over connections": readme,
    "50 streams": _setting(FIFTY),
    "2,000 streams": _setting(THOUSANDS),
    "at once": _columns(AT_ONCE, EVENT, "µs"),
    "loops": _columns(LOOPS, EVENT, "µs"),
    "by number": _by_number,
    "memory": _columns(
        {"500": PACED[500], "2,000": THOUSANDS, "10,000, idle": IDLE}, MEMORY, "KB, of so many streams"
    ),
    "idle": _columns({"CPU, µs per ping": IDLE}, EVENT, "10,000 idle streams"),
}
"""What stands on the pages, by name."""
