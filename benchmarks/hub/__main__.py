"""
One part at a time, to work by: `python -m benchmarks.hub append delay viewers takeover soak --seconds 60`
"""

from __future__ import annotations

import argparse
import asyncio

from ..text import as_text
from . import PARTS, many_runs, tables


async def measure(parts: list[str], rounds: int) -> None:
    async for table in tables(rounds, parts):
        print(as_text(table), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hub", description="parts of the group `hub`")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="timings of each contender (3)")
    parser.add_argument("--seconds", type=float, help="how long the many runs of `soak` last (3)")
    args = parser.parse_args()
    if unknown := [name for name in args.parts if name not in PARTS]:
        parser.error(f"unknown part {', '.join(unknown)}: give {', '.join(PARTS)}")
    if args.seconds is not None:
        many_runs.seconds = args.seconds
    asyncio.run(measure(args.parts or list(PARTS), args.rounds))


main()
