"""
The blocks about what costs something in one process: events, stages, boundaries, JSON, pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kept import grid, number

if TYPE_CHECKING:
    from .kept import Kept

__all__ = ["BLOCKS", "readme"]

ONE_EACH = "10,000 text deltas, one network read per event, in memory"
LARGE = "10,000 text deltas, 16 KB reads, in memory"
STAGES = {
    "1": "1 pure stage (map)",
    "3": "3 pure stages (map, filter, map)",
    "6": "6 pure stages (map, filter, map, filter, map, filter)",
}
BUFFER = "a buffer of 64"
MERGE = "merge of two sources"
INPUTS = {
    "of 1 KB": "a tool's input of 1 KB, one large string, in 92 deltas, 100 calls of it",
    "of 60 KB": "a tool's input of 60 KB, one large string, in 4,924 deltas",
    "of 1 MB": "a tool's input of 1 MB, one large string, in 82,118 deltas",
}
IMPORTS = "importing, each in a fresh interpreter, compiled before"
STREAMKIT = "streamkit"
WITH_MESSAGE = "streamkit, and outcome.message"
CREATE = "SDK create(stream=True)"
STREAM = "SDK stream(), get_final_message()"
BY_HAND = "by hand: split, typed msgspec"
LOOP = "by hand: one loop, the same functions"
GENERATORS = "async generators, one for each stage"
MEMORY_STREAM = "anyio memory object stream"
LIVE = "streamkit tool_input()"


def readme(kept: Kept) -> str:
    """
    One row for each kind of work.
    """

    def of(table: str, *names: tuple[str, str]) -> str:
        said = [
            f"{label} {number(value)}"
            for label, name in names
            if (value := kept.best(table, name)) is not None
        ]
        return ", ".join(said)

    def ours(table: str, name: str = STREAMKIT) -> str:
        value = kept.best(table, name)
        return "" if value is None else f"**{number(value)}**"

    def by_hand(table: str, name: str, what: str) -> str:
        value = kept.best(table, name)
        return "" if value is None else f"{number(value)} ({what})"

    frameworks = (
        ("LangChain's `ChatAnthropic`", "LangChain's ChatAnthropic"),
        ("pydantic-ai", "pydantic-ai"),
        ("genai-processors", "genai-processors, over LangChain"),
    )
    sdk = (("the SDK's `create(stream=True)`", CREATE), ("its `.stream()`", STREAM))
    six, input_ = STAGES["6"], INPUTS["of 60 KB"]
    parsers = (("jsonriver", "jsonriver"), ("jiter", "jiter.from_json, of all so far"))
    rest = (("the SDK's `.stream()`", "SDK MessageStream"), ("ijson", "ijson, complete values only"))
    rows = [
        [
            "event of an answer, from the network to its text, `outcome.message` included",
            ours(ONE_EACH, WITH_MESSAGE),
            by_hand(ONE_EACH, BY_HAND, "typed msgspec, text alone"),
            of(ONE_EACH, *sdk, *frameworks),
        ],
        [
            "item through six stages of `map` and `filter`",
            ours(six),
            by_hand(six, LOOP, "one loop"),
            of(six, ("async generators", GENERATORS), ("reactivex", "reactivex"), ("aiostream", "aiostream")),
        ],
        [
            "item from one task to another, in a `buffer`",
            ours(BUFFER),
            by_hand(BUFFER, MEMORY_STREAM, "anyio's memory object streams"),
            "",
        ],
        [
            "item of a `merge`",
            ours(MERGE),
            by_hand(MERGE, MEMORY_STREAM, "the same"),
            of(MERGE, ("aiostream", "aiostream")),
        ],
        [
            "delta of a tool's input of 60 KB, all of it shown live",
            ours(input_, LIVE),
            "",
            of(input_, *parsers, *rest),
        ],
    ]
    measured = [row for row in rows if row[1]]
    return grid(["for each, in µs of CPU time", "streamkit", "by hand", "others"], measured)


def _side_by_side(
    kept: Kept, what: str, columns: dict[str, str], rows: dict[str, str], ours: frozenset[str] = frozenset()
) -> str:
    lines: list[list[str]] = []
    for label, row in rows.items():
        figures = [number(kept.best(table, row)) for table in columns.values()]
        if any(figures):
            lines.append([label, *(f"**{each}**" if label in ours and each else each for each in figures)])
    return grid([what, *columns], lines)


def _events(kept: Kept) -> str:
    rows = {
        "`sk.messages(…) | sk.text()`, and `outcome.message`": WITH_MESSAGE,
        "the same, each wait limited by `timeouts=`": "streamkit, timeouts=Timeouts()",
        "by hand, over a typed msgspec decode": BY_HAND,
        "the SDK's `create(stream=True)`": CREATE,
        "the SDK's `.stream()` with its final message": STREAM,
        "LangChain's `ChatAnthropic.astream()`": "LangChain's ChatAnthropic",
        "pydantic-ai's `model_request_stream()`": "pydantic-ai",
        "genai-processors' `LangChainModel`": "genai-processors, over LangChain",
        "only reading the bytes": "only reading the bytes",
    }
    columns = {
        "one network read per event": ONE_EACH,
        "reads of 16 KB": LARGE,
    }
    return _side_by_side(
        kept, "10,000 text deltas, µs per event", columns, rows, frozenset([next(iter(rows))])
    )


def _stages(kept: Kept) -> str:
    rows = {
        "by hand, one loop that calls the same functions": LOOP,
        "by hand, their expressions in the loop": "by hand: one loop, expressions inlined",
        "streamkit": STREAMKIT,
        "async generators, one around the other": GENERATORS,
        "reactivex": "reactivex",
        "aiostream": "aiostream",
    }
    return _side_by_side(kept, "pure stages, µs per item", STAGES, rows, frozenset(["streamkit"]))


def _boundaries(kept: Kept) -> str:
    columns = {
        "a buffer": BUFFER,
        "a tee, per sink": "tee to 3 sinks, buffer of 64, for each sink",
        "a merge": MERGE,
    }
    rows = {
        "streamkit": STREAMKIT,
        "anyio's memory object streams": MEMORY_STREAM,
        "aiostream": "aiostream",
    }
    what = "from one task to another, µs per item"
    return _side_by_side(kept, what, columns, rows, frozenset(["streamkit"]))


def _json(kept: Kept) -> str:
    rows = {
        "`sk.tool_input()`, all of it, live": LIVE,
        "the SDK's `.stream()`, its own accumulation": "SDK MessageStream",
        "jsonriver": "jsonriver",
        "jiter's partial mode, all of it at each delta": "jiter.from_json, of all so far",
        "partial-json-parser, all of it at each delta": "partial-json-parser, of all so far",
        "ijson, without the string that is being written": "ijson, complete values only",
    }
    what = "a tool's input while it is written, µs per delta"
    return _side_by_side(kept, what, INPUTS, rows, frozenset([next(iter(rows))]))


def _pages(kept: Kept) -> str:
    columns: dict[str, str] = {}
    for title in kept.tables:
        events, _, rest = title.partition(" events to ")
        if rest.endswith((": text, in memory", ": recordings, in memory")):
            page, _, answer = rest.removesuffix(", in memory").partition(": ")
            columns[f"{page.split(' ', 1)[1]}: {events} events of {answer}"] = title
    alone = "the events alone"
    lines = [
        [alone],
        ["streamkit, told in the protocol and written"],
        ["pydantic-ai, its own events"],
    ]
    for table in columns.values():
        framed = next((name for name in kept.rows(table) if name.endswith("and framing")), "")
        names = (alone, framed, "pydantic-ai, its adapter and encoding")
        for line, name in zip(lines, names, strict=True):
            line.append(number(kept.best(table, name)))
    lines[1] = [lines[1][0], *(f"**{each}**" for each in lines[1][1:])]
    return grid(["to a page, µs per event", *columns], lines)


def _tool_loop(kept: Kept) -> str:
    columns = {
        f"{words} words a turn": f"a tool loop of 10 turns, each with {words} words and three calls, in memory"
        for words in (30, 150, 300)
    }
    rows = {
        "`sk.tool_loop(…)`": "streamkit, tool_loop()",
        "the same requests by `sk.messages(…)`, one by one": "streamkit, the same requests one by one",
        "the SDK's `tool_runner`, streaming": "the SDK's tool_runner, streaming",
        "the SDK's `create()`, the answers' bytes unread": "the SDK's create(), the answers' bytes unread",
    }
    what = "a tool loop of ten turns with three calls each, µs per turn"
    return _side_by_side(kept, what, columns, rows, frozenset([next(iter(rows))]))


def _fixed(kept: Kept) -> str:
    opening, reading = "opening, reading one item, closing", "reading a run"
    logging = "a run and its two lines of log, written nowhere"
    rows = [
        ("`import streamkit`", IMPORTS, "streamkit"),
        (
            "the same, and the first use of `sk.messages` and `sk.text`",
            IMPORTS,
            "streamkit, its Claude sources and text() loaded",
        ),
        ("`import anthropic`", IMPORTS, "anthropic"),
        ("opening a run, reading one item, closing", opening, "streamkit"),
        ("an async generator in anyio's task group, closed", opening, "the same in an anyio task group"),
        ("aiostream's streamer", opening, "aiostream"),
        ("an item of a run, read in a coroutine", reading, "a run in a coroutine"),
        ("an item of a run, read in an async generator", reading, "in a generator"),
        ("a run to whose log nobody listens", logging, "nobody listens"),
        ("the same, logged as JSON by structlog", logging, "structlog, as JSON"),
    ]
    lines = [
        [label, f"{number(value)} {kept.tables[table]['unit'].split()[0].replace('μ', 'µ')}"]
        for label, table, row in rows
        if (value := kept.best(table, row)) is not None
    ]
    return grid(["paid once, or once an item", "CPU time"], lines)


BLOCKS = {
    "in process": readme,
    "events": _events,
    "stages": _stages,
    "boundaries": _boundaries,
    "json": _json,
    "pages": _pages,
    "tool loop": _tool_loop,
    "fixed": _fixed,
}
"""What stands on the pages, by name."""
