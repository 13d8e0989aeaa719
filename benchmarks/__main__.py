"""
`python -m benchmarks [GROUP …] [--rounds N] [--quick] [--json] [--save] [--against FILE]`, with the groups of `GROUPS`
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from . import boundaries, events, fixed, hub, json_input, memory, pages, report, results, stages, tool_loop
from .hub import many_runs
from .load import tables as load
from .measure import machine
from .text import aims_line, as_text

if TYPE_CHECKING:
    from .measure import Table

GROUPS = {
    "events": events.tables,
    "stages": stages.tables,
    "boundaries": boundaries.tables,
    "json": json_input.tables,
    "fixed": fixed.tables,
    "memory": memory.tables,
    "use-chat": pages.use_chat_tables,
    "ag-ui": pages.ag_ui_tables,
    "tool-loop": tool_loop.tables,
    "hub": hub.tables,
    "load": load.tables,
    "idle": load.idle_tables,
}

QUICK = 2
"""Rounds."""


async def measure(names: list[str], rounds: int, *, quiet: bool) -> dict[str, list[Table]]:
    groups: dict[str, list[Table]] = {}
    for name in names:
        groups[name] = []
        async for table in GROUPS[name](rounds):
            groups[name].append(table)
            if not quiet:
                print(as_text(table), flush=True)
    return groups


def main() -> None:
    about = "streamkit against its peers, in one run"
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=about)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--rounds", type=int, default=7, help="timings of each contender (7)")
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument(
        "--save",
        action="store_true",
        help="keep the figures in benchmarks/results, by version, and write the pages and the charts",
    )
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="a kept result to compare with; the last one by default"
    )
    parser.add_argument(
        "--soak", type=float, metavar="SECONDS", help="how long the many runs of `hub` last (3)"
    )
    args = parser.parse_args()
    if unknown := [name for name in args.groups if name not in GROUPS]:
        parser.error(f"unknown group {', '.join(unknown)}: give {', '.join(GROUPS)}")
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    rounds = QUICK if args.quick else args.rounds
    if args.soak is not None:
        many_runs.seconds = args.soak
    earlier = results.load(args.against) if args.against else results.last()
    where = machine()
    groups = asyncio.run(measure(args.groups or list(GROUPS), rounds, quiet=args.json))
    document = results.as_document(groups, where)
    if args.json:
        print(json.dumps(document, indent=2))
    else:
        print(aims_line([table for tables in groups.values() for table in tables], where))
        if earlier is not None:
            print(f"\n{results.compared(document, earlier)}")
    if args.save:
        saved = [results.save(document), *report.write()]
        if not args.json:
            print("\n" + "\n".join(f"written: {path}" for path in saved))


main()
