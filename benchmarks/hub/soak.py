"""
The program of the many runs: `python -m benchmarks.hub.soak URL SECONDS` writes its figures as JSON.
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from uuid import uuid4

import anyio

import streamkit as sk

from .delays import cut, follow, stamps
from .many_runs import RATE, RUNS, VIEWERS

__all__ = ["measure"]


async def measure(url: str, count: int) -> dict[str, float]:
    """
    Run them.

    Args:
        url: The hub's.
        count: Records of each run.
    """
    delays = array("d")
    began, used, memory = perf_counter(), process_time(), _most_memory()
    async with sk.hub.connect(url) as hub, anyio.create_task_group() as tasks:
        for run in (uuid4().hex for _ in range(RUNS)):
            hub.start(run, sk.from_iterable(partial(stamps, count, 1 / RATE)))
            for _ in range(VIEWERS):
                tasks.start_soon(follow, hub, run, delays, count)
            await anyio.sleep(1 / RATE / RUNS)  # so that not all of them tell something at the same moment
    took, used = perf_counter() - began, process_time() - used
    most = _most_memory()  # before the delays are sorted, which takes more than the hub does
    p50, p99 = cut(delays)
    return {
        "p50": p50,
        "p99": p99,
        "rate": RUNS * count / took,
        "cpu": used * 1e6 / (RUNS * count),
        "grown": most - memory,
        "most": most,
    }


def _most_memory() -> float:
    """
    The megabytes that this process has had at most. `getrusage` would tell those of the process that has begun it, too.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1024


if __name__ == "__main__":
    print(json.dumps(anyio.run(measure, sys.argv[1], int(float(sys.argv[2]) * RATE))))
