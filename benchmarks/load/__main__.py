"""
One setting at a time, to work by: `python -m benchmarks.load --streams 50 --rate 50 --only streamkit --only raw`
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace

from ..text import as_text
from .runs import in_turns, name_of
from .tables import Setting, tables_of


async def measure(setting: Setting, only: list[str], rounds: int) -> None:
    wanted = [
        plan
        for plan in setting.plans()
        if not only or any(word in name_of(plan.reader, plan.client) for word in only)
    ]
    for table in tables_of(setting, await in_turns(wanted, rounds)):
        print(as_text(table))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="one setting of the load")
    parser.add_argument("--streams", type=int, default=50, help="at once (50)")
    parser.add_argument("--rate", type=float, help="events a second of each; all at once by default")
    parser.add_argument(
        "--events", type=int, help="of each; by default those of four seconds, or 100,000 of all"
    )
    parser.add_argument("--pings", action="store_true", help="pings in place of events")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD", help="contenders with it in their name"
    )
    parser.add_argument(
        "--collect-after",
        type=int,
        metavar="OBJECTS",
        help="new ones after which Python's collector looks; 700 by default",
    )
    parser.add_argument("--rounds", type=int, default=1, help="runs of each contender (1)")
    args = parser.parse_args()
    setting = Setting(args.streams, 0, args.rate, args.loop, args.pings)
    events = args.events or int(4 * args.rate if args.rate else 100_000 / args.streams) or 1
    setting = replace(setting, events=events, collect_after=args.collect_after)
    asyncio.run(measure(setting, args.only, args.rounds))


main()
